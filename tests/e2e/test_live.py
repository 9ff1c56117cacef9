"""What is asked of the real AWS by hand can be asked: all of it runs against the sandbox, and leaves nothing behind."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from live.facts import FACTS
from live.report import Verdict
from sandbox.aws import Aws
from sandbox.machine.engine import Engine

_ROOT = Path(__file__).parents[2]
_WORKFLOW = _ROOT / ".github/workflows/live.yml"
_SCENARIOS = 4


def _live(aws: Aws, engine: Engine, summary: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    variables = {
        **engine.environment(),
        **aws.environment(),
        "GITHUB_RUN_ID": "7",
        "GITHUB_STEP_SUMMARY": str(summary),
        "LIVE_EXECUTION_ROLE": f"arn:aws:iam::{aws.account}:role/functions",
    }
    return subprocess.run(
        ["env", *(f"{name}={value}" for name, value in variables.items()), sys.executable, "-m", "live", *arguments],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_everything_is_asked_and_removed(aws: Aws, engine: Engine, tmp_path: Path) -> None:
    before = aws.snapshot()
    aws.forget_calls()
    done = _live(aws, engine, tmp_path / "summary.md")
    text = (tmp_path / "summary.md").read_text()

    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    verdicts = {row[0]: row[3] for row in rows[2:]}
    assert {*verdicts.values()} <= {Verdict.AS_ASSUMED, Verdict.RECORDED}, text
    assert len(verdicts) == len(FACTS) + _SCENARIOS
    assert done.returncode == 0, done.stdout + done.stderr
    assert aws.snapshot() == before
    assert _asked(aws) <= _allowed()


def test_what_a_killed_run_has_left_is_removed(aws: Aws, engine: Engine, tmp_path: Path) -> None:
    before = aws.snapshot()
    aws.client("ecr").create_repository(repositoryName="ecr-lambda-deploy-live-7-1")

    assert _live(aws, engine, tmp_path / "summary.md", "remove").stdout == "Nothing is left.\n"
    assert aws.snapshot() == before


def test_what_cannot_be_removed_is_said(aws: Aws, engine: Engine, tmp_path: Path) -> None:
    aws.deny("ecr:DeleteRepository")
    done = _live(aws, engine, tmp_path / "summary.md", "remove")
    aws.reset_rules()

    assert done.returncode == 1
    assert done.stdout.startswith("repository ecr-lambda-deploy-live-7-1: AccessDeniedException (HTTP 403): User: ")


def _asked(aws: Aws) -> set[str]:
    """Return the IAM actions of the calls that were made."""
    calls = {f"{call.service}:{call.action}" for call in aws.calls() if call.service in {"ecr", "lambda"}}
    return {"lambda:InvokeFunction" if call == "lambda:Invoke" else call for call in calls}


def _allowed() -> set[str]:
    """Return the actions of the policy in the workflow's header."""
    header = re.sub(r"^# ?", "", _WORKFLOW.read_text().partition("\nname:")[0], flags=re.MULTILINE)
    found: Any = json.loads(header[header.index("{") : header.rindex("}") + 1])
    return {action for statement in found["Statement"] for action in statement["Action"]}
