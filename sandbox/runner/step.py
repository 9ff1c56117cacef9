"""A running step, and its result."""

import re
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from sandbox.errors import SandboxError
from sandbox.machine.engine import Engine
from sandbox.runner.workflow_commands import Annotation, JobLog, parse_file_command

_CREATION_SECONDS = 30
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """The result of a step.

    Attributes:
        exit_code: of the container; 137 if it was killed.
        log: as GitHub shows it, with masks applied; without its colours.
        output: as the container printed it.
        masked: the values that it masked.
        annotations: in order.
        outputs: by name.
        summary: the job summary's Markdown.
        files: what the step wrote into the runner's files, by name; outputs and summary among them.
        seconds: from the start of the container to its end.
    """

    exit_code: int
    log: str
    output: str
    masked: tuple[str, ...]
    annotations: tuple[Annotation, ...]
    outputs: Mapping[str, str]
    summary: str
    files: Mapping[str, str]
    seconds: float


class RunningStep:
    """A step that was started.

    Attributes:
        container: the name of its container.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        container: str,
        process: subprocess.Popen[str],
        files: Path,
        show: Callable[[str], None] | None,
    ) -> None:
        self._engine, self.container, self._process, self._files = engine, container, process, files
        self._log, self._printed = JobLog(), list[str]()
        self._started, self._seconds = time.monotonic(), 0.0
        self._reader = Thread(target=self._read, args=(show,), name=container, daemon=True)
        self._reader.start()

    @property
    def masked(self) -> tuple[str, ...]:
        """The values that the step has masked so far."""
        return tuple(self._log.masked)

    def signal(self, name: str) -> None:
        """Send a signal such as SIGINT to the container's first process, as cancelling the job does.

        The runner signals the docker client, which passes the signal on. A step that has ended gets no signal; a
        container that is still being created gets it as soon as it runs.
        """
        deadline = time.monotonic() + _CREATION_SECONDS
        while self._process.poll() is None:
            try:
                self._engine.docker("kill", f"--signal={name}", self.container)
            except SandboxError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def kill(self) -> None:
        """Kill the container at once, as when the machine fails."""
        self.signal("SIGKILL")

    def end(self) -> None:
        """Kill the step if it still runs, and wait until it has ended."""
        self.kill()
        self._process.wait()
        self._reader.join()

    def wait(self) -> StepResult:
        """Wait until the step has ended, and return its result."""
        self._process.wait()
        self._reader.join()
        files = {file.name: file.read_text() for file in self._files.iterdir()}
        return StepResult(
            exit_code=self._process.returncode,
            log=_COLOUR.sub("", "\n".join(self._log.lines)),
            output="".join(self._printed),
            masked=tuple(self._log.masked),
            annotations=tuple(self._log.annotations),
            outputs=parse_file_command(files["output"]),
            summary=files["step_summary"],
            files=files,
            seconds=self._seconds,
        )

    def _read(self, show: Callable[[str], None] | None) -> None:
        for line in self._process.stdout or ():
            self._printed.append(line)
            shown = self._log.take(line.rstrip("\n"))
            if show and shown is not None:
                show(shown)
        self._seconds = time.monotonic() - self._started
