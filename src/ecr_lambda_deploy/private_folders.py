"""Folders for secrets: private, in memory where the machine has such a place, and gone before the run is."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from shutil import rmtree
from threading import Lock

from ecr_lambda_deploy.model.errors import CancelledError, DeployError

# /dev/shm is memory. TMPDIR does not count: an earlier step may have set it to a folder that is kept.
_PARENTS = (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108 # a folder of mode 0700 is made in it
_TRIES = 10  # to remove a folder that another thread removes, too


class PrivateFolders:
    """Makes private folders, and knows those that there are.

    Args:
        workspace: a folder that none is made in: artifacts, caches and build contexts are taken from it.
        parents: where folders are made; the first that will do.
    """

    def __init__(self, workspace: Path, parents: Sequence[Path] = _PARENTS) -> None:
        self._workspace = workspace.resolve()
        self._parents = parents
        self._lock = Lock()
        self._folders: set[Path] = set()
        self._is_closed = False

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Make a folder that only this user can read, for the time of the block.

        Raises:
            CancelledError: all were removed, since the process ends.
            DeployError: there is no place for it.
        """
        path = self._parent() / f"ecr-lambda-deploy-{token_hex(16)}"
        try:
            with self._lock:
                if self._is_closed:
                    raise CancelledError
                self._folders.add(path)  # first, so that none is forgotten if the run is interrupted
                path.mkdir(mode=0o700)
            yield path
        finally:
            _remove(path)
            self._folders.discard(path)

    def remove_all(self) -> None:
        """Remove every folder, and have none made from now on: the process ends."""
        with self._lock:
            self._is_closed = True
            folders = [*self._folders]
        for folder in folders:
            _remove(folder)

    def _parent(self) -> Path:
        for parent in self._parents:
            is_outside = not parent.resolve().is_relative_to(self._workspace)
            if is_outside and parent.is_dir() and os.access(parent, os.W_OK | os.X_OK):
                return parent
        raise DeployError(
            f"There is no place for credentials outside the workspace {self._workspace}: none of "
            f"{', '.join(map(str, self._parents))} can be written to.",
            topic="no-place-for-credentials",
        )


def _remove(folder: Path) -> None:
    """Remove a folder; it is renamed first, so that a thread or program that still writes to it finds it no more."""
    renamed = folder.with_name(f"{folder.name}-removed")
    with suppress(FileNotFoundError):  # another thread has renamed it, or an interrupted removal
        folder.rename(renamed)
    for _ in range(_TRIES):
        rmtree(renamed, ignore_errors=True)
        if not renamed.exists():
            return
