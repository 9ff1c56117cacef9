"""What a reader copies is a workflow that passes the linters: pinned, with least permissions, and with an end."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.documented_workflows import ROOT, DocumentedWorkflow, documented_workflows

_WORKFLOWS = documented_workflows()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository that has every workflow."""
    workflows = tmp_path_factory.mktemp("repository") / ".github/workflows"
    workflows.mkdir(parents=True)
    for workflow in _WORKFLOWS:
        (workflows / f"{workflow.name}.yml").write_text(workflow.text, encoding="utf-8")
    return workflows.parents[1]


def _run(folder: Path, *command: str) -> None:
    """Run a linter of this Python's environment; what it finds fails the test."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name(command[0])), *command[1:]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_there_are_workflows() -> None:
    pages = {workflow.page for workflow in _WORKFLOWS}

    assert {"README.md", "README.ko.md", "docs/start/first-function.md", "examples/rollback/rollback.yml"} <= pages


def test_actionlint_finds_nothing(folder: Path) -> None:
    _run(folder, "actionlint", *(f".github/workflows/{workflow.name}.yml" for workflow in _WORKFLOWS))


def test_zizmor_finds_nothing(folder: Path) -> None:
    _run(folder, "zizmor", "--offline", "--no-progress", f"--config={ROOT / 'zizmor.yml'}", ".github/workflows")


@pytest.mark.parametrize("workflow", _WORKFLOWS, ids=lambda workflow: workflow.name)
def test_every_job_has_an_end_and_only_the_permissions_that_it_names(workflow: DocumentedWorkflow) -> None:
    parsed = yaml.safe_load(workflow.text)

    assert parsed["permissions"] == {}
    assert all("timeout-minutes" in job and "permissions" in job for job in parsed["jobs"].values())
