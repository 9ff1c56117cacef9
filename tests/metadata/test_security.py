"""SECURITY.md is found, and says what somebody who looks for it needs."""

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_SECURITY = (_ROOT / "SECURITY.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_the_pages_that_people_read_first_link_to_it(page: str) -> None:
    assert re.search(r"\]\(SECURITY\.md(#[\w-]+)?\)", (_ROOT / page).read_text(encoding="utf-8"))


def test_a_vulnerability_is_reported_in_private() -> None:
    assert re.search(
        r"Report a vulnerability\"\]\(https://github\.com/[\w.-]+/[\w.-]+/security/advisories/new\)", _SECURITY
    )
    assert "## Supported versions" in _SECURITY


def test_each_of_the_five_has_what_is_done_and_what_cannot_be() -> None:
    people = re.findall(r"^### (Who .*?)\n(.*?)(?=^##)", _SECURITY, re.MULTILINE | re.DOTALL)

    assert len(people) == 5
    assert not [who for who, text in people if "\n- " not in text or "**What it cannot do:**" not in text]


def test_a_manifest_has_owners() -> None:
    (lines,) = re.findall(r"^```\n(.*?)^```$", _SECURITY, re.MULTILINE | re.DOTALL)
    owned = [line.split()[0] for line in lines.splitlines()]

    assert {"/.github/", "/deploy.yaml", "**/Dockerfile"} <= set(owned)
    assert all(re.fullmatch(r"\S+ +@[\w-]+/[\w-]+", line) for line in lines.splitlines())
