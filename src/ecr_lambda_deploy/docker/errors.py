"""Finds the reason of a failed build in its log: BuildKit's own words, the line of the Dockerfile, a hint."""

import itertools
import re
from collections.abc import Iterable, Sequence

from ecr_lambda_deploy.docker.builders import WAYS_TO_RUN
from ecr_lambda_deploy.model.errors import DeployError, SourceLocation
from ecr_lambda_deploy.model.hints import Hints, hint_for
from ecr_lambda_deploy.model.images import ecr_hosts, registry_owner
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.permissions.denials import PUSH_ACTIONS, denial_hint

LONGEST_LINE = 16 * 1024
"""Characters of a line of a program's output: commands of a Dockerfile and registries write parts of it."""
_LONGEST_INSTRUCTION = 1000  # characters that are shown of a line of the Dockerfile

# BuildKit 0.12 and newer print file and line; that of engine 20.10 only the step, or the line of a syntax error.
_PLACE = re.compile(r"^(?P<file>\S+):(?P<line>\d{1,9})$")
_SYNTAX = re.compile(r"dockerfile parse error (?:on )?line (?P<line>\d{1,9})")
_STEP = re.compile(r"^ > \[(?:[^\s\]]+ )*\d+/\d+\] (?P<instruction>.+?):?$")
_BASE_IMAGE = re.compile(r"^ > \[(?:\S+ )?internal\] load metadata for (?P<reference>\S+?):?$")

_REPOSITORY = re.compile(r"[a-z0-9][a-z0-9._/-]*")
# What ECR says of a pull or a push that IAM denies. The text may be of any registry, or of what a build prints, so that
# no other permission is ever advised.
_DENIED = re.compile(
    r"not authorized to perform: (?:ecr:GetAuthorizationToken on resource: \*|ecr:(?:BatchCheckLayerAvailability"
    r"|BatchGetImage|CompleteLayerUpload|GetDownloadUrlForLayer|InitiateLayerUpload|PutImage|UploadLayerPart)"
    r" on resource: arn:aws[a-z-]*:ecr:[a-z0-9-]+:[0-9]{12}:repository/[a-z0-9][a-z0-9._/-]*)(?=[\s),;:]|$)"
)

# What BuildKit's layers put before the reason.
_NOISE = re.compile(
    r"^target [\w-]+: |failed to solve: |rpc error: code = \w+ desc = "
    r"|failed to solve with frontend dockerfile\.v0: |failed to create LLB definition: |failed to compute cache key: "
)

# A command of the Dockerfile failed. It would fail again, and its text may contain any of the words below; of a long
# one only the beginning is known.
_COMMAND = re.compile(r'did not complete successfully|executor failed running|failed to solve: process "')
# 429, 5xx and connection loss, in the words of BuildKit (which gives a status and its name) and of engine 20.10.
_PASSING = re.compile(
    r"toomanyrequests|\b429 Too Many Requests|\b5\d\d (Internal Server Error|Bad Gateway|Service Unavailable|Gateway)"
    r"|received unexpected HTTP status: (429|5\d\d)|HTTP (429|5\d\d) response"
    r"|connection reset|broken pipe|\bEOF\b|i/o timeout|TLS handshake timeout|closed network connection"
    r"|temporary failure in name resolution|server misbehaving",
    re.IGNORECASE,
)
_AROUND_COMMANDS = (('process "', '" did not complete'), ("executor failed running [", "]: "))
_SECONDS = re.compile(r"^\d{1,6}\.\d{1,3} ")  # before each line that a step prints
_MOST_PRINTED = 20  # lines
_WRONG_PROGRAM = re.compile(r"exec format error", re.IGNORECASE)  # [execve(2), ENOEXEC]
_PULL_LIMIT = re.compile(r"pull rate limit|Data limit exceeded")  # of Docker Hub and ECR Public; lasts for hours
# Steps of the Dockerfile have a stage and a number in brackets, and what they print has the seconds before it.
_EXPORT = re.compile(r"^(?P<step>#\d+ )(?:\[[^\s\]]+\] )?exporting to ")
_PUSH_STATUS = re.compile(r"unexpected status from \w+ request to \S+: (?P<status>\d{3} .+)")
_LOGIN = re.compile(r"token has expired|401 Unauthorized|unauthorized: authentication required|no basic auth")

_UNAUTHORIZED = re.compile(r"401 Unauthorized|403 Forbidden|access to the resource is denied")
# ECR refuses a manifest for want of room with the same status, which is all that BuildKit tells of some answers
# [containers-roadmap#2159, cht-core#9175].
_PUSH_HINT = (
    f"Allow the push to the repository in a policy of the role that this job uses: {', '.join(PUSH_ACTIONS)}. If it is "
    "allowed, the repository may be full: look at ECR's quota of images per repository."
)
# What IAM denies has a hint by its policies.
_HINTS: Hints = (
    (
        re.compile(r"x509: |tls: failed to verify certificate"),
        (
            "A registry shows a certificate that the builder does not know, such as that of a proxy that reads along: "
            "give its CA to the engine, as /etc/docker/certs.d/REGISTRY/ca.crt on the runner, or to the BuildKit that "
            "'builder' names."
        ),
    ),
    (
        re.compile(r"no space left on device|disk quota exceeded"),
        "The engine's disk is full: use a larger runner, or remove what the job does not need before this step.",
    ),
    (
        re.compile(r"exit code: 137\b|cannot allocate memory"),  # 128 and SIGKILL
        "A step of the Dockerfile was killed, most likely for want of memory: use a larger runner, or do less at once.",
    ),
    (
        re.compile(r"granting entitlement \S+ is not allowed"),
        (
            "The builder does not allow it: start BuildKit with --allow-insecure-entitlement, and name it in the input "
            "'builder'."
        ),
    ),
    (
        re.compile(r"no match for platform in manifest"),
        "The base image does not exist for this platform: start from another, or set the input 'platform'.",
    ),
    (
        re.compile(r"client version \S+ is too (old|new)"),
        "DOCKER_API_VERSION in the environment names a version that the engine does not have: unset it for this step.",
    ),
    (
        re.compile(r"\bsecret \S+ not found"),
        "The Dockerfile wants a secret of this id: give it in the input 'secrets', as ID=VALUE.",
    ),
    (
        re.compile(
            r'checksum of ref \S{1,200} "[^"]{1,500}": not found|"[^"]{1,500}" not found: not found'
            r'|"/[^"]*":? not found|failed to walk '
        ),
        (
            "The build context has no such file: paths in COPY and ADD are relative to the input 'context'. Look at "
            "the path, at the case of its letters, at .dockerignore, and whether an earlier step of the job was to "
            "make the file."
        ),
    ),
    (
        re.compile(r"failed to resolve source metadata for \S+ \S+: not found$"),
        "The registry has no image of this name and tag, or shows it only to those who log in, by 'docker-auth'.",
    ),
    (
        re.compile(r"413 (Request Entity|Content|Payload) Too Large"),
        "A proxy before the registry takes no layer of this size: raise its limit, or push around it.",
    ),
    (
        re.compile(r"proxyconnect|Proxy Authentication Required"),
        "The proxy of the builder does not let it through: look at HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the engine.",
    ),
    (
        _PULL_LIMIT,
        (
            "The registry of a base image limits pulls: give a login in the input 'docker-auth', take the image from "
            "public.ecr.aws, or copy it to ECR."
        ),
    ),
    (
        re.compile(r"already has the maximum allowed number of images"),  # [vllm#48065]
        (
            "The repository is full. Remove images that no function runs: a lifecycle rule does so from then on, which "
            "'create-repository' gives a new repository for untagged images. Or have ECR raise the quota of images."
        ),
    ),
    (
        re.compile(r"name unknown|NAME_UNKNOWN|repository with name \S+ does not exist"),
        "The registry does not know the repository: look at the inputs 'repository' and 'registry'.",
    ),
    (re.compile(r"HTTP 403 response|unauthorized: authentication required|no basic auth"), _PUSH_HINT),
    (
        re.compile(rf"{_UNAUTHORIZED.pattern}|authorization failed|pull access denied"),
        "A registry requires credentials for a base image: give them in the input 'docker-auth'.",
    ),
    (
        re.compile(
            r"HTTP response to HTTPS client|tls: (handshake failure|protocol version)|not look like a TLS handshake"
        ),
        "What answers in the registry's place does not speak TLS as a registry does: look at its name and port.",
    ),
    (
        re.compile(r"connection refused|no such host|no route to host|i/o timeout|TLS handshake timeout"),
        "A registry could not be reached: look at the image's name; if it is right, run this job again.",
    ),
    (
        re.compile(r"unsupported frontend capability|(Attestation|Cache export) is not supported"),
        "This needs a newer engine, one that keeps images in containerd, or a BuildKit named in the input 'builder'.",
    ),
    (
        _WRONG_PROGRAM,
        f"The builder does not run programs of that architecture. {WAYS_TO_RUN}",
    ),
    (
        re.compile(r"max depth exceeded"),
        "This engine stacks at most 127 layers: join some of RUN, COPY and ADD, or let an earlier stage have them.",
    ),
    (
        re.compile(r"string field contains invalid UTF-8"),  # [buildx#2850]
        (
            "BuildKit takes names in UTF-8 only: rename the files of the context whose names are not, or leave them "
            "out by .dockerignore."
        ),
    ),
    (
        re.compile(r"unset ssh forward key|no ssh handler for id"),
        "Give the build the agent or the key: 'ssh=default' in the input 'set', with the socket in the workspace.",
    ),
    (
        re.compile(r"target stage \S+ could not be found"),
        "The input 'target' names a stage of this Dockerfile, as it stands after AS in its FROM.",
    ),
    (
        re.compile(r"base name \([^(]*\) should not be blank"),
        "Give the variable in FROM a value in 'build-args', or a default by an ARG before the first FROM.",
    ),
    (
        re.compile(r"FROM requires either one or three arguments"),
        "FROM has an image's name, and perhaps AS and a stage's; a comment has a line of its own.",
    ),
    (
        re.compile(r"(network\.host|security\.insecure|device) is not allowed"),
        (
            "Allow it: 'entitlements=network.host' or 'entitlements=security.insecure' in the input 'set'; a BuildKit "
            "that 'builder' names has to allow it as well, by --allow-insecure-entitlement."
        ),
    ),
    (
        re.compile(r"unknown instruction: |[Uu]nknown flag: "),
        (
            "If this is no misspelling, it is newer than the builder's own reader of Dockerfiles; that of engine 20.10 "
            "knows no heredocs, for instance. Begin the Dockerfile with the line `# syntax=docker/dockerfile:1`, or "
            "use a newer engine."
        ),
    ),
    (
        re.compile(r"invalid source-date-epoch"),
        "SOURCE_DATE_EPOCH in the environment is a number of seconds since 1970: set it to one, or unset it.",
    ),
    (
        re.compile(r"BuildKit is enabled but the buildx component is missing|Cannot connect to the Docker daemon"),
        "The Docker engine went away during the build.",
    ),
)


def explain(log: Sequence[str], *, dockerfile: str, instructions: str) -> DeployError:
    """Return the error for the log of a failed build.

    Args:
        log: the last lines that buildx printed.
        dockerfile: path of the Dockerfile, relative to the workspace.
        instructions: the Dockerfile's text.
    """
    reason = _reason(log)
    hint = _of_the_text(instructions, reason) or _hint(reason)
    if passing_failure(log):
        hint = "A registry, or the way to it, kept failing for about a minute: run this job again."
    line, lines = _line(log, reason, instructions) or 0, instructions.split("\n")
    said, printed = _NOISE.sub("", reason), "\n".join(_printed(log))
    if not 1 <= line <= len(lines):
        message = f"The image could not be built and pushed: {said}"
        return DeployError(message, hint, topic="build-failed", cause=_in_few_words(said), log=printed)
    return DeployError(
        f"The image could not be built: {said}\n{dockerfile}:{line}: "
        + bounded(lines[line - 1].strip(), _LONGEST_INSTRUCTION),
        hint,
        location=SourceLocation(file=dockerfile, line=line),
        topic="build-failed",
        cause=_in_few_words(said),
        log=printed,
    )


def _in_few_words(reason: str) -> str:
    """Return a reason without what BuildKit puts around a command and its exit code."""
    for begin, end in _AROUND_COMMANDS:
        command, _, rest = reason.partition(begin)[2].rpartition(end)
        if command:
            return f"{command.removeprefix('/bin/sh -c ')}: {rest.removeprefix(' successfully: ')}"
    return reason


def _printed(log: Sequence[str]) -> list[str]:
    """Return what the failed step printed last, as BuildKit repeats it; nothing if it has not."""
    start = max((number for number, line in enumerate(log) if line.startswith(" > [")), default=len(log))
    repeated = itertools.takewhile(lambda line: not line.startswith("---"), log[start + 1 :])
    return [_SECONDS.sub("", bounded(line, _LONGEST_INSTRUCTION)) for line in repeated][-_MOST_PRINTED:]


def _of_the_text(instructions: str, reason: str) -> str:
    """Return what to do about the way in which the Dockerfile is written to disk; empty if that is not to blame."""
    if "\0" in instructions:
        return "The Dockerfile is in UTF-16, as PowerShell writes files: save it in UTF-8."
    if "\r" in instructions and "\n" not in instructions:
        return "The lines of the Dockerfile end with a carriage return alone: end them with a line feed."
    # BuildKit quotes the command as Go does [docker/for-win#13665].
    if "\r\n" in instructions and "\\r\\n" in reason.partition('process "')[2]:
        return (
            "The lines of the Dockerfile end with CRLF, which its heredoc hands to the shell: end them with a line "
            "feed, as `Dockerfile text eol=lf` in .gitattributes keeps them."
        )
    return ""


def _hint(reason: str) -> str:
    """Return what to do; the text of a command of the Dockerfile, which may hold any words, does not count."""
    for begin, end in _AROUND_COMMANDS:
        before, found, rest = reason.partition(begin)
        if found:
            reason = before + rest.rpartition(end)[2]
    if of_ecr := _DENIED.search(reason):
        return denial_hint(f"{reason[: of_ecr.end()]} {reason[of_ecr.end() :]}")
    if denied := _denied_pull(reason):
        return denied
    if "failed to push" in reason and _UNAUTHORIZED.search(reason) and "maximum allowed" not in reason:
        return _PUSH_HINT
    return hint_for(reason, _HINTS) or "Look at what the build printed last: the job's log has all of it."


def _denied_pull(reason: str) -> str:
    """Return what to do if ECR refuses to give a base image; empty for any other reason.

    A repository of another account wants both [Amazon ECR User Guide, private repository policies].
    """
    hosts = ecr_hosts(reason)
    if not hosts or "403 Forbidden" not in reason or "failed to push" in reason:
        return ""
    owner, path = registry_owner(hosts[0]), _REPOSITORY.match(reason.partition(f"{hosts[0]}/")[2].removeprefix("v2/"))
    if owner is None or path is None:
        return ""
    repository = path[0].partition("/manifests")[0].partition("/blobs")[0]
    return (
        "Allow this job's role to pull the base image: ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on the "
        f"repository {repository} of account {owner.account} in {owner.region}, in a policy of the role. If that is "
        "another account, the policy of the repository must allow both actions, too. There, add this statement:\n"
        '{"Effect": "Allow", "Principal": {"AWS": "ARN of this job\'s role"}, '
        '"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}'
    )


def failed_target(log: Sequence[str], targets: Iterable[str]) -> str:
    """Return which of bake's targets failed; empty if there are several and the log does not name it."""
    reason, names = _reason(log), list(targets)
    named = [name for name in names if reason.startswith(f"target {name}: ")]
    return named[0] if named else names[0] if len(names) == 1 else ""


def passing_failure(log: Sequence[str]) -> str:
    """Return the reason if a registry or the network failed in a way that may pass by itself; else nothing."""
    reason = _reason(log)
    lasts = _COMMAND.search(reason) or _PULL_LIMIT.search(reason)
    return _NOISE.sub("", reason) if _PASSING.search(reason) and not lasts else ""


def failed_login(log: Sequence[str]) -> bool:
    """Whether a registry refused the login, as it does when a token has expired."""
    reason = _reason(log)
    return bool(_LOGIN.search(reason)) and not _COMMAND.search(reason)


def tag_taken(log: Sequence[str]) -> bool:
    """Whether a registry refused the push because its tag is there and immutable, in ECR's words."""
    return "cannot be overwritten because the tag is immutable" in _reason(log)


def _reason(log: Sequence[str]) -> str:
    errors = [line for line in log if line.startswith("ERROR: ")]
    reason = errors[-1].removeprefix("ERROR: ") if errors else "\n".join(log[-5:]) or "buildx printed nothing"
    reason = bounded(reason)
    # BuildKit ends with the registry's message, and has the status only in its log of the attempts.
    exports = tuple({found["step"] for line in log if (found := _EXPORT.match(line))})
    refused = [line for line in log if line.startswith(exports) and "error: failed commit on ref " in line]
    statuses = [found["status"] for line in refused if (found := _PUSH_STATUS.search(line))]
    if "failed to push" in reason and statuses:
        return f"{reason} ({statuses[-1]})"
    return f"{reason} ({printed})" if (printed := _wrong_program(log)) else reason


def _wrong_program(log: Sequence[str]) -> str:
    """Return what the failed step printed if that is that a program is for another architecture; else nothing."""
    return next((line for line in _printed(log) if _WRONG_PROGRAM.search(line)), "")


def _line(log: Sequence[str], reason: str, instructions: str) -> int | None:
    syntax = _SYNTAX.search(reason)
    if syntax:
        return int(syntax["line"])
    for text, following in zip(reversed(log[:-1]), reversed(log[1:]), strict=True):
        place = _PLACE.match(text)
        if place and following.startswith("-----"):
            return int(place["line"])
    for text in reversed(log):
        step, base_image = _STEP.match(text), _BASE_IMAGE.match(text)
        if step:
            return _line_of(step["instruction"], instructions)
        if base_image:
            return _line_of_base_image(base_image["reference"], instructions)
    return None


def _line_of(instruction: str, instructions: str) -> int | None:
    """Return the line where an instruction begins, if there is only one such line.

    BuildKit shows an instruction in one line, with variables replaced, so only its beginning is compared.
    """
    shown = instruction.split()
    numbers = [
        number
        for number, text in enumerate(instructions.splitlines(), 1)
        if (words := text.rstrip("\\ ").split()) and shown[: len(words)] == words and len(words) > 1
    ]
    return numbers[0] if len(numbers) == 1 else None


def _line_of_base_image(reference: str, instructions: str) -> int | None:
    """Return the line of the FROM that names an image; BuildKit shows it with registry and tag filled in."""
    for number, text in enumerate(instructions.splitlines(), 1):
        words = [word for word in text.split() if not word.startswith("--")]
        if len(words) > 1 and words[0].upper() == "FROM" and words[1].partition("@")[0] in reference:
            return number
    return None
