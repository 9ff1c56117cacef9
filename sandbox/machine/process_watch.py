"""The command lines that a person with a shell on the runner could see, and what each program was started with."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

_PAUSE = 0.005  # seconds


@dataclass(slots=True)
class Sightings:
    """Command lines of all processes, containers included, collected by polling.

    Attributes:
        arguments: every command line that was seen.
        environments: the environment that a program was started with, `NAME=VALUE` separated by NUL, beside its
            command line. Only root sees those of others.
        gaps: seconds between two polls.
    """

    arguments: set[str] = field(default_factory=set)
    environments: set[tuple[str, str]] = field(default_factory=set)
    gaps: list[float] = field(default_factory=list)


@contextmanager
def watched_processes() -> Iterator[Sightings]:
    """Collect the command lines of all processes of the machine until the block ends.

    Yields:
        the sightings; complete when the block has ended.
    """
    sightings = Sightings()
    here, there = multiprocessing.Pipe()
    # In a separate process, which does not wait for this one's other threads.
    watcher = multiprocessing.get_context("spawn").Process(target=_watch, args=(there,), daemon=True)
    watcher.start()
    here.recv()
    try:
        yield sightings
    finally:
        here.send("end")
        seen: Sightings = here.recv()
        sightings.arguments, sightings.environments, sightings.gaps = seen.arguments, seen.environments, seen.gaps
        watcher.join()


def _watch(connection: Connection) -> None:
    if os.geteuid() == 0:  # with priority over others, so that short-lived processes are seen
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    sightings = Sightings()
    kernel: set[str] = set()  # kernel threads, which never get a command line
    programs: dict[str, bytes] = {}  # command lines by process: another one means that it has started a program
    connection.send("watching")
    last = time.monotonic()
    while not connection.poll(_PAUSE):
        for process in os.listdir("/proc"):  # noqa: PTH208 # Path is slow, and this must be quick
            if process.isdigit() and process not in kernel:
                try:
                    with open(f"/proc/{process}/cmdline", "rb") as file:  # noqa: PTH123 # Path is slow, and this must be quick
                        arguments = file.read()
                except (FileNotFoundError, ProcessLookupError):
                    continue  # the process has ended
                if arguments:
                    if programs.get(process) == arguments:
                        continue
                    programs[process] = arguments
                    shown = arguments.replace(b"\0", b" ").decode(errors="replace")
                    sightings.arguments.add(shown)
                    sightings.environments.add((shown, _environment(process)))
                elif not Path(f"/proc/{process}/exe").exists():
                    kernel.add(process)
        now = time.monotonic()
        sightings.gaps.append(now - last)
        last = now
    connection.send(sightings)


def _environment(process: str) -> str:
    try:
        with open(f"/proc/{process}/environ", "rb") as file:  # noqa: PTH123 # Path is slow, and this must be quick
            return file.read().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""
