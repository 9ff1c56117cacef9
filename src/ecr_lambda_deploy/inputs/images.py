"""The inputs of an image, with its functions: an `ImageEntry` becomes an `ImageTarget`."""

import re
from dataclasses import replace
from typing import cast

from ecr_lambda_deploy.inputs.builds import read_build, read_builder
from ecr_lambda_deploy.inputs.reader import InputReader
from ecr_lambda_deploy.inputs.releases import read_release, read_rollback
from ecr_lambda_deploy.inputs.settings import FunctionEntry, ImageEntry
from ecr_lambda_deploy.inputs.table import TABLE, Scope
from ecr_lambda_deploy.model.images import CACHE_TAG_PREFIX, IMAGE_URI, REPOSITORY_NAME
from ecr_lambda_deploy.model.targets import (
    Build,
    ExistingImage,
    FunctionTarget,
    ImageSource,
    ImageTarget,
    Mode,
    Platform,
    ServedImage,
)

BUILD_INPUTS = tuple(name for name, one in TABLE.items() if one.scope is Scope.BUILD)
_FUNCTION_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FUNCTION_ARN = re.compile(rf"arn:[a-z-]+:lambda:(?P<region>[a-z0-9-]+):[0-9]{{12}}:function:{_FUNCTION_NAME.pattern}")
_FUNCTION_AND_QUALIFIER = re.compile(
    rf"(?P<function>{_FUNCTION_ARN.pattern}|(?!arn:){_FUNCTION_NAME.pattern})"
    r"(:(?P<qualifier>[A-Za-z0-9_-]{1,128}|\$LATEST(?:\.PUBLISHED)?))?"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
# By what is under them later runs take an image or a cache for their own: only what they stand for gets there.
_OWN_TAGS = ("src-", "digest-", CACHE_TAG_PREFIX)
# A name of one level needs no slash [Systems Manager user guide, Requirements and constraints for parameter names].
_PARAMETER = re.compile(r"[A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+){1,15}")
_RESERVED = re.compile(r"/?(aws|ssm)", re.IGNORECASE)
_LONGEST_PARAMETER = 1011  # characters of its ARN
_NOT_IN_TAGS = re.compile(r"[^A-Za-z0-9_.-]+")


def read_image(image: ImageEntry, run: InputReader, *, mode: Mode, region: str) -> ImageTarget:
    """Read an image and its functions.

    Args:
        image: as it is given.
        run: reads the action's own inputs, and collects problems.
        mode: what the run does.
        region: AWS Region.
    """
    reader = run.for_settings(image.settings)
    is_rollback = mode is Mode.ROLLBACK
    source = read_rollback(run) if is_rollback else _read_source(reader, run)
    tags = () if is_rollback else _read_tags(reader)
    default_tag = source.commit if isinstance(source, Build) else ""  # what exists is not of this run's commit
    if isinstance(source, Build) and not tags and not default_tag:
        reader.problem("tags", "is required where neither a checkout nor GITHUB_SHA names the commit.")
    target = ImageTarget(
        name=image.name,
        source=source,
        builder=read_builder(run),
        platform=cast("Platform", reader.choice("platform")) or None,
        repository=_read_repository(reader),
        tags=tags or ((default_tag,) if default_tag else ()),
        is_default_tag=not tags and default_tag != "",
        create_repository=reader.flag("create-repository"),
        parameter=_read_parameter(reader, region),
        functions=tuple(_read_function(function, run, mode=mode, region=region) for function in image.functions),
    )
    if not image.functions:
        read_release(reader, "")  # checks the inputs of a release even if there is nothing to release to
    if mode is Mode.BUILD and not target.repository:
        reader.problem("repository", "is required with mode: build, which has no function to take it from.")
    is_known = target.platform is not None or image.functions or isinstance(target.source, Build)
    if mode is Mode.BUILD and not is_known:
        reader.problem("platform", "is required with mode: build and an image that is built already.")
    return target


def _read_source(reader: InputReader, run: InputReader) -> ImageSource:
    image_uri = reader.matching("image-uri", IMAGE_URI, "an image's URI, REGISTRY/REPOSITORY with :TAG or @DIGEST")
    promote_from = reader.text("promote-from")
    if not image_uri and not promote_from:
        return read_build(reader, run)
    name = "image-uri" if image_uri else "promote-from"
    if image_uri and promote_from:
        reader.conflict(("image-uri", "promote-from"), "excludes 'promote-from': both name the image.")
    reader.exclude(BUILD_INPUTS, f"'{name}', which takes an image that is built already")
    if image_uri:
        return ExistingImage(uri=image_uri)
    found = _FUNCTION_AND_QUALIFIER.fullmatch(promote_from)
    if found is None:
        text = f"is FUNCTION, FUNCTION:ALIAS or FUNCTION:VERSION, a name or an ARN, not {promote_from!r}."
        reader.problem("promote-from", text)
        return ServedImage(function=promote_from)
    return ServedImage(function=found["function"], qualifier=found["qualifier"] or "")


def _read_function(function: FunctionEntry, run: InputReader, *, mode: Mode, region: str) -> FunctionTarget:
    reader, name = run.for_settings(function.settings), function.name
    setting = "functions" if reader.is_in_manifest else "function-name"
    arn = _FUNCTION_ARN.fullmatch(name)
    if arn is None and not _FUNCTION_NAME.fullmatch(name):
        reader.problem(setting, f"is a Lambda function's name or ARN without version or alias, not {name!r}.")
    elif arn is not None and region and arn["region"] != region:
        reader.problem(setting, f"has {name}, which is in {arn['region']}, but the Region of this run is {region}.")
    target = read_release(reader, name)
    # A rollback needs an earlier release, so it creates no function.
    return replace(target, creation=None) if mode is Mode.ROLLBACK else target


def _read_repository(reader: InputReader) -> str:
    name = reader.text("repository")
    if ".dkr." in name.partition("/")[0]:
        short = name.partition("/")[2]
        reader.problem("repository", f"is the ECR repository's name without the registry: {short!r}, not {name!r}.")
        return name
    return reader.matching(
        "repository", REPOSITORY_NAME, "an ECR repository's name (lower case letters, digits and ._-/)"
    )


def _read_tags(reader: InputReader) -> tuple[str, ...]:
    tags = reader.lines("tags")
    for tag in tags:
        if not _TAG.fullmatch(tag):
            reader.problem("tags", f"holds image tags, one per line; {tag!r} is not one.{_possible_tag(tag)}")
        elif tag.startswith(_OWN_TAGS):
            reader.problem("tags", f"has {tag!r}, and {', '.join(_OWN_TAGS)} begin tags of this action's own.")
    return tags


def _read_parameter(reader: InputReader, region: str) -> str:
    """Read the name of a Systems Manager parameter [PutParameter, Name]."""
    name = reader.matching(
        "ssm-parameter",
        _PARAMETER,
        "a Systems Manager parameter's name such as /shop/orders/image: letters, digits and .-_ in at most 15 levels, "
        "each after a slash",
    )
    if _RESERVED.match(name):
        text = f"is a name that does not begin with aws or ssm, which Systems Manager keeps for itself, not {name!r}."
        reader.problem("ssm-parameter", text)
    longest = _LONGEST_PARAMETER - len(f"arn:aws:ssm:{region}:123456789012:parameter/")
    if len(name) > longest:
        reader.problem("ssm-parameter", f"has at most {longest} characters in this Region, not {len(name)}.")
    return name


def _possible_tag(text: str) -> str:
    """Return a hint at a tag for what is none, as docker/metadata-action makes one of a branch's name."""
    name = text.rpartition(":")[2] if "/" in text.partition(":")[0] else text
    tag = _NOT_IN_TAGS.sub("-", name)[:128].lstrip("-.")
    return f" {tag!r} is: letters, digits and `_.-`, 128 at most." if tag else ""
