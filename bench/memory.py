"""The most memory that a few processes have together, looked at while they run."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

_SECONDS = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Peak:
    """The most resident memory so far, in bytes."""

    def __init__(self) -> None:
        self.bytes = 0


@contextmanager
def watched(is_one: Callable[[Path], bool]) -> Iterator[Peak]:
    """Watch processes during the block.

    It costs the machine something, so it is not done in a run whose time is taken.

    Args:
        is_one: Whether a process counts, by its folder in /proc.
    """
    peak, ended = Peak(), Event()

    def watch() -> None:
        while not ended.is_set():
            peak.bytes = max(peak.bytes, sum(map(_resident, filter(is_one, _processes()))))
            time.sleep(_SECONDS)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        ended.set()
        thread.join()


def in_session(process: int) -> Callable[[Path], bool]:
    """Return a test for processes of the session that a process leads."""

    def test(folder: Path) -> bool:
        return _read(folder / "stat").rpartition(")")[2].split()[3:4] == [str(process)]  # proc(5): the sixth field

    return test


def in_container(container: str) -> Callable[[Path], bool]:
    """Return a test for processes of a container, by its id."""
    return lambda folder: container in _read(folder / "cgroup")


def _processes() -> Iterator[Path]:
    return (folder for folder in Path("/proc").iterdir() if folder.name.isdecimal())


def _resident(folder: Path) -> int:
    fields = _read(folder / "statm").split()
    return int(fields[1]) * _PAGE if fields else 0


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # it has ended
        return ""
