"""The action's inputs: read once, frozen, and every problem reported at once."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from ecr_lambda_deploy.aws_inputs import read_region, read_role
from ecr_lambda_deploy.build_inputs import read_build, read_builder
from ecr_lambda_deploy.errors import InputError
from ecr_lambda_deploy.input_reader import InputReader
from ecr_lambda_deploy.release_inputs import read_release, read_rollback
from ecr_lambda_deploy.wanted import (
    PLATFORM_OF,
    Build,
    BuilderChoice,
    ExistingImage,
    FunctionTarget,
    ImageSource,
    ImageTarget,
    Mode,
    RoleToAssume,
    ServedImage,
)

INPUTS: Mapping[str, str] = {
    "mode": "deploy",
    "function-name": "",
    "context": ".",
    "dockerfile": "",
    "target": "",
    "build-args": "",
    "build-contexts": "",
    "labels": "",
    "secrets": "",
    "platform": "",
    "set": "",
    "pull": "false",
    "no-cache": "false",
    "cache": "",
    "cache-from": "",
    "cache-to": "",
    "builder": "",
    "provenance": "false",
    "sbom": "false",
    "reuse": "auto",
    "image-uri": "",
    "promote-from": "",
    "repository": "",
    "registry": "",
    "tags": "",
    "create-repository": "false",
    "docker-auth": "",
    "aws-region": "",
    "role-to-assume": "",
    "role-chaining": "false",
    "role-session-name": "ecr-lambda-deploy",
    "role-duration-seconds": "",
    "publish": "true",
    "alias": "",
    "smoke-event": "",
    "smoke-expect": "",
    "traffic": "",
    "alarms": "",
    "create-function": "",
    "on-failure": "revert",
    "allow-stale": "false",
    "wait-timeout": "600",
    "rollback-to": "",
}
"""Every input and its default, as `action.yml` declares them."""

# What only a build can use, and an image that is there already cannot.
_BUILD_INPUTS = (
    *(
        "context",
        "dockerfile",
        "target",
        "build-args",
        "build-contexts",
        "labels",
        "secrets",
        "set",
        "pull",
        "no-cache",
    ),
    *("cache", "cache-from", "cache-to", "builder", "provenance", "sbom", "reuse", "docker-auth"),
)
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FUNCTION_ARN = re.compile(r"arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):[0-9]{12}:function:[a-zA-Z0-9_-]{1,64}")
# ECR's own pattern [CreateRepository, repositoryName].
REPOSITORY_NAME = re.compile(r"(?=.{2,256}$)[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_IMAGE_URI = re.compile(
    r"[a-z0-9.-]+(:[0-9]{1,5})?/[a-z0-9._/-]+(?=[:@])(:[A-Za-z0-9_.-]{1,128})?(@sha256:[0-9a-f]{64})?"
)
_QUALIFIER = re.compile(r"[A-Za-z0-9_-]{1,128}|\$LATEST")
_REGISTRY = re.compile(r"[a-z0-9.-]+(:[0-9]{1,5})?")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the workflow asks for.

    Attributes:
        mode: what the run does.
        image: the image and its functions.
        builder: what builds are run on.
        region: AWS Region.
        role: the role to take; None to use the environment's credentials.
        wait_timeout: seconds to wait for Lambda to finish one update.
    """

    mode: Mode
    image: ImageTarget
    builder: BuilderChoice
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
    reader = InputReader(given, INPUTS, environment)
    for name in sorted(set(given) - set(INPUTS)):
        close = get_close_matches(name, INPUTS, n=1)
        reader.problem(f"'{name}' is not an input of this action" + (f"; did you mean '{close[0]}'?" if close else "."))
    region = read_region(reader)
    mode = reader.choice("mode", tuple(Mode), Mode.DEPLOY)
    inputs = Inputs(
        mode=mode,
        image=ImageTarget(
            source=_read_source(reader, mode),
            platform=reader.choice("platform", tuple(PLATFORM_OF.values()), None),
            repository=_read_repository(reader),
            registry=reader.matching(
                "registry", _REGISTRY, "a registry host such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com"
            ),
            tags=() if mode is Mode.ROLLBACK else _read_tags(reader),
            create_repository=reader.flag("create-repository"),
            functions=_read_functions(reader, mode, region),
        ),
        builder=read_builder(reader),
        region=region,
        role=read_role(reader),
        wait_timeout=reader.seconds("wait-timeout", least=1, most=86400) or 0,
    )
    if inputs.mode is Mode.BUILD and not inputs.image.repository:
        reader.problem("'repository' is required with mode: build, which has no function to take it from.")
    if inputs.mode is Mode.BUILD and not isinstance(inputs.image.source, Build) and inputs.image.platform is None:
        reader.problem("'platform' is required with mode: build and an image that is built already.")
    if reader.problems:
        raise InputError(reader.problems)
    return inputs


def _read_source(reader: InputReader, mode: Mode) -> ImageSource:
    if mode is Mode.ROLLBACK:
        others = (*_BUILD_INPUTS, "platform", "image-uri", "promote-from")
        _exclude(reader, others, "mode: rollback, which brings back an image as it was")
        return read_rollback(reader)
    if reader.text("rollback-to"):
        reader.problem("'rollback-to' goes with mode: rollback only.")
    return _read_image(reader)


def _exclude(reader: InputReader, names: Iterable[str], what: str) -> None:
    """Note each of some inputs that is given, and may not be together with `what`."""
    for name in names:
        if reader.text(name) != INPUTS[name]:
            reader.problem(f"'{name}' does not go with {what}.")


def _read_image(reader: InputReader) -> ImageSource:
    image_uri = reader.matching("image-uri", _IMAGE_URI, "an image's URI, REGISTRY/REPOSITORY with :TAG or @DIGEST")
    promote_from = reader.text("promote-from")
    if not image_uri and not promote_from:
        return read_build(reader)
    name = "image-uri" if image_uri else "promote-from"
    if image_uri and promote_from:
        reader.problem("'image-uri' and 'promote-from' exclude each other: both name the image.")
    _exclude(reader, _BUILD_INPUTS, f"'{name}', which takes an image that is built already")
    if image_uri:
        return ExistingImage(uri=image_uri)
    is_arn = promote_from.startswith("arn:")
    parts = promote_from.split(":")
    function, qualifiers = (":".join(parts[:7]), parts[7:]) if is_arn else (parts[0], parts[1:])
    is_right = (_FUNCTION_ARN if is_arn else _FUNCTION_NAME).fullmatch(function)
    if not is_right or len(qualifiers) > 1 or not all(_QUALIFIER.fullmatch(qualifier) for qualifier in qualifiers):
        reader.problem(
            f"'promote-from' is FUNCTION, FUNCTION:ALIAS or FUNCTION:VERSION, a name or an ARN, not {promote_from!r}."
        )
    return ServedImage(function=function, qualifier=qualifiers[0] if qualifiers else "")


def _read_functions(reader: InputReader, mode: Mode, region: str) -> tuple[FunctionTarget, ...]:
    names, target = reader.lines("function-name"), read_release(reader, "")
    if mode is Mode.BUILD:
        if names:
            reader.problem("'function-name' does not go with mode: build, which touches no function.")
        return ()
    if not names:
        reader.problem("'function-name' is required: it names Lambda functions, one per line.")
    for name in names:
        arn = _FUNCTION_ARN.fullmatch(name)
        if arn is None and not _FUNCTION_NAME.fullmatch(name):
            reader.problem(
                f"'function-name' is a Lambda function's name or ARN without version or alias, not {name!r}."
            )
        elif arn is not None and region and arn["region"] != region:
            reader.problem(f"'function-name' is in {arn['region']}, but the Region of this run is {region}.")
    plain = [name.rpartition(":")[2] for name in names]
    for name in sorted({name for name in plain if plain.count(name) > 1}):
        reader.problem(f"'function-name' names the function {name} more than once.")
    if mode is Mode.ROLLBACK:
        target = replace(target, creation=None)  # what was never there cannot go back
    return tuple(replace(target, name=name) for name in names)


def _read_repository(reader: InputReader) -> str:
    name = reader.text("repository")
    if ".dkr." in name.partition("/")[0]:
        reader.problem(
            f"'repository' is the ECR repository's name without the registry: {name.partition('/')[2]!r}, not {name!r}."
        )
        return name
    return reader.matching(
        "repository", REPOSITORY_NAME, "an ECR repository's name (lower case letters, digits and ._-/)"
    )


def _read_tags(reader: InputReader) -> tuple[str, ...]:
    tags = reader.lines("tags")
    for tag in tags:
        if not _TAG.fullmatch(tag):
            reader.problem(f"'tags' holds image tags, one per line; {tag!r} is not one.")
    if reader.text("image-uri") or reader.text("promote-from"):
        return tags  # this run's commit did not make that image
    commit = reader.environment.get("GITHUB_SHA", "")
    if not tags and not commit:
        reader.problem("'tags' is required where the environment has no GITHUB_SHA.")
    return tags or (commit,)
