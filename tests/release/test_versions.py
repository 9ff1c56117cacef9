"""Which tags move with a version, and what CHANGELOG.md says of it."""

import pytest

from release.versions import ReleaseError, Version, moving_tags, notes

_CHANGELOG = """\
# Changelog

## 1.3.0 — unreleased

- Later.

## 1.2.3 — 2026-11-29

### Fixed

- Something.

## 1.2.2 — 2026-11-01

- Earlier.
"""


@pytest.mark.parametrize("tag", ["1.2.3", "v1.2", "v1.2.3-rc1", "v01.2.3", "v1.2.3\n", "v\u0661.2.3", ""])
def test_only_three_numbers_are_a_version(tag: str) -> None:
    with pytest.raises(ReleaseError, match="not a tag of a release"):
        Version.of_tag(tag)


@pytest.mark.parametrize(
    ("tag", "released", "moving"),
    [
        ("v1.2.3", [], ["v1", "v1.2"]),
        ("v1.2.3", ["v1.2.3", "v1.2.2", "v0.9.0", "v1", "v1.2", "nightly"], ["v1", "v1.2"]),
        ("v1.2.3", ["v1.3.0"], ["v1.2"]),
        ("v1.2.3", ["v1.2.10"], []),
        ("v1.2.3", ["v2.0.0"], ["v1", "v1.2"]),
        ("v1.10.0", ["v1.9.9"], ["v1", "v1.10"]),
    ],
)
def test_moving_tags_name_the_newest_version_of_their_series(tag: str, released: list[str], moving: list[str]) -> None:
    assert moving_tags(Version.of_tag(tag), released) == moving


def test_the_notes_are_the_versions_section() -> None:
    assert notes(Version(1, 2, 3), _CHANGELOG) == "### Fixed\n\n- Something.\n"
    assert notes(Version(1, 2, 2), _CHANGELOG) == "- Earlier.\n"


@pytest.mark.parametrize(("version", "reason"), [((1, 3, 0), "no date for 1.3.0"), ((1, 2, 4), "no section of 1.2.4")])
def test_a_version_without_notes_is_not_released(version: tuple[int, int, int], reason: str) -> None:
    with pytest.raises(ReleaseError, match=reason):
        notes(Version(*version), _CHANGELOG)
