"""What a person with a shell on the runner could see of its processes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

_PAUSE = 0.005  # seconds


@dataclass(slots=True)
class Sightings:
    """Command lines of all processes, containers' included, looked at again and again.

    Attributes:
        arguments: every command line seen.
        gaps: seconds between one look and the next.
    """

    arguments: set[str] = field(default_factory=set)
    gaps: list[float] = field(default_factory=list)


@contextmanager
def watched_processes() -> Iterator[Sightings]:
    """Look at the command lines of all processes of the machine for the time of the block."""
    sightings, ended = Sightings(), Event()
    thread = Thread(target=_watch, args=(sightings, ended), daemon=True)
    thread.start()
    try:
        yield sightings
    finally:
        ended.set()
        thread.join()


def _watch(sightings: Sightings, ended: Event) -> None:
    kernel: set[str] = set()  # processes without a command line, which never get one
    last = time.monotonic()
    while not ended.is_set():
        for process in os.listdir("/proc"):
            if process.isdigit() and process not in kernel:
                try:
                    with open(f"/proc/{process}/cmdline", "rb") as file:
                        arguments = file.read()
                except (FileNotFoundError, ProcessLookupError):
                    continue  # it ended meanwhile
                if arguments:
                    sightings.arguments.add(arguments.replace(b"\0", b" ").decode(errors="replace"))
                elif _is_of_kernel(process):
                    kernel.add(process)
        ended.wait(_PAUSE)
        now = time.monotonic()
        sightings.gaps.append(now - last)
        last = now


def _is_of_kernel(process: str) -> bool:
    try:
        return not os.readlink(f"/proc/{process}/exe")
    except OSError:
        return True
