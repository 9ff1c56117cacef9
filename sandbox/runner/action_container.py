"""Builds the action and starts its container as GitHub's runner does for `uses:` of a Docker action."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import yaml

from sandbox.machine.engine import Engine
from sandbox.runner.step import RunningStep, StepResult

_ROOT = Path(__file__).parents[2]
ACTION_IMAGE = "ecr-lambda-deploy/action:sandbox"
HOST_WORKSPACE = "/home/runner/work/orders/orders"
"""What `github.workspace` is in a workflow: the path outside the container, of the repository `octocat/orders`."""
_FILE_COMMANDS = ("env", "output", "path", "state", "step_summary")
_EVENT = {"repository": {"full_name": "octocat/orders", "default_branch": "main"}}


def build_action(engine: Engine) -> None:
    """Build the action's image; an unchanged checkout takes a second.

    Raises:
        SandboxError: the build failed.
    """
    # On an engine that the sandbox started beside another one, builds have the host's network only.
    engine.docker("build", "--network=host", f"--tag={ACTION_IMAGE}", str(_ROOT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs the action's container for steps of one job.

    Attributes:
        engine: the engine that the runner, and so the action, uses.
        environment: the job's environment; AWS credentials for example.
        image: the action's image.
    """

    engine: Engine
    environment: Mapping[str, str]
    image: str = ACTION_IMAGE

    def run(self, workspace: Path, inputs: Mapping[str, str], **options: Any) -> StepResult:  # noqa: ANN401 # those of `start`
        """Run one step to its end; the options are those of `start`."""
        with self.start(workspace, inputs, **options) as step:
            return step.wait()

    @contextmanager
    def start(
        self,
        workspace: Path,
        inputs: Mapping[str, str],
        *,
        environment: Mapping[str, str] | None = None,
        commit: str = "0" * 40,
        run_id: str = "1658821493",
        attempt: str = "1",
        workflow: str = "deploy.yml",
        mounts: Mapping[str, Path] | None = None,
        with_engine: bool = True,
        show: Callable[[str], None] | None = None,
    ) -> Iterator[RunningStep]:
        """Start one step; if it still runs at the end of the block, it is killed.

        Args:
            workspace: the job's workspace.
            inputs: the step's `with`.
            environment: the step's `env`.
            commit: GITHUB_SHA.
            run_id: GITHUB_RUN_ID.
            attempt: GITHUB_RUN_ATTEMPT.
            workflow: the file name of the workflow.
            mounts: further folders, by their path in the container.
            with_engine: whether the engine's socket is mounted, as runners do.
            show: called with each line of the log as it comes.
        """
        with TemporaryDirectory(prefix="runner-") as folder:
            temp = Path(folder)
            for name in ("_github_home", "_github_workflow", "_runner_file_commands"):
                (temp / name).mkdir()
            (temp / "_github_workflow" / "event.json").write_text(json.dumps(_EVENT))
            for name in _FILE_COMMANDS:
                (temp / "_runner_file_commands" / name).touch()
            step = {**input_defaults(), **inputs}
            variables = {f"INPUT_{name.upper()}": value for name, value in step.items()}
            variables |= github_variables(commit, run_id, attempt, workflow)
            variables |= {**self.environment, **(environment or {})}
            volumes = {
                "/github/home": temp / "_github_home",
                "/github/workflow": temp / "_github_workflow",
                "/github/file_commands": temp / "_runner_file_commands",
                "/github/workspace": workspace,
                **(mounts or {}),
            }
            if with_engine:
                volumes["/var/run/docker.sock"] = self.engine.socket
            with self._container(variables, volumes, temp / "_runner_file_commands", show) as running:
                yield running

    @contextmanager
    def _container(
        self,
        variables: Mapping[str, str],
        volumes: Mapping[str, Path],
        files: Path,
        show: Callable[[str], None] | None,
    ) -> Iterator[RunningStep]:
        name = f"action-{uuid4().hex[:12]}"
        command = [str(self.engine.cli), "run", "--name", name, "--label", "ecr-lambda-deploy"]
        command += ["--workdir", "/github/workspace", "--rm"]
        # The one difference from GitHub's runner: the sandbox's AWS listens on the machine's loopback.
        command += ["--network", "host"]
        # By name, so that no value is in an argument; but what the docker CLI reads itself is for the container alone.
        own = {name: value for name, value in variables.items() if name.startswith("DOCKER_")}
        for variable in variables:
            command += ["-e", f"{variable}={own[variable]}" if variable in own else variable]
        for target, source in volumes.items():
            command += ["-v", f"{source}:{target}"]
        with subprocess.Popen(
            [*command, self.image],
            env={
                **os.environ,
                **variables,
                **dict.fromkeys(own, ""),
                **self.engine.environment(),
                "HOME": "/github/home",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            step = RunningStep(engine=self.engine, container=name, process=process, files=files, show=show)
            try:
                yield step
            finally:
                step.end()


def input_defaults(checkout: Path = _ROOT) -> dict[str, str]:
    """Return every input of the action with its default, as the runner sets them."""
    action = yaml.safe_load((checkout / "action.yml").read_text())
    return {name: str(given.get("default", "")) for name, given in action["inputs"].items()}


def process_variables(
    folder: Path,
    workspace: Path,
    inputs: Mapping[str, str],
    environment: Mapping[str, str],
    *,
    run_id: str,
    commit: str = "0" * 40,
    checkout: Path = _ROOT,
) -> dict[str, str]:
    """Return the variables of a step that is a process of the machine, and make the files that the runner reads.

    Args:
        folder: The step's own, in which the files are made.
        workspace: The job's workspace.
        inputs: The step's `with`.
        environment: The job's environment.
        run_id: GITHUB_RUN_ID.
        commit: GITHUB_SHA.
        checkout: Whose action it is.
    """
    files = {f"GITHUB_{name.upper()}": folder / name for name in _FILE_COMMANDS}
    for file in files.values():
        file.touch()
    return {
        **{f"INPUT_{name.upper()}": value for name, value in {**input_defaults(checkout), **inputs}.items()},
        **github_variables(commit, run_id, "1", "deploy.yml"),
        **{name: str(file) for name, file in files.items()},
        "GITHUB_WORKSPACE": str(workspace),
        "HOME": str(folder),
        "PATH": os.defpath,
        **environment,
    }


def github_variables(commit: str, run_id: str, attempt: str, workflow: str) -> dict[str, str]:
    """Return the variables that the runner sets [GitHub's documentation, default environment variables]."""
    return {
        "HOME": "/github/home",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION": "deploy",
        "GITHUB_ACTION_REF": "v1",
        "GITHUB_ACTION_REPOSITORY": "org/ecr-lambda-deploy",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": "/github/workflow/event.json",
        "GITHUB_JOB": "deploy",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REPOSITORY": "octocat/orders",
        "GITHUB_REPOSITORY_OWNER": "octocat",
        "GITHUB_RUN_ATTEMPT": attempt,
        "GITHUB_RUN_ID": run_id,
        "GITHUB_RUN_NUMBER": "3",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": commit,
        "GITHUB_WORKFLOW": workflow.partition(".")[0],
        "GITHUB_WORKFLOW_REF": f"octocat/orders/.github/workflows/{workflow}@refs/heads/main",
        "GITHUB_WORKSPACE": "/github/workspace",
        "RUNNER_ARCH": "X64",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": "/github/runner_temp",
        "RUNNER_WORKSPACE": HOST_WORKSPACE.rpartition("/")[0],
        **{f"GITHUB_{name.upper()}": f"/github/file_commands/{name}" for name in _FILE_COMMANDS},
    }
