"""Reads files of the workspace, whatever is in their place."""

import errno
import os
import stat
from pathlib import Path


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path is inside a folder after symbolic links are followed; it need not exist.

    Raises:
        ValueError: the path holds a NUL.
    """
    # Before Python 3.13 `Path.resolve` raises for a loop of links.
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def read_plain(path: Path, *, most: int) -> bytes:
    """Return the beginning of a file; links to it are followed.

    Args:
        path: absolute.
        most: bytes that are read.

    Raises:
        OSError: it cannot be read, or is no plain file: a pipe would have no end.
        ValueError: the path holds a NUL.
    """
    descriptor = os.open(os.path.realpath(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:  # noqa: PTH123 # it is open already
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            number = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
            raise OSError(number, os.strerror(number))
        return file.read(most)
