"""A run of buildx that has pushed its images, and goes on to export caches, which only a later build needs.

BuildKit exports a cache when the image is pushed, and asks the registry for one layer after another [BuildKit,
llbsolver, Solver.Solve; cache/remotecache, Finalize]: a dozen round trips that what runs the image need not wait for.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from io import TextIOWrapper
from queue import Empty, SimpleQueue
from threading import Thread

from ecr_lambda_deploy.docker.errors import LONGEST_LINE
from ecr_lambda_deploy.ports.runner import Clock

_CONTINUED = "… "  # before a part of a line that is not its first
_PATIENCE = 600  # seconds, once nothing else is left to do
_POLL = 0.1  # seconds
_ENDING = 2  # seconds that buildx gets to end; a run that is cancelled has 7 in all


class CacheExport:
    """What goes on beside the release.

    Args:
        process: of buildx, whose images are pushed.
        lines: what it prints from now on.
        at_end: what it needs, such as its logins: closed when it has ended.
    """

    def __init__(self, process: subprocess.Popen[str], lines: Iterator[str], at_end: ExitStack) -> None:
        self._process = process
        self._at_end = at_end
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        # Not one of the threads that are counted, since the process ends without it.
        self._reader = Thread(target=self._read, args=(lines,), name="cache export", daemon=True)
        self._reader.start()

    def _read(self, lines: Iterator[str]) -> None:
        try:
            for line in lines:
                self._lines.put(line)
        finally:
            self._lines.put(None)

    def finish(self, clock: Clock, show: Callable[[str], object]) -> str:
        """Show what buildx prints until it ends, and end it if that takes too long.

        Args:
            clock: how long that is.
            show: logs a line.

        Returns:
            why the caches are perhaps not complete; empty if they are.

        Raises:
            CancelledError: the run is cancelled; buildx has been ended.
        """
        with self._at_end:
            deadline, last = clock.now() + _PATIENCE, ""
            try:
                while (line := self._next()) is not None:
                    clock.sleep(0)
                    if line:
                        show(line)
                        last = line
                    if clock.now() > deadline:
                        return f"buildx has not ended {_PATIENCE} s after everything else was done"
                self._process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                return "buildx has not ended after its last line"
            finally:
                self._end()
            return f"buildx ended with {self._process.returncode}: {last}" if self._process.returncode else ""

    def _next(self) -> str | None:
        """Return the next line; empty if there is none yet, None if there will be none any more."""
        try:
            return self._lines.get(timeout=_POLL)
        except Empty:
            return ""

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_ENDING)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()  # it cannot refuse that
        self._reader.join(_ENDING)


def conversation(process: subprocess.Popen[str], definition: str) -> Iterator[str]:
    """Write the definition to buildx's standard input, and yield the lines that it prints, a very long one in parts.

    A command of a Dockerfile chooses where a part begins, by its length or by a carriage return. It is marked, so that
    it is not taken for a line of BuildKit's or of this action.
    """
    if process.stdin is None or not isinstance(process.stdout, TextIOWrapper):
        raise AssertionError("both are pipes, and what is read is text")
    process.stdout.reconfigure(newline="\n")
    try:
        process.stdin.write(definition)
        process.stdin.close()
    except BrokenPipeError:
        pass  # buildx ended early, and its output says why
    is_new = True
    while text := process.stdout.readline(LONGEST_LINE):
        first, *parts = text.rstrip("\r\n").split("\r")
        yield first if is_new else f"{_CONTINUED}{first}"
        yield from (f"{_CONTINUED}{part}" for part in parts if part)
        is_new = text.endswith("\n")
