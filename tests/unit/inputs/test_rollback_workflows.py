"""The repository's own rollback workflow, read from the checkout: whatever is there, the run ends well."""

import os
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.rollback_workflows import rollback_workflows
from ecr_lambda_deploy.model.run import RollbackWorkflow

_ACTION = "org/ecr-lambda-deploy@v1"
_EXAMPLE = Path("examples/rollback/rollback.yml")
_STEP = "jobs: { back: { steps: [{ uses: org/ecr-lambda-deploy@v2, with: { mode: rollback } }] } }\n"


def _write(workspace: Path, text: str | bytes, name: str = "rollback.yml") -> Path:
    path = workspace / ".github/workflows" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _files(workspace: Path) -> list[str]:
    return [found.file for found in rollback_workflows(workspace, _ACTION)]


def test_the_example_is_found(tmp_path: Path) -> None:
    _write(tmp_path, _EXAMPLE.read_bytes())

    assert rollback_workflows(tmp_path, "Org/ECR-lambda-deploy@0123abc") == (
        RollbackWorkflow(
            file="rollback.yml",
            given={
                "mode": "rollback",
                "function-name": "${{ inputs.function }}",
                "alias": "live",
                "rollback-to": "${{ inputs.rollback-to }}",
                "aws-region": "ap-northeast-2",
                "role-to-assume": "arn:aws:iam::123456789012:role/deploy",
            },
            inputs=("function", "rollback-to"),
            required=("function",),
        ),
    )


@pytest.mark.parametrize("events", ["workflow_dispatch", "[push, workflow_dispatch]", "{ workflow_dispatch: }"])
def test_a_workflow_that_is_started_by_hand_counts(tmp_path: Path, events: str) -> None:
    _write(tmp_path, f"on: {events}\n{_STEP}")

    assert _files(tmp_path) == ["rollback.yml"]


@pytest.mark.parametrize(
    "text",
    [
        f"on: push # not workflow_dispatch\n{_STEP}",
        f"on: workflow_dispatch\n{_STEP.replace('org/', 'other/')}",
        f"on: workflow_dispatch\n{_STEP.replace('mode: rollback', 'mode: plan')} # rollback",
        "on: workflow_dispatch # rollback\njobs: []\n",
        "on: [workflow_dispatch, rollback\n",
        "rollback workflow_dispatch",
        b"on: workflow_dispatch # rollback \xff",
        f"on: workflow_dispatch # rollback\nx: {1000 * '['}",
        "on: workflow_dispatch # rollback\n" + 1000 * "1: 1\n",
        f"on: workflow_dispatch\n{_STEP}# {70_000 * 'x'}\n",
    ],
)
def test_anything_else_is_passed_over(tmp_path: Path, text: str | bytes) -> None:
    _write(tmp_path, text)

    assert _files(tmp_path) == []


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yml"
    outside.write_text(f"on: workflow_dispatch\n{_STEP}")
    folder = _write(tmp_path, f"on: workflow_dispatch\n{_STEP}", "mine.yaml").parent
    (folder / "link.yml").symlink_to(outside)
    (folder / "folder.yml").mkdir()
    os.mkfifo(folder / "pipe.yml")

    assert _files(tmp_path) == ["mine.yaml"]
    assert _files(tmp_path / "nowhere") == []
