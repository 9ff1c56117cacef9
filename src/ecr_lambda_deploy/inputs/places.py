"""Files and folders that a build reads or writes: buildx sees those of the container that this action runs in.

GitHub's runner mounts the workspace there, and hardly anything else.
"""

import csv
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from ecr_lambda_deploy.inputs.reader import InputReader, why_unreadable
from ecr_lambda_deploy.model.targets import CacheSettings

_DOCKERFILE = "Dockerfile"
_CACHE_FOLDERS = {"cache-from": "src", "cache-to": "dest"}  # of type=local [BuildKit, local cache]


def is_in_workspace(reader: InputReader, name: str, path: Path, *, is_folder: bool) -> bool:
    """Whether a path is a folder or file in the workspace; if not, note a problem.

    Args:
        reader: of the setting.
        name: of the setting.
        path: absolute.
        is_folder: whether it has to be a folder.
    """
    why = ""
    try:
        if not reader.is_in_workspace(name, path):
            return False
        if (stat.S_ISDIR if is_folder else stat.S_ISREG)(path.stat().st_mode):
            return True
    except FileNotFoundError:
        pass
    except OSError as error:  # a name too long, a loop of symbolic links
        why = f": {why_unreadable(error)}"
    except ValueError as error:  # a NUL
        why = f": {error}"
    shown, what = os.path.relpath(path, reader.workspace), "folder" if is_folder else "file"
    hint = reader.checkout_hint or _other_name(reader, path)
    reader.problem(name, f"{shown!r} is not a {what} in the workspace{why}.{hint}")
    return False


def _other_name(reader: InputReader, path: Path) -> str:
    """Return a hint at what has nearly this name: it differs in case, or is what Podman calls a Dockerfile."""
    names = {path.name.lower(), *(["containerfile"] if path.name == _DOCKERFILE else [])}
    try:
        with os.scandir(path.parent) as entries:
            others = sorted(entry.name for entry in entries if entry.name.lower() in names)
    except (OSError, ValueError):
        return ""
    found = next((other for other in others if other != path.name), "")
    return f" There is {os.path.relpath(path.with_name(found), reader.workspace)!r}." if found else ""


def read_dockerfile(reader: InputReader, context: Path, *, is_context: bool) -> Path:
    """Read where the Dockerfile is; one that is a link is the file that the link leads to.

    BuildKit is given the folder of the Dockerfile, and follows no link out of it.

    Args:
        reader: of the image's settings.
        context: its build context.
        is_context: whether that is a folder in the workspace.
    """
    given = reader.text("dockerfile")
    if not (given or is_context):
        return context / _DOCKERFILE
    dockerfile = reader.place(given) if given else _default_dockerfile(context)
    if not is_in_workspace(reader, "dockerfile", dockerfile, is_folder=False):
        return dockerfile
    if not dockerfile.is_symlink():
        return dockerfile
    path = os.path.relpath(os.path.realpath(dockerfile), os.path.realpath(reader.workspace))
    ignoring = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    if ignoring.exists():
        shown, left_out = (os.path.relpath(one, reader.workspace) for one in (dockerfile, ignoring))
        reader.problem("dockerfile", f"{shown!r} is a link to {path}, where {left_out} would not count: name the file.")
    return reader.workspace / path


def _default_dockerfile(context: Path) -> Path:
    """Return a context's Dockerfile; in lower case where only that is there [buildx, handleLowercaseDockerfile]."""
    usual, lower = context / _DOCKERFILE, context / _DOCKERFILE.lower()
    return lower if lower.is_file() and not usual.exists() else usual


def read_cache(reader: InputReader, run: InputReader) -> CacheSettings:
    """Read where a build's cache is kept.

    Args:
        reader: of the image's settings.
        run: reads the action's own inputs.
    """
    mode = reader.choice("cache")
    imports, exports = (tuple(_cache_entries(run, name)) for name in _CACHE_FOLDERS)
    if mode and (imports or exports):
        reader.conflict(("cache", *_CACHE_FOLDERS), "does not go with 'cache-from' and 'cache-to', which replace it.")
    return CacheSettings(mode=mode or "auto", imports=imports, exports=exports)


def _cache_entries(run: InputReader, name: str) -> Iterator[str]:
    for entry in run.lines(name):
        try:
            fields = [field for row in csv.reader([entry], strict=True) for field in row]
        except csv.Error as error:
            run.problem(name, f"holds BuildKit's cache entries, which are CSV; one is not: {error}.")
            continue
        attributes = {key.strip().lower(): value for key, _, value in (field.partition("=") for field in fields)}
        yield _with_place(run, name, entry, fields) if attributes.get("type") == "local" else entry


def _with_place(run: InputReader, name: str, entry: str, fields: list[str]) -> str:
    """Return an entry for a cache in a folder, with the folder's path in the container."""
    wanted = _CACHE_FOLDERS[name]
    for number, field in enumerate(fields):
        key, _, folder = field.partition("=")
        if key.strip().lower() != wanted or not folder:
            continue
        place = run.place(folder)
        if not run.contains(place):
            text = (
                f"has type=local in {folder!r}, and nothing outlives the container that this action runs in but the "
                "workspace: name a folder there, or give neither, for 'cache: auto'."
            )
            run.problem(name, text)
        return _csv([*fields[:number], f"{key}={place}", *fields[number + 1 :]])
    run.problem(name, f"has type=local, and names no folder in {wanted!r}.")
    return entry


def _csv(fields: list[str]) -> str:
    return ",".join(
        '"{}"'.format(field.replace('"', '""')) if not {'"', ","}.isdisjoint(field) else field for field in fields
    )


def read_ssh(reader: InputReader, entries: list[str]) -> list[str]:
    """Read the property `ssh`: `ID`, or `ID=PATH,…` with keys or a socket [buildx reference, --ssh].

    Args:
        reader: of the input `set`.
        entries: as they are given.

    Returns:
        them with the paths that they have in the container.
    """
    return [_with_socket(reader, entry) for entry in entries]


def _with_socket(reader: InputReader, entry: str) -> str:
    id_, _, paths = entry.partition("=")
    if not paths:
        if not _is_there(reader.agent, stat.S_ISSOCK):
            what = f"{reader.agent!r}, which SSH_AUTH_SOCK names," if reader.agent else "SSH_AUTH_SOCK"
            _note_missing(reader, f"{what} is no socket in the container that this action runs in")
        return entry
    places = [reader.place(path) for path in paths.split(",")]
    for place in places:
        if not (reader.contains(place) and _is_there(str(place), lambda mode: not stat.S_ISDIR(mode))):
            _note_missing(reader, f"{str(place)!r} is no key and no socket in the workspace")
    return f"{id_}={','.join(map(str, places))}"


def _note_missing(reader: InputReader, what: str) -> None:
    text = (
        f"has ssh, and {what}. The container sees the workspace: start the agent there, with "
        "`ssh-agent -a \"$GITHUB_WORKSPACE/agent.sock\"` and that file in .dockerignore, or give the key in 'secrets'."
    )
    reader.problem("set", text)


def _is_there(path: str, is_right: Callable[[int], bool]) -> bool:
    try:
        return bool(path) and is_right(Path(path).stat().st_mode)
    except (OSError, ValueError):
        return False
