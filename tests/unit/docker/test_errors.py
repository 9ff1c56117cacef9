"""Logs that buildx 0.29 printed with two real engines, for builds that fail; only the registry's port is changed."""

import time
from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.errors import explain, failed_login, passing_failure
from ecr_lambda_deploy.model.errors import DeployError, SourceLocation

_LOGS = Path(__file__).parent / "build_logs"
_ENGINES = ("engine-20.10", "engine-28.5")


def _explained(engine: str, case: str) -> DeployError:
    log = Path(_LOGS, engine, f"{case}.log").read_text().splitlines()
    instructions = Path(_LOGS, f"{case}.Dockerfile").read_text()
    return explain(log, dockerfile="services/orders/Dockerfile", instructions=instructions)


@pytest.mark.parametrize("engine", _ENGINES)
@pytest.mark.parametrize(
    ("case", "line", "instruction", "words"),
    [
        ("syntax", 3, "CPY app.py /", "unknown instruction: CPY"),
        ("run", 3, "RUN echo one \\", "exit code: 1"),
        ("run-multistage", 6, "RUN echo hi && exit 3", "exit code: 3"),
        ("copy", 3, "COPY missing.py /", '"/missing.py"'),
        ("unknown-base", 3, "FROM localhost:5000/nothing:1 AS y", "localhost:5000/nothing:1: not found"),
    ],
)
def test_an_instruction_that_fails_is_named_with_its_line(
    engine: str, case: str, line: int, instruction: str, words: str
) -> None:
    error = _explained(engine, case)

    assert words in error.message
    assert "failed to solve" not in error.message
    assert error.message.endswith(f"\nservices/orders/Dockerfile:{line}: {instruction}")
    assert error.location == SourceLocation(file="services/orders/Dockerfile", line=line)


@pytest.mark.parametrize("engine", _ENGINES)
def test_a_command_that_fails_is_told_in_few_words_with_what_it_printed(engine: str) -> None:
    error = _explained(engine, "run")

    assert error.cause == "echo one     && false: exit code: 1"
    assert error.log == "one"


@pytest.mark.parametrize("engine", _ENGINES)
def test_a_step_that_runs_a_program_for_another_architecture_is_explained(engine: str) -> None:
    error = _explained(engine, "architecture")

    assert "exit code: 1 (exec /bin/sh: exec format error)\nservices/orders/Dockerfile:3: RUN echo one" in error.message
    for way in ("ubuntu-24.04-arm", "'builder'", "docker/setup-qemu-action", "--platform=$BUILDPLATFORM"):
        assert way in error.hint


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        ("0.1 sh: 1: ./tool: Exec format error", "sh: 1: ./tool: Exec format error"),
        (
            "0.1 /x.sh: line 2: /t: cannot execute binary file: Exec format error",
            "/x.sh: line 2: /t: cannot execute binary file: Exec format error",
        ),
        ("0.1 done", ""),
    ],
)
def test_only_the_failed_step_tells_of_another_architecture(printed: str, shown: str) -> None:
    failed = 'ERROR: failed to solve: process "/bin/sh -c x" did not complete successfully: exit code: 126'
    log = ["#5 0.1 exec /x: exec format error", "------", " > [2/2] RUN x:", printed, "------", failed]
    error = explain(log, dockerfile="Dockerfile", instructions="FROM a\nRUN x\n")

    assert (f"exit code: 126 ({shown})" if shown else "exit code: 126\n") in error.message
    assert ("setup-qemu-action" in error.hint) is bool(shown)


@pytest.mark.parametrize("engine", _ENGINES)
@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("target", "could not be found"),
        ("push-missing", "The repository with name 'missing' does not exist"),
        ("push-denied", "403"),
        ("push-unauthorized", "nauthorized"),
    ],
)
def test_what_no_instruction_is_to_blame_for_has_no_line(engine: str, case: str, words: str) -> None:
    error = _explained(engine, case)

    assert words in error.message
    assert error.location is None


@pytest.mark.parametrize("engine", _ENGINES)
def test_a_push_to_a_repository_that_is_not_there_hints_at_the_inputs(engine: str) -> None:
    assert "'repository'" in _explained(engine, "push-missing").hint


@pytest.mark.parametrize("engine", _ENGINES)
@pytest.mark.parametrize("case", ["push-denied", "push-unauthorized"])
def test_a_refused_push_hints_at_permissions_and_not_at_a_base_image(engine: str, case: str) -> None:
    hint = _explained(engine, case).hint

    assert "push" in hint
    assert "base image" not in hint


_WHO = "User: arn:aws:sts::1:assumed-role/deploy/run is not authorized to perform:"
_REPOSITORY = "arn:aws:ecr:eu-west-1:123456789012:repository/shop/orders"
_DENIED = f"{_WHO} ecr:InitiateLayerUpload on resource: {_REPOSITORY}"
_PUSH = "failed to push registry.example/orders:src-1:"
_DO = 'failed to do request: Head "https://registry.example/v2/orders/blobs/sha256:1"'
_FAILED, _ENDED = 'process "/bin/sh -c echo', '" did not complete successfully: exit code: 1'


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        (f"denied: {_DENIED}", f'"Action": "ecr:InitiateLayerUpload", "Resource": "{_REPOSITORY}"'),
        (f"({_DENIED})", f'"Action": "ecr:InitiateLayerUpload", "Resource": "{_REPOSITORY}"'),
        (
            f"{_PUSH} denied: {_DENIED} with an explicit deny in a service control policy",
            "A service control policy denies",
        ),
        ("write /x: disk quota exceeded", "disk is full"),
        (f"{_FAILED}{_ENDED}37", "for want of memory"),
        ("executor failed running [/bin/sh -c make]: exit code: 137", "for want of memory"),
        ("granting entitlement security.insecure is not allowed by build daemon configuration", "--allow-insecure-"),
        ("failed to resolve source metadata for r/a:1: no match for platform in manifest: not found", "'platform'"),
        ("client version 1.10 is too old. Minimum supported API version is 1.12", "DOCKER_API_VERSION"),
        ("secret token: not found", "'secrets'"),
        ('failed to calculate checksum of ref a::b: "/app": not found', "relative to the input 'context'"),
        ('"/app" not found: not found', "relative to the input 'context'"),
        (f"{_FAILED} secret x: not found exit code: 137{_ENDED}", "Look at what the build printed"),
        ("pull access denied, repository does not exist or may require authorization", "'docker-auth'"),
        ("dial tcp: lookup registry.example: no such host", "could not be reached"),
        (f"{_PUSH} dial tcp 10.0.0.1:443: connect: connection refused", "could not be reached"),
        (f"{_PUSH} dial tcp 10.0.0.1:443: connect: no route to host", "could not be reached"),
        ("toomanyrequests: You have reached your unauthenticated pull rate limit", "public.ecr.aws"),
        ("429 Too Many Requests: toomanyrequests: You have reached your pull rate limit as 'me'", "'docker-auth'"),
        (
            f"{_PUSH} {_DO}: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "give its CA",
        ),
        ("python:3.13: failed to resolve: x509: certificate has expired or is not yet valid", "give its CA"),
        (f"{_PUSH} {_DO}: remote error: tls: handshake failure", "does not speak TLS as a registry does"),
        (f"{_PUSH} {_DO}: http: server gave HTTP response to HTTPS client", "does not speak TLS"),
        (
            f"{_PUSH} unexpected status from PUT request to r: 413 Request Entity Too Large",
            "layer of this size",
        ),
        (f"{_PUSH} {_DO}: proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused", "proxy"),
        (f"{_PUSH} unexpected status from POST request to https://r/v2/: 403 Forbidden", "Allow the push"),
        (
            f"{_PUSH} unexpected status from PUT request to https://r/v2/: 403 Forbidden",
            "quota of images per repository",
        ),
        (
            f"{_PUSH} denied: The repository already has the maximum allowed number of images which is '20000' (403)",
            "The repository is full",
        ),
        ("failed to register layer: max depth exceeded", "at most 127 layers"),
        ("grpc: failed to unmarshal the received message: string field contains invalid UTF-8", "names in UTF-8 only"),
        ("secret npmrc: not found", "'secrets'"),
        ("unset ssh forward key default", "'ssh=default' in the input 'set'"),
        ('target stage "prod" could not be found', "'target'"),
        ("base name ($BASE) should not be blank", "'build-args'"),
        ("dockerfile parse error on line 9: FROM requires either one or three arguments", "comment has a line"),
        ("failed to load LLB: security.insecure is not allowed", "'entitlements=security.insecure' in the input 'set'"),
        ("dockerfile parse error line 3: unknown instruction: DEF", "# syntax=docker/dockerfile:1"),
        ("dockerfile parse error line 3: Unknown flag: link", "# syntax=docker/dockerfile:1"),
        ('"/missing.py" not found: not found', "'context'"),
        ('failed to calculate checksum of ref a::b: "/missing.py": not found', "'context'"),
        ("localhost:5000/nothing:1: not found", "log has all of it"),
        ('invalid source-date-epoch: strconv.ParseInt: parsing "today": invalid syntax', "SOURCE_DATE_EPOCH"),
        ("ghcr.io/acme/base:1: failed to fetch anonymous token: unexpected status: 403 Forbidden", "'docker-auth'"),
        ("denied: requested access to the resource is denied", "'docker-auth'"),
        ("exec /bin/sh: exec format error", "docker/setup-qemu-action"),
        ("write /x: no space left on device", "disk is full"),
        (f"{_PUSH} write /var/lib/docker/tmp/x: no space left on device", "disk is full"),
        (f"{_PUSH} unknown: something new", "log has all of it"),
        ("something new", "log has all of it"),
        (f"{_FAILED} x509: no space left on device" + _ENDED, "log has all of it"),
        (f"{_FAILED} 401 Unauthorized; not authorized to perform: a:B" + _ENDED, "log has all of it"),
        ("executor failed running [/bin/sh -c echo 401 Unauthorized]: exit code: 1", "log has all of it"),
        (f"{_FAILED} app{_ENDED}: exec /app: exec format error", "docker/setup-qemu-action"),
    ],
)
def test_the_hint_follows_the_reason(reason: str, hint: str) -> None:
    error = explain([f"ERROR: {reason}"], dockerfile="Dockerfile", instructions="FROM scratch\n")

    assert error.message.endswith(f": {reason}")
    assert hint in error.hint


@pytest.mark.parametrize(
    ("instructions", "hint"),
    [
        ("F\0R\0O\0M\0", "UTF-16"),
        ("FROM a\rRUN b", "carriage return alone"),
        ("FROM a\r\nRUN <<E\r\nset -e\r\nE\r\n", "`Dockerfile text eol=lf`"),
        ("FROM a\nRUN set -e\n", "log has all of it"),
    ],
)
def test_the_way_in_which_the_dockerfile_is_saved_can_be_the_reason(instructions: str, hint: str) -> None:
    reason = r'process "/bin/sh -c set -e\r\n" did not complete successfully: exit code: 2'

    assert hint in explain([f"ERROR: {reason}"], dockerfile="Dockerfile", instructions=instructions).hint


def test_without_an_error_line_the_last_lines_are_the_reason() -> None:
    error = explain([str(number) for number in range(9)], dockerfile="Dockerfile", instructions="")

    assert error.message.endswith("4\n5\n6\n7\n8")


def test_a_builder_that_prints_nothing_is_no_empty_reason() -> None:
    assert "printed nothing" in explain([], dockerfile="Dockerfile", instructions="").message


@pytest.mark.parametrize("line", [1, 2])
def test_the_first_and_the_last_line_can_be_at_fault(line: int) -> None:
    log = [f"ERROR: failed to solve: dockerfile parse error on line {line}: unknown instruction: X"]
    error = explain(log, dockerfile="Dockerfile", instructions="FROM scratch\nX")

    assert error.location == SourceLocation(file="Dockerfile", line=line)


def test_of_two_lines_that_could_be_meant_none_is_blamed() -> None:
    log = [" > [2/3] RUN make:", "------", "ERROR: failed to solve: exit code: 2"]

    assert explain(log, dockerfile="Dockerfile", instructions="FROM a\nRUN make\nRUN make\n").location is None


@pytest.mark.parametrize(
    "reason",
    [
        "dockerfile parse error on line 9: unknown instruction: X",
        "dockerfile parse error line 0: file with no instructions",
    ],
)
@pytest.mark.parametrize("instructions", ["", "FROM scratch\n"])
def test_a_line_that_the_dockerfile_does_not_have_is_not_named(reason: str, instructions: str) -> None:
    error = explain([f"ERROR: failed to solve: {reason}"], dockerfile="Dockerfile", instructions=instructions)

    assert reason in error.message
    assert error.location is None


_RUN = 'process "/bin/sh -c echo 503 Service Unavailable EOF 401 Unauthorized" did not complete successfully'


@pytest.mark.parametrize(
    "line",
    [
        "Dockerfile:" + 10_000 * "1",
        "ERROR: failed to solve: dockerfile parse error on line " + 10_000 * "1",
        " > [" + 4000 * "1/1] ",
        "ERROR: " + 600 * "error: failed commit on ref ",
        "ERROR: " + 700 * "repository with name ",
        "ERROR: " + 16_000 * "\ud800",
    ],
)
def test_rule_6_a_line_of_the_log_takes_no_time_and_leaves_a_message(line: str) -> None:
    started = time.thread_time()
    error = explain([line, "-----"] * 250, dockerfile="Dockerfile", instructions=100_000 * "RUN make ")

    assert len(str(error).encode()) < 50_000
    assert error.location is None
    assert time.thread_time() - started < 1


def test_rule_6_a_line_of_the_dockerfile_has_a_bound_in_a_message() -> None:
    log = ["ERROR: failed to solve: dockerfile parse error on line 1: unknown instruction: X"]

    assert len(explain(log, dockerfile="Dockerfile", instructions=1_000_000 * "X").message) < 1500


@pytest.mark.parametrize(
    ("reason", "passes"),
    [
        ("received unexpected HTTP status: 500 Internal Server Error", True),
        ("toomanyrequests: Rate exceeded", True),
        ('Put "http://localhost:5000/v2/app/manifests/src-1": EOF', True),
        ("write tcp 127.0.0.1:1->127.0.0.1:2: write: connection reset by peer", True),
        ("failed to do request: Head: net/http: TLS handshake timeout", True),
        ("dial tcp: lookup registry.example: no such host", False),
        ("error parsing HTTP 403 response body", False),
        ("localhost:5000/nothing:1500: not found", False),
        ("toomanyrequests: You have reached your unauthenticated pull rate limit", False),
        (_RUN, False),
        (f'target a: failed to solve: process "/bin/sh -c {16_000 * "EOF "}', False),
    ],
)
def test_a_failure_that_passes_by_itself_is_recognized(reason: str, passes: bool) -> None:
    log = [f"ERROR: {reason}"]

    assert bool(passing_failure(log)) is passes
    assert ("run this job again" in explain(log, dockerfile="D", instructions="").hint) is (
        passes or "no such host" in reason
    )


def test_the_status_of_a_refused_push_is_in_buildkit_s_log_of_its_attempts() -> None:
    log = [
        "#8 [app] exporting to image",
        '#8 1.1 error: failed commit on ref "x": unexpected status from PUT request to r: 503 Service Unavailable',
        "ERROR: failed to solve: failed to push localhost:5000/app:src-1: unknown: An internal error occurred.",
    ]

    reason = "failed to push localhost:5000/app:src-1: unknown: An internal error occurred. (503 Service Unavailable)"
    assert passing_failure(log) == reason


@pytest.mark.parametrize(
    "step", ["#8 [2/2] RUN make", "#8 [app stage-0 2/2] RUN exporting to image", "#80 exporting to image"]
)
def test_what_a_command_prints_is_no_status_of_a_push(step: str) -> None:
    log = [
        step,
        '#8 1.1 error: failed commit on ref "x": unexpected status from PUT request to r: 400 the tag is immutable',
        "ERROR: failed to solve: failed to push localhost:5000/app:src-1: unexpected status: 404 Not Found",
    ]

    assert "immutable" not in explain(log, dockerfile="D", instructions="").message


@pytest.mark.parametrize(
    "denied",
    [
        "iam:AttachRolePolicy on resource: arn:aws:iam::123456789012:role/deploy",
        "sts:AssumeRole on resource: *",
        "ecr:SetRepositoryPolicy on resource: arn:aws:ecr:eu-west-1:123456789012:repository/shop/orders",
        "ecr:PutImage on resource: *",
        "ecr:PutImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/*",
        "ecr:PutImage",
    ],
)
@pytest.mark.parametrize("policy", ["", " because no identity-based policy allows the action"])
def test_no_text_of_a_registry_advises_a_permission_that_no_build_needs(denied: str, policy: str) -> None:
    reason = f"evil.example/base:1: unexpected status from HEAD request to https://evil.example/v2/: {_WHO} {denied}"

    hint = explain([f"ERROR: {reason}{policy}"], dockerfile="D", instructions="").hint

    assert "Effect" not in hint
    assert "role deploy" not in hint


@pytest.mark.parametrize(
    ("reason", "is_login"),
    [
        ("denied: Your authorization token has expired. Reauthenticate and try again.", True),
        ("unexpected status from HEAD request to http://localhost:5000/v2/: 401 Unauthorized", True),
        ("unauthorized: authentication required", True),
        ("no basic auth credentials", True),
        ("403 Forbidden", False),
        (_RUN, False),
    ],
)
def test_a_failed_login_is_recognized(reason: str, is_login: bool) -> None:
    assert failed_login([f"ERROR: {reason}"]) is is_login


_THEIRS = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    "reason",
    [
        f"unexpected status from GET request to https://{_THEIRS}/v2/team/base/blobs/sha256:1: 403 Forbidden",
        f"unexpected status from HEAD request to https://{_THEIRS}/v2/team/base/manifests/1: 403 Forbidden",
        f"{_THEIRS}/team/base:1: pulling from host {_THEIRS} failed with status code [manifests 1]: 403 Forbidden",
    ],
)
def test_a_pull_that_ecr_denies_names_the_repository_and_the_actions(reason: str) -> None:
    hint = explain([f"ERROR: failed to solve: {reason}"], dockerfile="Dockerfile", instructions="").hint

    assert "ecr:BatchGetImage and ecr:GetDownloadUrlForLayer" in hint
    assert "repository team/base of account 210987654321 in eu-west-1" in hint
    assert "push" not in hint
