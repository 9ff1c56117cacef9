"""Runs the action in a process of the machine: for what its container adds nothing to, in a fraction of its time.

One process imports the action once, and forks for each run; so what a run leaves in memory, no other sees.
"""

import json
import os
import runpy
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.runner.action_container import process_variables
from sandbox.runner.workflow_commands import parse_file_command

_ROOT = Path(__file__).parents[2]
_MODULES = (
    "botocore.session",
    "ecr_lambda_deploy.main",
    "ecr_lambda_deploy.aws.sources",
    "ecr_lambda_deploy.docker.imagetools",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """What a run left behind.

    Attributes:
        exit_code: Its exit code.
        log: What it printed.
        outputs: By name.
    """

    exit_code: int
    log: str
    outputs: Mapping[str, str]


class ActionProcess:
    """Runs the action, one run after another; see `action_process`."""

    def __init__(self, server: "subprocess.Popen[str]") -> None:
        self._server = server

    def run(
        self, folder: Path, inputs: Mapping[str, str], environment: Mapping[str, str], *, run_id: str, commit: str
    ) -> ProcessResult:
        """Run the action to its end.

        Args:
            folder: An empty one, for the workspace and what the runner keeps.
            inputs: The step's `with`.
            environment: The job's.
            run_id: GITHUB_RUN_ID.
            commit: GITHUB_SHA.
        """
        workspace, log = folder / "workspace", folder / "log"
        workspace.mkdir()
        variables = process_variables(folder, workspace, inputs, environment, run_id=run_id, commit=commit)
        if self._server.stdin is None or self._server.stdout is None:
            raise AssertionError("both are pipes")
        print(json.dumps([variables, str(workspace), str(log)]), file=self._server.stdin, flush=True)
        exit_code = int(self._server.stdout.readline())
        outputs = parse_file_command(Path(variables["GITHUB_OUTPUT"]).read_text())
        return ProcessResult(exit_code=exit_code, log=log.read_text(errors="replace"), outputs=outputs)


@contextmanager
def action_process() -> Iterator[ActionProcess]:
    """Start a process that runs the action, and end it with the block."""
    command = [sys.executable, "-u", __file__]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_ROOT / "src"), str(_ROOT)])}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as server:
        yield ActionProcess(server)  # which ends when its input does


def _serve() -> None:
    for module in _MODULES:
        __import__(module)
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            _run(*json.loads(line))
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(variables: Mapping[str, str], workspace: str, log: str) -> None:
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(workspace)
    output = os.open(log, os.O_WRONLY | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(output, stream)
    sys.argv = [str(_ROOT / "entrypoint.py")]
    runpy.run_path(sys.argv[0], run_name="__main__")
    sys.exit(0)


if __name__ == "__main__":
    _serve()
