"""Builds the action and starts its container as GitHub's runner does for `uses:` of a Docker action."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import yaml

from sandbox.engine import Engine
from sandbox.workflow_commands import Annotation, JobLog, parse_file_command

_ROOT = Path(__file__).parent.parent
ACTION_IMAGE = "ecr-lambda-deploy/action:sandbox"
_FILE_COMMANDS = ("env", "output", "path", "state", "step_summary")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step left behind.

    Attributes:
        exit_code: of the container.
        log: as a person sees it, with masks.
        output: as the container printed it.
        masked: what it asked to mask.
        annotations: in order.
        outputs: by name.
        summary: the job summary's Markdown.
        seconds: from the start of the container to its end.
    """

    exit_code: int
    log: str
    output: str
    masked: tuple[str, ...]
    annotations: tuple[Annotation, ...]
    outputs: Mapping[str, str]
    summary: str
    seconds: float


def build_action(engine: Engine) -> None:
    """Build the action's image; with an unchanged checkout that takes a second.

    Raises:
        SandboxError: the build failed.
    """
    # Engines of the sandbox that run beside another one give builds no network but the host's.
    engine.docker("build", "--network=host", f"--tag={ACTION_IMAGE}", str(_ROOT))


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs the action's container for steps of one job.

    Attributes:
        engine: the engine that the runner, and so the action, uses.
        environment: what the job has in its environment; AWS credentials for example.
    """

    engine: Engine
    environment: Mapping[str, str]

    def run(
        self,
        workspace: Path,
        inputs: Mapping[str, str],
        *,
        environment: Mapping[str, str] | None = None,
        commit: str = "0" * 40,
        mounts: Mapping[str, Path] | None = None,
        with_engine: bool = True,
        show: Callable[[str], None] | None = None,
    ) -> StepResult:
        """Run one step.

        Args:
            workspace: the job's workspace.
            inputs: the step's `with`.
            environment: the step's `env`.
            commit: GITHUB_SHA.
            mounts: further folders by the path that they have in the container.
            with_engine: whether the engine's socket is mounted, as runners do.
            show: shown each line of the log as it comes.
        """
        with TemporaryDirectory(prefix="runner-") as folder:
            temp = Path(folder)
            for name in ("_github_home", "_github_workflow", "_runner_file_commands"):
                (temp / name).mkdir()
            (temp / "_github_workflow" / "event.json").write_text("{}")
            for name in _FILE_COMMANDS:
                (temp / "_runner_file_commands" / name).touch()
            step = {**_defaults(), **inputs}
            variables = (
                {f"INPUT_{name.upper()}": value for name, value in step.items()}
                | _github_variables(commit)
                | {**self.environment, **(environment or {})}
            )
            volumes = {
                "/github/home": temp / "_github_home",
                "/github/workflow": temp / "_github_workflow",
                "/github/file_commands": temp / "_runner_file_commands",
                "/github/workspace": workspace,
                **(mounts or {}),
            }
            if with_engine:
                volumes["/var/run/docker.sock"] = self.engine.socket
            return self._start(variables, volumes, temp / "_runner_file_commands", show)

    def _start(
        self,
        variables: Mapping[str, str],
        volumes: Mapping[str, Path],
        files: Path,
        show: Callable[[str], None] | None,
    ) -> StepResult:
        command = [str(self.engine.cli), "run", "--name", f"action-{uuid4().hex[:12]}", "--label", "ecr-lambda-deploy"]
        command += ["--workdir", "/github/workspace", "--rm"]
        # The one difference from GitHub's runner: the sandbox's AWS is on the machine's loopback.
        command += ["--network", "host"]
        for name in variables:
            command += ["-e", name]
        for target, source in volumes.items():
            command += ["-v", f"{source}:{target}"]
        log, printed, started = JobLog(), [], time.monotonic()
        with subprocess.Popen(
            [*command, ACTION_IMAGE],
            env={**os.environ, **self.engine.environment(), **variables, "HOME": "/github/home"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            for line in process.stdout or ():
                printed.append(line)
                shown = log.take(line.rstrip("\n"))
                if show and shown is not None:
                    show(shown)
        return StepResult(
            exit_code=process.returncode,
            log="\n".join(log.lines),
            output="".join(printed),
            masked=tuple(log.masked),
            annotations=tuple(log.annotations),
            outputs=parse_file_command((files / "output").read_text()),
            summary=(files / "step_summary").read_text(),
            seconds=time.monotonic() - started,
        )


def _defaults() -> dict[str, str]:
    """Return every input of the action with its default, as the runner sets them."""
    action = yaml.safe_load((_ROOT / "action.yml").read_text())
    return {name: str(given.get("default", "")) for name, given in action["inputs"].items()}


def _github_variables(commit: str) -> dict[str, str]:
    """Return the variables that the runner sets [GitHub's documentation, default environment variables]."""
    return {
        "HOME": "/github/home",
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION": "deploy",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_API_URL": "https://api.github.com",
        "GITHUB_EVENT_NAME": "push",
        "GITHUB_EVENT_PATH": "/github/workflow/event.json",
        "GITHUB_JOB": "deploy",
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_REF_NAME": "main",
        "GITHUB_REPOSITORY": "octocat/orders",
        "GITHUB_REPOSITORY_OWNER": "octocat",
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_RUN_ID": "1658821493",
        "GITHUB_RUN_NUMBER": "3",
        "GITHUB_SERVER_URL": "https://github.com",
        "GITHUB_SHA": commit,
        "GITHUB_WORKFLOW": "deploy",
        "GITHUB_WORKSPACE": "/github/workspace",
        "RUNNER_ARCH": "X64",
        "RUNNER_OS": "Linux",
        "RUNNER_TEMP": "/github/runner_temp",
        **{f"GITHUB_{name.upper()}": f"/github/file_commands/{name}" for name in _FILE_COMMANDS},
    }
