"""The action's inputs: read once, frozen, and every problem reported at once."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import get_args

from ecr_lambda_deploy.errors import InputError
from ecr_lambda_deploy.model import (
    BakeProperty,
    Build,
    FunctionTarget,
    ImageTarget,
    Mode,
    Platform,
    RoleToAssume,
)

INPUTS: Mapping[str, str] = {
    "mode": "deploy",
    "function-name": "",
    "context": ".",
    "dockerfile": "",
    "target": "",
    "build-args": "",
    "labels": "",
    "platform": "",
    "set": "",
    "pull": "false",
    "no-cache": "false",
    "repository": "",
    "registry": "",
    "tags": "",
    "aws-region": "",
    "role-to-assume": "",
    "role-chaining": "false",
    "role-session-name": "ecr-lambda-deploy",
    "role-duration-seconds": "",
    "publish": "true",
    "wait-timeout": "600",
}
"""Every input and its default, as `action.yml` declares them."""

# What `set` takes: the properties of a bake target that no input has, by the shape that bake wants [bake reference].
# They are put into bake's definition, since its --set forgets some of them (buildx 0.29: network, ulimits,
# no-cache-filter).
_SINGLE_PROPERTIES = ("network", "shm-size", "description")
_LISTED_PROPERTIES = ("annotations", "entitlements", "no-cache-filter", "ssh", "ulimits")
_MAPPED_PROPERTIES = ("extra-hosts",)

_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FUNCTION_ARN = re.compile(r"arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:[a-zA-Z0-9_-]{1,64}")
# ECR's own pattern [CreateRepository, repositoryName].
REPOSITORY_NAME = re.compile(r"(?=.{2,256}$)[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_REGISTRY = re.compile(r"[a-z0-9.-]+(:\d{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}")
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the workflow asks for.

    Attributes:
        mode: what the run does.
        image: the image and its functions.
        region: AWS Region.
        role: the role to take; None to use the environment's credentials.
        wait_timeout: seconds to wait for Lambda to finish one update.
    """

    mode: Mode
    image: ImageTarget
    region: str
    role: RoleToAssume | None
    wait_timeout: float


def parse_inputs(given: Mapping[str, str], environment: Mapping[str, str]) -> Inputs:
    """Read and check the inputs.

    Args:
        given: inputs by name; what is missing has its default.
        environment: the step's environment variables, for the workspace, the Region and the commit.

    Raises:
        InputError: with every problem there is.
    """
    reader = _Reader(given, environment)
    for name in sorted(set(given) - set(INPUTS)):
        close = get_close_matches(name, INPUTS, n=1)
        reader.problem(f"'{name}' is not an input of this action" + (f"; did you mean '{close[0]}'?" if close else "."))
    region = _read_region(reader)
    inputs = Inputs(
        mode=reader.mode(),
        image=ImageTarget(
            build=_read_build(reader),
            repository=_read_repository(reader),
            registry=reader.matching(
                "registry", _REGISTRY, "a registry host such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com"
            ),
            tags=_read_tags(reader),
            functions=_read_functions(reader, region),
        ),
        region=region,
        role=_read_role(reader),
        wait_timeout=reader.seconds("wait-timeout", least=1) or 0,
    )
    if inputs.mode is Mode.BUILD and not inputs.image.repository:
        reader.problem("'repository' is required with mode: build, which has no function to take it from.")
    if reader.problems:
        raise InputError(reader.problems)
    return inputs


class _Reader:
    """Reads inputs by kind and collects what is wrong with them."""

    def __init__(self, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._given = given
        self.environment = environment
        self.problems: list[str] = []

    def problem(self, problem: str) -> None:
        self.problems.append(problem)

    def text(self, name: str) -> str:
        return self._given.get(name, "").strip() or INPUTS[name]

    def lines(self, name: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(line.strip() for line in self.text(name).splitlines() if line.strip()))

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value not in {"true", "false"}:
            self.problem(f"'{name}' is true or false, not {self.text(name)!r}.")
        return value == "true"

    def mode(self) -> Mode:
        value = self.text("mode")
        if value not in list(Mode):
            self.problem(f"'mode' is one of {', '.join(Mode)}, not {value!r}.")
            return Mode.DEPLOY
        return Mode(value)

    def seconds(self, name: str, *, least: int) -> int | None:
        value = self.text(name)
        if not value:
            return None
        if not (value.isascii() and value.isdigit()) or int(value) < least:
            self.problem(f"'{name}' is a whole number of seconds, {least} or more, not {value!r}.")
            return None
        return int(value)

    def matching(self, name: str, pattern: re.Pattern[str], description: str) -> str:
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            self.problem(f"'{name}' is {description}, not {value!r}.")
        return value

    def pairs(self, name: str) -> dict[str, str | None]:
        """Read KEY=VALUE lines; None for a line that has no `=`."""
        pairs: dict[str, str | None] = {}
        for line in self.lines(name):
            key, equals, value = line.partition("=")
            key = key.strip()
            if not key or any(character.isspace() for character in key):
                self.problem(f"'{name}' holds KEY=VALUE lines; {line!r} is not one.")
            else:
                pairs[key] = value if equals else None
        return pairs


def _read_region(reader: _Reader) -> str:
    region = reader.matching("aws-region", _REGION, "an AWS Region such as eu-west-1")
    region = region or reader.environment.get("AWS_REGION") or reader.environment.get("AWS_DEFAULT_REGION") or ""
    if not region:
        reader.problem("'aws-region' is required where the environment has no AWS_REGION.")
    return region


def _read_functions(reader: _Reader, region: str) -> tuple[FunctionTarget, ...]:
    names = reader.lines("function-name")
    if reader.text("mode") == Mode.BUILD:
        if names:
            reader.problem("'function-name' does not go with mode: build, which touches no function.")
        return ()
    if len(names) != 1:
        reader.problem(f"'function-name' is required and names one Lambda function; {len(names) or 'none'} given.")
    for name in names:
        arn = _FUNCTION_ARN.fullmatch(name)
        if arn is None and not _FUNCTION_NAME.fullmatch(name):
            reader.problem(
                f"'function-name' is a Lambda function's name or ARN without version or alias, not {name!r}."
            )
        elif arn is not None and region and arn["region"] != region:
            reader.problem(f"'function-name' is in {arn['region']}, but the Region of this run is {region}.")
    return tuple(FunctionTarget(name=name, publish=reader.flag("publish")) for name in names)


def _read_repository(reader: _Reader) -> str:
    name = reader.text("repository")
    if ".dkr." in name.partition("/")[0]:
        reader.problem(
            f"'repository' is the ECR repository's name without the registry: {name.partition('/')[2]!r}, not {name!r}."
        )
        return name
    return reader.matching(
        "repository", REPOSITORY_NAME, "an ECR repository's name (lower case letters, digits and ._-/)"
    )


def _read_tags(reader: _Reader) -> tuple[str, ...]:
    tags = reader.lines("tags")
    for tag in tags:
        if not _TAG.fullmatch(tag):
            reader.problem(f"'tags' holds image tags, one per line; {tag!r} is not one.")
    commit = reader.environment.get("GITHUB_SHA", "")
    if not tags and not commit:
        reader.problem("'tags' is required where the environment has no GITHUB_SHA.")
    return tags or (commit,)


def _read_role(reader: _Reader) -> RoleToAssume | None:
    arn = reader.matching("role-to-assume", _ROLE_ARN, "a role's ARN such as arn:aws:iam::123456789012:role/deploy")
    role = RoleToAssume(
        arn=arn,
        is_chained=reader.flag("role-chaining"),
        session_name=reader.matching("role-session-name", _SESSION_NAME, "2 to 64 letters, digits and +=,.@-_"),
        # 15 minutes is the least that STS grants [AssumeRole, DurationSeconds].
        duration_seconds=reader.seconds("role-duration-seconds", least=900),
    )
    if arn:
        return role
    if role.is_chained:
        reader.problem("'role-chaining' needs 'role-to-assume', the role to take.")
    return None


def _read_build(reader: _Reader) -> Build:
    workspace = Path(reader.environment.get("GITHUB_WORKSPACE") or ".").absolute()
    context = _read_path(reader, workspace, "context", reader.text("context"))
    dockerfile = (
        _read_path(reader, workspace, "dockerfile", reader.text("dockerfile"))
        if reader.text("dockerfile")
        else context / "Dockerfile"
    )
    if not context.is_dir():
        reader.problem(
            f"'context' {reader.text('context')!r} is no folder of the workspace.{_checkout_hint(workspace)}"
        )
    elif not dockerfile.is_file():
        wanted = dockerfile.relative_to(workspace) if dockerfile.is_relative_to(workspace) else dockerfile
        reader.problem(f"'dockerfile' {str(wanted)!r} is no file of the workspace.{_checkout_hint(workspace)}")
    return Build(
        context=context,
        dockerfile=dockerfile,
        target=reader.text("target"),
        build_args=_read_build_args(reader),
        labels={key: value or "" for key, value in reader.pairs("labels").items()},
        platform=_read_platform(reader),
        properties=_read_properties(reader),
        pull=reader.flag("pull"),
        no_cache=reader.flag("no-cache"),
    )


def _read_path(reader: _Reader, workspace: Path, name: str, value: str) -> Path:
    path = Path(workspace, value)
    if not path.resolve().is_relative_to(workspace.resolve()):
        reader.problem(f"'{name}' {value!r} leaves the workspace.")
    return path


def _checkout_hint(workspace: Path) -> str:
    if workspace.is_dir() and any(workspace.iterdir()):
        return ""
    return " The workspace is empty: is an actions/checkout step missing before this one?"


def _read_build_args(reader: _Reader) -> dict[str, str]:
    """As in Docker, a name alone takes its value from the environment, and is left out where there is none."""
    given = {
        key: reader.environment.get(key) if value is None else value
        for key, value in reader.pairs("build-args").items()
    }
    return {key: value for key, value in given.items() if value is not None}


def _read_platform(reader: _Reader) -> Platform | None:
    value = reader.text("platform")
    for platform in get_args(Platform):
        if value == platform:
            return platform  # type: ignore[no-any-return] # get_args forgets the literal's type
    if value:
        reader.problem(f"'platform' is one of {', '.join(get_args(Platform))}, not {value!r}.")
    return None


def _read_properties(reader: _Reader) -> dict[str, BakeProperty]:
    properties: dict[str, BakeProperty] = {}
    for line in reader.lines("set"):
        name, equals, value = line.partition("=")
        name, _, key = name.strip().removesuffix("+").partition(".")
        present = properties.get(name)
        if not (equals and value):
            reader.problem(f"'set' holds PROPERTY=VALUE lines; {line!r} is not one.")
        elif name in _SINGLE_PROPERTIES and not key:
            properties[name] = value
        elif name in _LISTED_PROPERTIES and not key:
            properties[name] = [*present, value] if isinstance(present, list) else [value]
        elif name in _MAPPED_PROPERTIES and key:
            properties[name] = {**(present if isinstance(present, dict) else {}), key: value}
        else:
            known = (*_SINGLE_PROPERTIES, *_LISTED_PROPERTIES, *(f"{mapped}.NAME" for mapped in _MAPPED_PROPERTIES))
            reader.problem(f"'set' takes {', '.join(sorted(known))}; {line!r} is none of them.")
    return properties
