"""The files of a context that a Dockerfile reads: the sources of COPY and ADD, and what RUN mounts.

BuildKit's client sends no others: it takes the paths as patterns of .dockerignore, which match more than the wildcards
of COPY do, and follows symlinks [dockerfile2llb/convert.go, filterPaths; tonistiigi/fsutil, FollowLinks]. What cannot
be told counts as everything. tests/integration/test_sources_of_dockerfiles.py compares this with what BuildKit builds.
"""

import csv
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from e2b_dockerfile_utils import DockerfileInstruction, parse_heredoc

from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError

EVERYTHING = "."
"""The path that stands for a whole context."""

_FLAGS = {
    "COPY": {"from", "chown", "chmod", "link", "parents", "exclude"},
    "ADD": {"chown", "chmod", "link", "keep-git-dir", "checksum", "unpack", "exclude"},
    "RUN": {"mount", "network", "security", "device"},
}
_MOUNTS_OF_NO_CONTEXT = {"cache", "tmpfs", "secret", "ssh"}  # unless `from` names one
_ADDRESSES = ("http://", "https://")  # of which base_images.py knows whether they can change
_BLANKS = re.compile(r"[\t\v\f\r ]+")  # that BuildKit separates sources by [parser/line_parsers.go, reWhitespace]


class Read(NamedTuple):
    """A path that a Dockerfile reads.

    Attributes:
        origin: what it is read from, as `from` or FROM names it; empty for the build's own context.
        path: relative to the context; it may have wildcards.
    """

    origin: str
    path: str


class Sources:
    """The paths that a Dockerfile reads in one context; equal ones are the same.

    Args:
        paths: relative to the context, with wildcards as in .dockerignore.
    """

    def __init__(self, paths: Iterable[str] = (EVERYTHING,)) -> None:
        self.paths = frozenset(paths)
        wild = [path for path in self.paths if _is_wild(path)]
        self._literal = self.paths.difference(wild)
        self._above = {folder for path in self._literal for folder in accumulate(path.split("/")[:-1], "{}/{}".format)}
        self._segments = [path.split("/") for path in wild]
        try:
            self._wild = Dockerignore(sorted(wild))
        except UnknownInputError:  # such as too many
            self._literal = frozenset([EVERYTHING])

    def __eq__(self, other: object) -> bool:
        """Whether other paths are the same."""
        return isinstance(other, Sources) and self.paths == other.paths

    def __hash__(self) -> int:
        return hash(self.paths)

    @property
    def are_everything(self) -> bool:
        """Whether the whole context is read."""
        return EVERYTHING in self._literal

    def have(self, path: str) -> bool:
        """Whether a path is read by itself, with all that it holds, and not only because a folder above it is."""
        return self.are_everything or path in self._literal or self._wild.match(path, self._wild.root)[0]

    def may_have_below(self, folder: str) -> bool:
        """Whether something in a folder may be read that is not read by itself."""
        if folder in self._above:
            return True
        names = folder.split("/") if self._segments else []
        return any(_may_match_below(segments, names) for segments in self._segments)


def sources_in(reads: Iterable[Read], name: str) -> Sources:
    """Return what is read in one context.

    Args:
        reads: of a Dockerfile, in any context.
        name: of a named context; empty for the build's own.
    """
    last = _last(name)
    return Sources(
        read.path if read.origin == name else EVERYTHING
        for read in reads
        if read.origin == name or _last(read.origin) == last  # another spelling of it, perhaps
    )


def copied(instruction: DockerfileInstruction, expand: Callable[[str], str]) -> list[Read]:
    """Return what COPY or ADD reads.

    Args:
        instruction: the instruction.
        expand: returns what a word stands for, or raises UnknownInputError or ValueError if that is not known.
    """
    origins = [flag.partition("=")[2] for flag in instruction.flags if flag.startswith("--from=")]
    origins = list(filter(None, origins)) or [""]
    words = instruction.args
    is_plain = instruction.json or _BLANKS.split(instruction.original.strip())[-len(words) :] == words
    if not is_plain or not _has_known_flags(instruction):
        return [Read(origin, EVERYTHING) for origin in ("", *origins)]
    words = [word for word in words[:-1] if not word.startswith(_ADDRESSES) and not _is_text(word)]
    paths = [_path(word, expand) for word in words]
    return [Read(origin, path) for origin in origins for path in paths]


def mounted(instruction: DockerfileInstruction, expand: Callable[[str], str]) -> Iterator[Read]:
    """Yield what RUN mounts.

    Args:
        instruction: the instruction.
        expand: see `copied`.

    Raises:
        csv.Error: a mount cannot be read.
    """
    if not _has_known_flags(instruction):
        yield Read("", EVERYTHING)
    mounts = [flag.partition("=")[2] for flag in instruction.flags if flag.partition("=")[0] == "--mount"]
    for fields in csv.reader(mounts):
        given = [(name.lower(), value) for name, _, value in (item.partition("=") for item in fields)]
        paths = [_path(value, expand) for name, value in given if name in {"source", "src"}] or [EVERYTHING]
        origin = next((value for name, value in reversed(given) if name == "from"), "")
        kind = next((value.lower() for name, value in reversed(given) if name == "type"), "bind")
        if origin or kind not in _MOUNTS_OF_NO_CONTEXT:
            yield from (Read(origin, path) for path in paths)


def _has_known_flags(instruction: DockerfileInstruction) -> bool:
    names = {flag.removeprefix("--").partition("=")[0] for flag in instruction.flags}
    return names <= _FLAGS[instruction.name]


def _is_text(word: str) -> bool:
    """Whether a source stands for the text of a heredoc."""
    try:
        return parse_heredoc(word) is not None
    except ValueError:
        return False


def _path(word: str, expand: Callable[[str], str]) -> str:
    """Return a source as a pattern relative to the context; everything where that cannot be told."""
    try:
        source = expand(word)
        if ".." in source.split("/"):  # which --parents understands in another way
            return EVERYTHING
        path = posixpath.relpath(f"/{source}", "/")
        if path.startswith("!") or path != path.strip():
            return EVERYTHING
        Dockerignore([path])
    except (UnknownInputError, ValueError):
        return EVERYTHING
    return path


def _is_wild(segment: str) -> bool:
    return not {"*", "?", "[", "]", "\\"}.isdisjoint(segment)


def _may_match_below(segments: list[str], names: list[str]) -> bool:
    for segment, name in zip(segments, names, strict=False):
        if "**" in segment or not {"[", "]", "\\"}.isdisjoint(segment):  # it may match slashes
            return True
        if segment != name and not _is_wild(segment):
            return False
    return len(segments) > len(names)


def _last(reference: str) -> str:
    """Return the last part of an image's or context's name, without tag, digest and platform."""
    name = reference.lower().partition("::")[0].partition("@")[0]
    return name.rpartition("/")[2].partition(":")[0]
