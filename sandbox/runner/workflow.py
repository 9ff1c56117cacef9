"""Runs a workflow file unchanged with act, which stands in for GitHub."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from sandbox.machine.base_images import ACT_RUNNER
from sandbox.machine.engine import Engine

_ROOT = Path(__file__).parents[2]
# The files of a tagged release that the runner needs.
_RELEASE = (".dockerignore", "action.yml", "Dockerfile", "entrypoint.py", "requirements", "src")


_RUNNERS = ("ubuntu-latest", "ubuntu-24.04-arm")  # a job on the machine's own architecture in either case


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What starts a workflow.

    Attributes:
        event: such as `push`.
        payload: the event's, beside what act adds.
        inputs: of a workflow_dispatch.
    """

    event: str = "push"
    payload: Mapping[str, object] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)


_PUSH = Start()


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
    start: Start = _PUSH,
    secrets: Mapping[str, str] = MappingProxyType({}),
    actions: Mapping[str, Path] = MappingProxyType({}),
    programs: Mapping[str, Path] = MappingProxyType({}),
) -> WorkflowResult:
    """Run a workflow in a new repository with one commit.

    Args:
        workflow: the workflow file's text.
        files: the other files of the repository.
        engine: runs the job.
        uses: the name by which the workflow uses the action.
        action: the folder of a release of the action; None for this checkout.
        environment: the job's environment; GITHUB_RUN_ID numbers the run, which is 1 otherwise.
        start: what starts it; by default a push.
        secrets: the repository's.
        actions: folders of stand-ins for other actions, by the name by which the workflow uses them.
        programs: stand-ins for programs of GitHub's runner image, by name.
    """
    with TemporaryDirectory(prefix="workflow-") as folder:
        released, repository = action or Path(folder, "action"), Path(folder, "orders")
        if action is None:
            _copy_release(released)
        shutil.copytree(files, repository)
        _commit(repository, workflow)
        event = Path(folder, "event.json")
        event.write_text(json.dumps(start.payload))
        command = [str(Path(sys.executable).with_name("act")), start.event, "--pull=false", "--rm", "--no-cache-server"]
        command += [f"--eventpath={event}"] if start.payload else []
        command += [f"--input={name}={value}" for name, value in start.inputs.items()]
        command += [f"--platform={label}={ACT_RUNNER}" for label in _RUNNERS]
        command += [f"--local-repository={name}={path}" for name, path in {**actions, uses: released}.items()]
        for option, values in (("env", environment), ("secret", secrets)):
            file = Path(folder, option)
            file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
            command.append(f"--{option}-file={file}")
        mounts = " ".join(f"--volume={path}:/usr/local/bin/{name}:ro" for name, path in programs.items())
        command += [f"--container-options={mounts}"] if mounts else []
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
