"""Which commit is checked out, read from git's own files: git itself would run what a repository's settings name.

The files are those of git's documentation, gitrepository-layout. What is not as it says there is not known.
"""

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from ecr_lambda_deploy.inputs.files import is_within, read_plain
from ecr_lambda_deploy.model.run import is_commit

_LONGEST = 4096  # bytes of a file with one name or path in it
_MOST_PACKED = 64 * 1024**2  # bytes of packed-refs: a million references
_MOST_OF_SETTINGS = 1024**2  # bytes of a repository's settings
_MOST_PARTS = 64  # folders of a path: each of its ends is looked for
_MOST_STEPS = 5  # from one reference to the next [git, refs.h, SYMREF_MAXDEPTH]
_ORIGIN = '[remote "origin"]'  # [git-config]
_URL = re.compile(r"(?:\w+://[^/\s]+/|[^/:\s]+:)(?P<path>[\w.-]+/[\w.-]+)")
_REFERENCE = re.compile(r"refs(?:/(?!\.)[^\x00-\x20\x7f~^:?*\[\\/]+)+")  # [git-check-ref-format]


def checked_out(folder: Path, workspace: Path, known: dict[Path, str]) -> str:
    """Return the full SHA of the commit that is checked out where a folder is; empty if that is not known.

    Args:
        folder: in the workspace; the repository is the nearest one above it, as for git itself.
        workspace: nothing outside is read.
        known: commits by repository: many folders may be in one, whose files may be large.
    """
    try:
        workspace = Path(os.path.realpath(workspace))
        repository = _repository_above(Path(os.path.realpath(folder)), workspace)
        if repository is None:
            return ""
        if repository not in known:
            known[repository] = _commit(repository, "HEAD", workspace)
        return known[repository]
    except (OSError, ValueError):  # ValueError: a NUL, or what is not UTF-8
        return ""


def remote_repository(folder: Path) -> str:
    """Return `owner/name` of the repository that a folder was cloned from; empty if that is not known.

    Args:
        folder: where the repository is; nothing outside is read.
    """
    try:
        repository = _repository_above(Path(os.path.realpath(folder)), Path(os.path.realpath(folder)))
        config = repository / "config" if repository else None
        if config is None or not config.is_file() or not is_within(config, Path(os.path.realpath(folder))):
            return ""
        lines = read_plain(config, most=_MOST_OF_SETTINGS).decode().splitlines()
    except (OSError, ValueError):
        return ""
    found = _URL.fullmatch(_origin(lines).removesuffix("/").removesuffix(".git"))
    return found["path"] if found else ""


def _origin(lines: Iterable[str]) -> str:
    """Return the URL of the remote `origin` in a repository's settings; empty if they name none."""
    section = ""
    for line in map(str.strip, lines):
        name, _, value = line.partition("=")
        if line.startswith("["):
            section = line
        elif section == _ORIGIN and name.rstrip() == "url":
            return value.strip()
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
    if found := _place(path.parent, named, workspace, lambda place: (place / "HEAD").is_file()):
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
    return _place(repository, named, workspace, Path.is_dir) or repository


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


def _place(folder: Path, named: str, workspace: Path, is_it: Callable[[Path], bool]) -> Path | None:
    """Return what a path in a file of git's names; one from the root is the runner's, where the workspace is another.

    So of `/home/runner/work/shop/shop/.git/worktrees/old` all is tried that can be below the workspace.

    Args:
        folder: that the path is relative to.
        named: the path.
        workspace: nothing outside is returned.
        is_it: whether a place is what is looked for.
    """
    parts = Path(named).parts
    if len(parts) > _MOST_PARTS:
        return None
    candidates = [folder / named]
    if Path(named).is_absolute():
        candidates += [workspace.joinpath(*parts[start:]) for start in range(1, len(parts)) if ".git" in parts[start:]]
    return next((path for path in candidates if is_it(path) and is_within(path, workspace)), None)


def _text(path: Path, workspace: Path) -> str:
    """Return the text of a short file.

    Raises:
        OSError: it leaves the workspace, or cannot be read.
        ValueError: it is not UTF-8.
    """
    if not is_within(path, workspace):
        raise OSError(f"{path} leaves the workspace")
    return read_plain(path, most=_LONGEST).decode().strip()
