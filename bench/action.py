"""Runs the action as a process of its own, without a container, and measures it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.runner import process_variables
from sandbox.runner.workflow_commands import parse_file_command

# A process's peak memory begins with that of the process which started it: this one, small, and not the benchmark's.
_LAUNCHER = """
import resource, subprocess, sys
exit_code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as figures:
    print(exit_code, used.ru_utime + used.ru_stime, used.ru_maxrss, file=figures)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionRun:
    """What a run left behind.

    Attributes:
        exit_code: Its exit code.
        log: What it printed.
        outputs: By name.
        seconds: From its start to its end.
        processor_seconds: How long it computed.
        peak_memory: The most memory that it had, in bytes.
    """

    exit_code: int
    log: str
    outputs: Mapping[str, str]
    seconds: float
    processor_seconds: float
    peak_memory: int


def run_action(
    checkout: Path, workspace: Path, inputs: Mapping[str, str], environment: Mapping[str, str], *, run_id: int
) -> ActionRun:
    """Run the action of a checkout to its end.

    Args:
        checkout: Where its source is.
        workspace: The job's workspace; what the runner keeps is beside it.
        inputs: The step's `with`.
        environment: The job's environment.
        run_id: GITHUB_RUN_ID.
    """
    folder = workspace.parent / f"run-{run_id}"
    # As in the action's image: the package is beside what starts it. And what is measured is not edited meanwhile.
    shutil.copytree(checkout / "src", folder / "action", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(checkout / "entrypoint.py", folder / "action")
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder / "action")], check=True)
    variables = process_variables(folder, workspace, inputs, environment, run_id=str(run_id), checkout=checkout)
    log = folder / "log"
    start = time.monotonic()
    command = [sys.executable, "-I", "-u", str(folder / "action" / "entrypoint.py")]
    exit_code, processor_seconds, peak_memory = _measured(command, workspace, variables, log)
    return ActionRun(
        exit_code=exit_code,
        log=log.read_text(errors="replace"),
        outputs=parse_file_command(Path(variables["GITHUB_OUTPUT"]).read_text()),
        seconds=time.monotonic() - start,
        processor_seconds=processor_seconds,
        peak_memory=peak_memory,
    )


def _measured(command: list[str], folder: Path, variables: Mapping[str, str], log: Path) -> tuple[int, float, int]:
    """Run a command to its end, and return its exit code, the seconds that it computed, and its peak memory."""
    figures = log.with_name("figures")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _LAUNCHER, str(figures), *command],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    exit_code, processor_seconds, kibibytes = figures.read_text().split()
    return int(exit_code), float(processor_seconds), int(kibibytes) * 1024
