"""What a checkout leaves otherwise than it is meant to be in an image: no build fails for it, but the function does."""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.model.text import bounded

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\n"
"""What the file begins with that stands for one in Git LFS until it is fetched [git-lfs, docs/spec.md]."""
_LONGEST_PATH = 200  # characters that are shown
_SUBMODULE = re.compile(r"^[ \t]*path[ \t]*=[ \t]*(\S[^\n]*)$", re.MULTILINE)  # [git, gitmodules(5)]

_POINTERS = (
    "{files} of the build context {stand} for what Git LFS has, and would be in the image like that: fetch it, with "
    "'lfs: true' for actions/checkout."
)
_PRIVATE = (
    "{files} of the build context may not be read by everybody, as a umask of the runner has it, and Lambda runs the "
    "function as a user of its own: copy with `COPY --chmod=755`, or `chmod -R a+rX .` in a step before."
)


_MISSING = (
    "The submodule {submodule!r} is an empty folder, and would be in the image like that: fetch it, with "
    "'submodules: true' for actions/checkout."
)


class CheckoutNotes:
    """Files and folders of a context that are noted while it is read, in many threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = Counter[str]()
        self._first: dict[str, str] = {}

    def see(self, path: str, mode: int, beginning: bytes = b"") -> None:
        """Look at a file or folder.

        Args:
            path: relative to the context.
            mode: of `os.lstat`.
            beginning: of a file.
        """
        if beginning.startswith(LFS_POINTER):
            self._note(_POINTERS, path)
        wanted = 0o005 if stat.S_ISDIR(mode) else 0o004
        if (stat.S_ISDIR(mode) or stat.S_ISREG(mode)) and mode & wanted != wanted:
            self._note(_PRIVATE, path)

    def forget(self) -> None:
        """Know nothing again, since the context is read from the beginning."""
        with self._lock:
            self._counts.clear()
            self._first.clear()

    def hints(self, *, sets_modes: bool) -> tuple[str, ...]:
        """Return a line on each kind.

        Args:
            sets_modes: whether the Dockerfile may give the files other modes.
        """
        kinds = [kind for kind in (_POINTERS, _PRIVATE) if self._counts[kind] and not (kind == _PRIVATE and sets_modes)]
        return tuple(kind.format(**self._words(kind)) for kind in kinds)

    def _note(self, kind: str, path: str) -> None:
        with self._lock:
            self._counts[kind] += 1
            self._first[kind] = min(path, self._first.get(kind, path))

    def _words(self, kind: str) -> dict[str, str]:
        first = bounded(os.fsencode(self._first[kind]).decode(errors="backslashreplace"), _LONGEST_PATH)
        others = self._counts[kind] - 1
        more = f" and {others} more" if others else ""
        return {"files": f"{first!r}{more}", "stand": "stand" if others else "stands"}


def submodule_hint(context: Path, rules: Dockerignore, read: Callable[[Path], bytes | None]) -> str:
    """Return a line on the submodules in a context that are not fetched: empty folders; nothing if there are none.

    Args:
        context: path of the folder.
        rules: of its .dockerignore.
        read: returns a file's content, or None if there is no such file; or raises UnknownInputError.
    """
    with suppress(UnknownInputError):
        for repository in (context, *context.parents):
            content = read(repository / ".gitmodules")
            paths = _SUBMODULE.findall(content.decode(errors="replace")) if content else []
            if missing := next((path for path in paths if _is_missing(repository / path, context, rules)), ""):
                return _MISSING.format(submodule=bounded(missing, _LONGEST_PATH))
            if content is not None or (repository / ".git").exists():
                break
    return ""


def _is_missing(submodule: Path, context: Path, rules: Dockerignore) -> bool:
    place = os.path.normpath(submodule)
    if not place.startswith(f"{os.path.normpath(context)}/"):
        return False
    matches, path = rules.root, ""
    for part in Path(place).relative_to(context).parts:
        path = f"{path}/{part}" if path else part
        is_excluded, matches = rules.match(path, matches)
        if is_excluded:
            return False
    try:
        with os.scandir(place) as entries:
            return next(entries, None) is None
    except (OSError, ValueError):
        return False
