"""Pure: versions, the tags that move with them, and the notes of a release."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

_TAG = re.compile(r"v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)")


class ReleaseError(Exception):
    """Something that a person has to look at before the release goes on."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A released version; versions compare as numbers.

    Attributes:
        major: changes that break workflows.
        minor: what is new.
        patch: what is mended.
    """

    major: int
    minor: int
    patch: int

    @classmethod
    def of_tag(cls, tag: str) -> Self:
        """Return the version of a tag such as `v1.2.3`.

        Raises:
            ReleaseError: it is none.
        """
        if not (found := _TAG.fullmatch(tag)):
            raise ReleaseError(f"{tag!r} is not a tag of a release, such as v1.2.3")
        return cls(*map(int, found.groups()))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    @property
    def tag(self) -> str:
        """Its own tag, such as `v1.2.3`."""
        return f"v{self}"


def moving_tags(version: Version, released: Iterable[str]) -> list[str]:
    """Return the tags that are to name a version: `v1` and `v1.2`, unless a newer version of theirs was released.

    Args:
        version: the one that is released.
        released: the tags that the repository has, of any kind.
    """
    others = [Version.of_tag(tag) for tag in released if _TAG.fullmatch(tag)]
    series = {
        f"v{version.major}": [other for other in others if other.major == version.major],
        f"v{version.major}.{version.minor}": [
            other for other in others if (other.major, other.minor) == (version.major, version.minor)
        ],
    }
    return [tag for tag, of_series in series.items() if version >= max(of_series, default=version)]


def notes(version: Version, changelog: str) -> str:
    """Return what CHANGELOG.md says of a version, without its heading.

    Raises:
        ReleaseError: it says nothing, or that the version is unreleased.
    """
    headings = list(re.finditer(r"^## (.+)$", changelog, re.MULTILINE))
    for number, heading in enumerate(headings):
        if heading[1].split()[0] == str(version):
            if not re.search(r"\d{4}-\d\d-\d\d", heading[1]):
                raise ReleaseError(f"CHANGELOG.md has no date for {version}: write '## {version} — YYYY-MM-DD'")
            end = headings[number + 1].start() if number + 1 < len(headings) else len(changelog)
            return changelog[heading.end() : end].strip() + "\n"
    raise ReleaseError(f"CHANGELOG.md has no section of {version}")
