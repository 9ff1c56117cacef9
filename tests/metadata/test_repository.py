"""What the files around the code promise: the version, the pinned actions, the packages of the image."""

import re
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_WORKFLOWS = sorted((_ROOT / ".github/workflows").glob("*.y*ml"))
_REQUIREMENT = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==\S+(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE
)


def test_the_version_is_in_the_changelog() -> None:
    version = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["version"]
    headings = re.findall(r"^## \[?v?(\d[^\]\s]*)", (_ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert version in headings


def test_there_are_workflows() -> None:
    assert _WORKFLOWS


@pytest.mark.parametrize("workflow", _WORKFLOWS, ids=lambda path: path.name)
def test_every_action_of_a_workflow_is_pinned_by_commit(workflow: Path) -> None:
    used = re.findall(r"^\s*(?:- )?uses:\s*[\"']?([^\s\"'#]+)", workflow.read_text(), re.MULTILINE)

    assert used
    assert not [action for action in used if not re.fullmatch(r"(\./.*|[\w.-]+/[\w./-]+@[0-9a-f]{40})", action)]


def _requirements() -> dict[str, str]:
    """Return the packages of the action's image with their hashes."""
    text = (_ROOT / "requirements/action.txt").read_text()
    return {found["name"].lower(): found["hashes"] for found in _REQUIREMENT.finditer(text)}


def test_every_package_of_the_image_is_pinned_by_hash() -> None:
    lines = (_ROOT / "requirements/action.txt").read_text().splitlines()
    packages = [line.partition("==")[0].lower() for line in lines if line and line[0] not in " #"]

    assert packages == list(_requirements())
    assert all(_requirements().values())


def test_the_image_has_what_the_action_imports() -> None:
    assert {"actions-toolkit", "boto3", "docker", "requests"} <= {*_requirements()}


def test_the_image_has_no_package_that_nothing_uses() -> None:
    assert not {"pygithub", "cryptography", "pynacl"} & {*_requirements()}


def test_the_project_depends_on_what_the_image_is_made_of() -> None:
    wanted = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    listed = [line for line in (_ROOT / "requirements/action.in").read_text().splitlines() if line and line[0] != "#"]

    assert sorted(listed) == sorted(wanted)
