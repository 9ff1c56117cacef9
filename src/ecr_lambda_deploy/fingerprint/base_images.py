"""The images that a Dockerfile builds from, and what it reads in contexts."""

import csv
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from e2b_dockerfile_utils import parse_dockerfile_ast

from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.sources import EVERYTHING, Read
from ecr_lambda_deploy.fingerprint.stages import StageReader
from ecr_lambda_deploy.fingerprint.words import LONGEST
from ecr_lambda_deploy.model.documents import Configuration
from ecr_lambda_deploy.model.targets import Platform

_FRONTENDS = ("dockerfile", "dockerfile-upstream")
_SCAN = "BUILDKIT_SBOM_SCAN_CONTEXT"  # has the whole context scanned [Docker, SBOM attestations]
_SYNTAX = re.compile(r"#\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
# Beside that, BuildKit takes it from comments with slashes, and from JSON [BuildKit, parser.DetectSyntax].
_ANY_SYNTAX = re.compile(r"(?:#|//)\s*syntax\s*=\s*(\S+)", re.IGNORECASE)
_OWN_FRONTEND = re.compile(r"(?:(?:index\.)?docker\.io/)?docker/dockerfile(?:-upstream)?(?:[:@]\S*)?")


class Base(NamedTuple):
    """An image that a stage starts from.

    Attributes:
        reference: as it is written, with arguments filled in.
        platform: that FROM gives, such as `linux/arm64/v8`; empty where it gives none, which means the build's.
        line: of that FROM.
        is_of_image: whether the build's own image is based on it, directly or by other stages.
    """

    reference: str
    platform: str
    line: int
    is_of_image: bool


class Inputs(NamedTuple):
    """What a build takes from outside its Dockerfile.

    Attributes:
        images: references as they are written, with arguments filled in, the frontend's included; each once.
        reads: what is read in the build's context, and in what may be a named one.
    """

    images: tuple[str, ...]
    reads: frozenset[Read]


def inputs_of(
    dockerfile: str,
    *,
    target: str,
    build_args: Mapping[str, str],
    platform: Platform,
    bases: Mapping[str, Sequence[Configuration]] | None = None,
    named_contexts: Collection[str] = (),
) -> Inputs:
    """Find the images that a build uses, and the files.

    Args:
        dockerfile: its text.
        target: stage to build; empty for the last one.
        build_args: build arguments.
        platform: of the build.
        bases: configurations of the images that stages start from, by reference: of each platform that counts.
        named_contexts: names of contexts that take the place of stages and images.

    Raises:
        UnknownInputError: the result depends on something that has no digest.
    """
    with _reading():
        needed = _stages(dockerfile, target, build_args, platform, bases or {}, named_contexts).needed(target)
    images = [image for stage in needed for image in stage.images if image != "scratch"]
    if unknown := next((stage.unknown for stage in needed if stage.unknown), ""):
        raise UnknownInputError(unknown, images)
    reads = {read for stage in needed for read in stage.reads}
    if _SCAN in dockerfile or _SCAN in build_args:
        reads.add(Read("", EVERYTHING))
    return Inputs(tuple(dict.fromkeys([*_frontends(dockerfile, build_args), *images])), frozenset(reads))


def foreign_frontend(dockerfile: str, build_args: Mapping[str, str]) -> str:
    """Return the frontend of a build that is not Docker's own; empty where BuildKit or Docker reads the Dockerfile.

    A frontend is a program of its image's maker, and is given the build's options.

    Args:
        dockerfile: its text.
        build_args: build arguments.
    """
    named = build_args.get("BUILDKIT_SYNTAX", "").split()[:1]
    for line in re.split(r"[\r\n]", dockerfile.removeprefix("\ufeff")):
        text = line.strip()
        if text.startswith("{"):
            return "that is named in JSON"
        if text and not text.startswith(("#", "//")):
            break
        if found := _ANY_SYNTAX.match(text):
            named.append(found[1])
    return next((image for image in named if not _OWN_FRONTEND.fullmatch(image)), "")


def bases_of(
    dockerfile: str,
    *,
    target: str,
    build_args: Mapping[str, str],
    platform: Platform,
    builder_platform: Callable[[], Platform],
    named_contexts: Collection[str] = (),
) -> tuple[Base, ...]:
    """Find the images that the stages which a build needs start from.

    Args:
        dockerfile: its text.
        target: stage to build; empty for the last one.
        build_args: build arguments.
        platform: of the build.
        builder_platform: returns the one that the builder runs on; called only if it counts.
        named_contexts: names of contexts that take the place of stages and images.

    Raises:
        UnknownInputError: the Dockerfile cannot be read.
    """
    with _reading():
        stages = _stages(dockerfile, target, build_args, platform, {}, named_contexts)
        last = stages.last(target)
        return tuple(
            Base(stage.base, stages.platform_of(stage, builder_platform), stage.line, is_of_image=stage is last)
            for stage in stages.needed(target)
            if stage.base not in {"", "scratch"}
        )


@contextmanager
def _reading() -> Iterator[None]:
    """Say of a Dockerfile that cannot be read why.

    Raises:
        UnknownInputError: it cannot.
    """
    try:
        yield
    except (ValueError, csv.Error, RecursionError) as error:
        raise UnknownInputError(f"the Dockerfile cannot be read: {error}") from error


def _stages(
    dockerfile: str,
    target: str,
    build_args: Mapping[str, str],
    platform: Platform,
    bases: Mapping[str, Sequence[Configuration]],
    named_contexts: Collection[str],
) -> StageReader:
    _check_directives(dockerfile)
    return StageReader(parse_dockerfile_ast(dockerfile), target, build_args, platform, bases, named_contexts)


def _check_directives(dockerfile: str) -> None:
    """Make sure that the parser reads the directives in time: it backtracks where one has many blanks.

    Raises:
        UnknownInputError: one is too long.
    """
    for line in dockerfile.removeprefix("\ufeff").split("\n"):
        if not line.lstrip().startswith("#"):
            break
        if len(line) > LONGEST:
            raise UnknownInputError(f"a comment before the first instruction is longer than {LONGEST} characters")


def _frontends(dockerfile: str, build_args: Mapping[str, str]) -> Iterator[str]:
    """Yield the frontend's image, where one is named.

    Versions of BuildKit differ in which comments may stand before `# syntax=`, so each such line counts.

    Raises:
        UnknownInputError: it is not Docker's, so what it reads may not be a Dockerfile.
    """
    found = [build_args["BUILDKIT_SYNTAX"].split()[0]] if build_args.get("BUILDKIT_SYNTAX", "").strip() else []
    for line in dockerfile.removeprefix("\ufeff").split("\n"):
        if not line.startswith("#"):
            break
        if directive := _SYNTAX.match(line):
            found.append(directive[1])
    for image in found:
        folder, _, name = image.partition("@")[0].rpartition("/")
        if not f"/{folder}".endswith("/docker") or name.partition(":")[0] not in _FRONTENDS:
            raise UnknownInputError(f"what the frontend {image} reads cannot be known")
        yield image
