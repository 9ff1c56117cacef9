"""The folder for downloads and builds of the sandbox. It may be deleted while no sandbox runs."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


def folder() -> Path:
    """Return the cache folder, `$XDG_CACHE_HOME/ecr-lambda-deploy` or `~/.cache/ecr-lambda-deploy`, created if absent.

    Source: XDG Base Directory Specification, which says to ignore a relative path.
    """
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    path = (base if base.is_absolute() else Path.home() / ".cache") / "ecr-lambda-deploy"
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[int]:
    """Hold the lock file at `path` against other processes.

    Args:
        path: The lock file, created if absent and left in place.
        wait: Whether to wait for another holder to end.

    Yields:
        The file descriptor that holds the lock; a child process that inherits it holds the lock as well.

    Raises:
        BlockingIOError: `wait` is false and someone else holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield file.fileno()


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """Return the cached file or folder of this name, which `make` creates if it is absent.

    When several processes ask at once, one makes it and the others wait. It appears whole or not at all.

    Args:
        name: A path in the cache folder that names everything the content depends on.
        make: Creates the file or folder at the path that it is given.
    """
    path = folder() / name
    if path.exists():
        return path
    with locked(folder() / "locks" / name.replace("/", "-")):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=path.parent, prefix=".making-") as scratch:
                made = Path(scratch) / path.name
                make(made)
                shutil.move(made, path)
    return path
