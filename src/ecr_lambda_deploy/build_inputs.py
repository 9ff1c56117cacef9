"""The inputs that say how an image is built."""

import os
from pathlib import Path

from ecr_lambda_deploy.input_reader import InputReader
from ecr_lambda_deploy.model import PLATFORM_OF, BakeProperty, Build

# What `set` takes: the properties of a bake target that no input has, by the shape that bake wants [bake reference].
# They are put into bake's definition, since its --set forgets some of them (buildx 0.29: network, ulimits,
# no-cache-filter).
_SINGLE_PROPERTIES = ("network", "shm-size", "description")
_LISTED_PROPERTIES = ("annotations", "entitlements", "no-cache-filter", "ssh", "ulimits")
_MAPPED_PROPERTIES = ("extra-hosts",)


def read_build(reader: InputReader) -> Build:
    """Read the inputs that say how an image is built."""
    workspace = Path(reader.environment.get("GITHUB_WORKSPACE") or ".").absolute()
    context = Path(workspace, reader.text("context"))
    dockerfile = Path(workspace, reader.text("dockerfile") or context / "Dockerfile")
    is_right = _check_path(reader, workspace, "context", context)
    if is_right or reader.text("dockerfile"):
        _check_path(reader, workspace, "dockerfile", dockerfile)
    return Build(
        context=context,
        dockerfile=dockerfile,
        target=reader.text("target"),
        build_args=_read_build_args(reader),
        labels={key: value or "" for key, value in reader.pairs("labels").items()},
        platform=reader.choice("platform", tuple(PLATFORM_OF.values()), None),
        properties=_read_properties(reader),
        pull=reader.flag("pull"),
        no_cache=reader.flag("no-cache"),
    )


def _check_path(reader: InputReader, workspace: Path, name: str, path: Path) -> bool:
    """Return whether a path is a folder or file of the workspace; if not, note what is wrong."""
    shown, is_folder = os.path.relpath(path, workspace), name == "context"
    try:
        is_inside = path.resolve().is_relative_to(workspace.resolve())
        is_there = path.is_dir() if is_folder else path.is_file()
        is_empty = not workspace.is_dir() or not any(workspace.iterdir())
    except (OSError, RuntimeError) as error:  # a name too long, a loop of symlinks, a folder that may not be read
        reader.problem(f"'{name}' {shown!r} cannot be read: {error}.")
        return False
    if not is_inside:
        reader.problem(f"'{name}' {shown!r} leaves the workspace.")
    elif not is_there:
        hint = " The workspace is empty: is an actions/checkout step missing before this one?" if is_empty else ""
        reader.problem(f"'{name}' {shown!r} is no {'folder' if is_folder else 'file'} of the workspace.{hint}")
    return is_inside and is_there


def _read_build_args(reader: InputReader) -> dict[str, str]:
    """As in Docker, a name alone takes its value from the environment, and is left out where there is none."""
    given = {
        key: reader.environment.get(key) if value is None else value
        for key, value in reader.pairs("build-args").items()
    }
    return {key: value for key, value in given.items() if value is not None}


def _read_properties(reader: InputReader) -> dict[str, BakeProperty]:
    properties: dict[str, BakeProperty] = {}
    for line in reader.lines("set"):
        name, equals, value = line.partition("=")
        name, _, key = name.strip().removesuffix("+").partition(".")
        present = properties.get(name)
        if not (equals and value):
            reader.problem(f"'set' holds PROPERTY=VALUE lines; {line!r} is not one.")
        elif name in _SINGLE_PROPERTIES and not key:
            properties[name] = value
        elif name in _LISTED_PROPERTIES and not key:
            properties[name] = [*present, value] if isinstance(present, list) else [value]
        elif name in _MAPPED_PROPERTIES and key:
            properties[name] = {**(present if isinstance(present, dict) else {}), key: value}
        else:
            known = (*_SINGLE_PROPERTIES, *_LISTED_PROPERTIES, *(f"{mapped}.NAME" for mapped in _MAPPED_PROPERTIES))
            reader.problem(f"'set' takes {', '.join(sorted(known))}; {line!r} is none of them.")
    return properties
