"""Runs a workflow file unchanged with act, which stands in for GitHub."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.machine.base_images import ACT_RUNNER
from sandbox.machine.engine import Engine

_ROOT = Path(__file__).parents[2]
# The files of a tagged release that the runner needs.
_RELEASE = (".dockerignore", "action.yml", "Dockerfile", "entrypoint.py", "requirements", "src")


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowResult:
    """The result of a workflow run.

    Attributes:
        exit_code: of act; 0 if every job succeeded.
        log: what act printed.
    """

    exit_code: int
    log: str


def run_workflow(
    workflow: str,
    files: Path,
    *,
    engine: Engine,
    uses: str = "org/ecr-lambda-deploy@v1",
    action: Path | None = None,
    environment: Mapping[str, str],
    dispatch: Mapping[str, str] | None = None,
) -> WorkflowResult:
    """Run a workflow in a new repository with one commit: as by a push, or as dispatched by a person.

    Args:
        workflow: the workflow file's text.
        files: the other files of the repository.
        engine: runs the job.
        uses: the name by which the workflow uses the action.
        action: the folder of a release of the action; None for this checkout.
        environment: the job's environment.
        dispatch: the inputs of a workflow_dispatch; None for a push.
    """
    with TemporaryDirectory(prefix="workflow-") as folder:
        released, repository = action or Path(folder, "action"), Path(folder, "orders")
        if action is None:
            _copy_release(released)
        shutil.copytree(files, repository)
        _commit(repository, workflow)
        command = [
            str(Path(sys.executable).with_name("act")),
            "push" if dispatch is None else "workflow_dispatch",
            "--pull=false",
            "--rm",
            f"--platform=ubuntu-latest={ACT_RUNNER}",
        ]
        command += ["--no-cache-server", f"--local-repository={uses}={released}"]
        variables = Path(folder, "variables")
        variables.write_text("".join(f"{name}={value}\n" for name, value in environment.items()))
        command.append(f"--env-file={variables}")
        command += [f"--input={name}={value}" for name, value in (dispatch or {}).items()]
        command.append(f"--container-daemon-socket=unix://{engine.socket}")
        done = subprocess.run(
            command,
            cwd=repository,
            env={**os.environ, **engine.environment(), "XDG_CACHE_HOME": folder},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return WorkflowResult(exit_code=done.returncode, log=re.sub(r"\x1b\[[0-9;]*m", "", done.stdout))


def _copy_release(action: Path) -> None:
    """Copy the files of a release of the action."""
    action.mkdir()
    for name in _RELEASE:
        if (source := _ROOT / name).is_dir():
            shutil.copytree(source, action / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, action)


def _commit(repository: Path, workflow: str) -> None:
    """Make a folder a git repository with a workflow and one commit."""
    (repository / ".github/workflows").mkdir(parents=True)
    (repository / ".github/workflows/deploy.yml").write_text(workflow)
    _git(repository, "init", "--quiet", "--initial-branch=main")
    _git(repository, "remote", "add", "origin", "https://github.com/octocat/orders.git")
    _git(repository, "add", "--all")
    _git(repository, "commit", "--quiet", "--message=The first orders")


def _git(repository: Path, *arguments: str) -> None:
    author = ["-c", "user.name=Mona", "-c", "user.email=mona@example.com"]
    subprocess.run(["git", *author, *arguments], cwd=repository, check=True)
