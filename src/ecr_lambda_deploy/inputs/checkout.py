"""Which commit is checked out, read from git's own files: git itself would run what a repository's settings name.

The files are those of git's documentation, gitrepository-layout. What is not as it says there is not known.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from ecr_lambda_deploy.inputs.files import is_within, read_plain
from ecr_lambda_deploy.model.run import is_commit

_LONGEST = 4096  # bytes of a file with one name or path in it
_MOST_PACKED = 64 * 1024**2  # bytes of packed-refs: a million references
_MOST_STEPS = 5  # from one reference to the next [git, refs.h, SYMREF_MAXDEPTH]
_REFERENCE = re.compile(r"refs(?:/(?!\.)[^\x00-\x20\x7f~^:?*\[\\/]+)+")  # [git-check-ref-format]


def checked_out(folder: Path, workspace: Path) -> str:
    """Return the full SHA of the commit that is checked out where a folder is; empty if that is not known.

    Args:
        folder: in the workspace; the repository is the nearest one above it, as for git itself.
        workspace: nothing outside is read.
    """
    try:
        workspace = Path(os.path.realpath(workspace))
        repository = _repository_above(Path(os.path.realpath(folder)), workspace)
        return "" if repository is None else _commit(repository, "HEAD", workspace)
    except (OSError, ValueError):  # ValueError: a NUL, or what is not UTF-8
        return ""


def _repository_above(folder: Path, workspace: Path) -> Path | None:
    for parent in (folder, *folder.parents):
        if not is_within(parent, workspace):
            return None
        repository = _repository_at(parent / ".git", workspace)
        if repository is not None:
            return repository
    return None


def _repository_at(path: Path, workspace: Path) -> Path | None:
    """Return the folder with HEAD: `.git` itself or, of a worktree or submodule, the folder that the file names.

    Raises:
        OSError: there is a file that names none that can be read.
    """
    if path.is_dir():
        return path if (path / "HEAD").is_file() else None
    if not path.exists():
        return None
    named = _text(path, workspace).removeprefix("gitdir: ")
    for found in _places(path.parent, named, workspace):
        if (found / "HEAD").is_file():
            return found
    raise OSError(f"{path} names {named}, which is not in the workspace")


def _commit(repository: Path, name: str, workspace: Path) -> str:
    """Return the commit that a reference leads to; empty if there is none, such as before the first commit."""
    common = _common(repository, workspace)
    for _ in range(_MOST_STEPS):
        text = _loose(repository, common, name, workspace) or _packed(common, name, workspace)
        if is_commit(text):
            return text
        name = text.removeprefix("ref:").strip()
        # Another kind of reference storage leaves a HEAD that leads nowhere [git, reftable].
        if not text.startswith("ref:") or not _REFERENCE.fullmatch(name):
            break
    return ""


def _common(repository: Path, workspace: Path) -> Path:
    """Return the folder with the references that a worktree shares with others; for any other, its own."""
    if not (repository / "commondir").is_file():
        return repository
    named = _text(repository / "commondir", workspace)
    return next((found for found in _places(repository, named, workspace) if found.is_dir()), repository)


def _loose(repository: Path, common: Path, name: str, workspace: Path) -> str:
    for folder in (repository, common):
        if (folder / name).is_file():
            return _text(folder / name, workspace)
    return ""


def _packed(common: Path, name: str, workspace: Path) -> str:
    path = common / "packed-refs"
    if not path.is_file() or not is_within(path, workspace):
        return ""
    lines = read_plain(path, most=_MOST_PACKED) + b"\n"
    end = lines.find(b" " + name.encode() + b"\n")  # a name has no blanks
    return lines[lines.rfind(b"\n", 0, end) + 1 : end].decode() if end >= 0 else ""


def _places(folder: Path, named: str, workspace: Path) -> Iterator[Path]:
    """Yield where a path in a file of git's may be; one from the root is the runner's, where the workspace is another.

    So of `/home/runner/work/shop/shop/.git/worktrees/old` all is tried that can be below the workspace.
    """
    parts = Path(named).parts
    candidates = [folder / named]
    if Path(named).is_absolute():
        candidates += [workspace.joinpath(*parts[start:]) for start in range(1, len(parts)) if ".git" in parts[start:]]
    yield from (path for path in candidates if is_within(path, workspace))


def _text(path: Path, workspace: Path) -> str:
    """Return the text of a short file.

    Raises:
        OSError: it leaves the workspace, or cannot be read.
        ValueError: it is not UTF-8.
    """
    if not is_within(path, workspace):
        raise OSError(f"{path} leaves the workspace")
    return read_plain(path, most=_LONGEST).decode().strip()
