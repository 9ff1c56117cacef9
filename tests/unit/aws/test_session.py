"""What a run without credentials is told, by what has started it. Nothing is sent."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from ecr_lambda_deploy.aws.rates import RequestPriority
from ecr_lambda_deploy.aws.session import Aws, region_of_profile
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import RoleToAssume
from tests.unit.fakes.clock import FakeClock

_ROLE = RoleToAssume(
    arn="arn:aws:iam::123456789012:role/deploy", is_chained=False, session_name="deploy", duration_seconds=None
)
_CHAINED = replace(_ROLE, is_chained=True)
_FORK, _OWN = "eve/shop", "acme/shop"


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/missing")


def _error(role: RoleToAssume | None, event: str = "", head: str = "", **environment: str) -> DeployError:
    def refuse(_: str) -> str:
        raise DeployError("Unable to get ACTIONS_ID_TOKEN_REQUEST_URL")

    run = WorkflowRun(repository=_OWN, event=event, head=head)
    with pytest.raises(DeployError) as caught:
        _aws(role, refuse, run, environment).ecr().describe_repositories()
    return caught.value


def _aws(
    role: RoleToAssume | None, id_token: Callable[[str], str], run: WorkflowRun, environment: Mapping[str, str]
) -> Aws:
    return Aws(
        region="eu-west-1",
        role=role,
        id_token=id_token,
        mask=lambda _: None,
        clock=FakeClock(),
        priority=RequestPriority(),
        run=run,
        environment=environment,
    )


@pytest.mark.parametrize("event", ["pull_request", "pull_request_review"])
@pytest.mark.parametrize("role", [_ROLE, _CHAINED, None])
def test_rule_12_a_fork_s_pull_request_is_told_that_it_has_no_token_by_design(
    role: RoleToAssume | None, event: str
) -> None:
    error = _error(role, event, _FORK)

    assert error.message.startswith("GitHub gave this job no OIDC token" if role is _ROLE else "There are no AWS cred")
    assert "by design" in error.hint
    assert "plan after the merge" in error.hint
    assert "Never use `pull_request_target` with a checkout of the pull request's head" in error.hint
    assert "id-token: write" not in error.hint


@pytest.mark.parametrize("event", ["pull_request_target", "workflow_run"])
@pytest.mark.parametrize("role", [_ROLE, None])
def test_rule_12_an_event_with_all_permissions_is_not_told_to_take_one_without_a_warning(
    role: RoleToAssume | None, event: str
) -> None:
    hint = _error(role, event, _FORK).hint

    assert "id-token: write" in hint
    assert "only if the job neither checks out nor runs anything of the pull request" in hint


@pytest.mark.parametrize(("event", "head"), [("push", ""), ("pull_request", _OWN), ("", "")])
@pytest.mark.parametrize("role", [_ROLE, _CHAINED, None])
def test_any_other_run_is_told_what_to_give_it(role: RoleToAssume | None, event: str, head: str) -> None:
    hint = _error(role, event, head).hint

    assert "id-token: write" in hint
    assert "fork" not in hint


_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary"}
_TOKEN_FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
_ROLE_ARN = "arn:aws:iam::123456789012:role/runner"
_NO_ADDRESSES = ("localhost:4566", "//localhost:4566", "http://localhost:port", "ftp://localhost", "http://a b")


@pytest.mark.parametrize(
    ("environment", "words", "named"),
    [
        ({"AWS_PROFILE": "prod"}, "The config profile (prod) could not be found", "AWS_PROFILE"),
        (
            {"AWS_WEB_IDENTITY_TOKEN_FILE": _TOKEN_FILE, "AWS_ROLE_ARN": _ROLE_ARN},
            f"No such file or directory: '{_TOKEN_FILE}'",
            "AWS_WEB_IDENTITY_TOKEN_FILE",
        ),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": _TOKEN_FILE}, "no role ARN configured", "AWS_WEB_IDENTITY_TOKEN_FILE"),
        (
            {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/credentials"},
            "Unsupported host 'example.com'",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": _TOKEN_FILE,
            },
            f"No such file or directory: '{_TOKEN_FILE}'",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        ),
        *[
            ({**_KEYS, name: address}, f"Invalid endpoint: {address}", name)
            for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_ECR")
            for address in _NO_ADDRESSES
        ],
        ({**_KEYS, "AWS_DEFAULTS_MODE": "fast"}, "invalid defaults mode: fast", "AWS_DEFAULTS_MODE"),
        ({"AWS_METADATA_SERVICE_TIMEOUT": "1s"}, "invalid literal for int()", "AWS_METADATA_SERVICE_TIMEOUT"),
    ],
)
def test_what_names_a_thing_of_the_runner_is_named_and_no_bug(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], words: str, named: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    error = _error(None, **environment)

    assert error.message.startswith("The AWS settings or credentials of the environment cannot be used: ")
    assert words in error.message
    assert f"Look at {named}. This action runs in a container of its own" in error.hint
    assert "canary" not in str(error)


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
@pytest.mark.parametrize("address", _NO_ADDRESSES)
@pytest.mark.parametrize("role", [_ROLE, _CHAINED])
def test_so_is_the_address_of_sts(monkeypatch: pytest.MonkeyPatch, role: RoleToAssume, address: str, name: str) -> None:
    for variable, value in {**_KEYS, name: address}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(DeployError, match=f"Invalid endpoint: {address}") as caught:
        _aws(role, lambda _: "token", WorkflowRun(), {name: address}).ecr().describe_repositories()

    assert caught.value.hint.startswith(f"Look at {name}.")


def test_without_credentials_a_file_that_is_not_here_is_named() -> None:
    hint = _error(None, AWS_CONFIG_FILE="/home/runner/.aws/config").hint

    assert hint.startswith("What AWS_CONFIG_FILE names is not in the container that this action runs in. Give the job")


def _fail_by_hand(role: RoleToAssume | None = None, **environment: str) -> DeployError:
    run = WorkflowRun(run_id="17.1764430000")
    with pytest.raises(DeployError) as caught:
        _aws(role, lambda _: "", run, environment).ecr().describe_repositories()
    return caught.value


@pytest.mark.parametrize("role", [None, _CHAINED])
def test_by_hand_the_hint_is_to_sign_in(role: RoleToAssume | None) -> None:
    error = _fail_by_hand(role, AWS_CONFIG_FILE="/home/me/.aws/config")

    assert error.message == "There are no AWS credentials."
    assert error.hint.startswith("Name a profile in AWS_PROFILE and sign in to it, such as by `aws sso login`")


def test_by_hand_a_profile_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "prod")
    error = _fail_by_hand(AWS_PROFILE="prod")

    assert "The config profile (prod) could not be found" in error.message
    assert error.hint.startswith("Look at AWS_PROFILE. Name a profile in AWS_PROFILE and sign in to it")


def test_the_region_is_the_profile_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile prod]\nregion = eu-west-3\n[default]\nregion = eu-west-2\n")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert region_of_profile({}) == ""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

    assert region_of_profile({}) == "eu-west-2"
    monkeypatch.setenv("AWS_PROFILE", "prod")
    assert region_of_profile({}) == "eu-west-3"
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(DeployError, match="The config profile \\(nobody\\) could not be found") as caught:
        region_of_profile({"AWS_PROFILE": "nobody"})
    assert caught.value.hint.startswith("Look at AWS_PROFILE.")
