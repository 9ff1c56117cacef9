"""Where a machine has buildx and its engine: the action's image, and that of somebody who works by hand."""

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from ecr_lambda_deploy.docker.config import BUILDX
from ecr_lambda_deploy.model.errors import DeployError

# Where the docker CLI looks for plugins [docker/cli, cli-plugins/manager], and where Homebrew and Docker Desktop put
# them on macOS.
_PLUGINS = (
    *("/usr/local/lib/docker/cli-plugins", "/usr/local/libexec/docker/cli-plugins"),
    *("/usr/lib/docker/cli-plugins", "/usr/libexec/docker/cli-plugins"),
    *("/opt/homebrew/lib/docker/cli-plugins", "/Applications/Docker.app/Contents/Resources/cli-plugins"),
)
_USUAL = "/var/run/docker.sock"


def find_buildx(
    environment: Mapping[str, str], workspace: Path, own: str = BUILDX, plugins: Sequence[str] = _PLUGINS
) -> str:
    """Return the path of buildx: the one of the action's image or else, by hand, that of the docker CLI, or on PATH.

    None is taken that everybody may change, or that a checkout brought.

    Args:
        environment: HOME and PATH.
        workspace: nothing in it is started.
        own: path of the one in the action's image.
        plugins: folders of the docker CLI's plugins, beside that of the user.

    Raises:
        DeployError: there is none.
    """
    if os.access(own, os.X_OK):
        return own
    for path in _candidates(environment, plugins):
        if _is_safe(path, workspace):
            return str(path)
    raise DeployError(
        "buildx, which builds and copies images, is not on this machine.",
        "Install the docker CLI's plugin, as docs.docker.com/build says under buildx; `docker buildx version` shows "
        "whether it is there. `rollback` and `history` need none, nor does an `image-uri` in a function's repository.",
        topic="no-buildx",
    )


def engine_of_context(environment: Mapping[str, str], usual: str = _USUAL) -> str:
    """Return the address of the engine that the docker CLI's context names; empty for the usual one.

    A context of Docker Desktop, Colima or a rootless engine has a socket elsewhere [docker/cli, context store].

    Args:
        environment: of whom the CLI is.
        usual: path of the socket of an engine without a context.
    """
    home = environment.get("HOME", "")
    folder = Path(environment.get("DOCKER_CONFIG") or Path(home, ".docker"))
    name = environment.get("DOCKER_CONTEXT") or _at(folder / "config.json", "currentContext")
    if name and name != "default":
        described = folder / "contexts/meta" / sha256(name.encode()).hexdigest() / "meta.json"
        return _at(described, "Endpoints", "docker", "Host")
    sockets = [Path(folder, "run/docker.sock"), Path(environment.get("XDG_RUNTIME_DIR") or "/", "docker.sock")]
    others = (f"unix://{path}" for path in sockets if path.is_socket())
    return "" if Path(usual).exists() else next(others, "")


def _candidates(environment: Mapping[str, str], plugins: Sequence[str]) -> Iterator[Path]:
    home = environment.get("HOME", "")
    for folder in (f"{home}/.docker/cli-plugins" if home else "", *plugins):
        yield Path(folder, "docker-buildx")
    for folder in environment.get("PATH", "").split(os.pathsep):
        yield Path(folder, "docker-buildx")
        yield Path(folder, "buildx")


def _is_safe(path: Path, workspace: Path) -> bool:
    """Whether a program may be started: it is none of the workspace's, and not everybody's to change."""
    if not path.is_absolute():
        return False
    real = Path(os.path.realpath(path))
    if not (real.is_file() and os.access(real, os.X_OK)):
        return False
    is_open = any(one.stat().st_mode & stat.S_IWOTH for one in (real, real.parent))
    return not is_open and not real.is_relative_to(os.path.realpath(workspace))


def _at(path: Path, *keys: str) -> str:
    """Return what a JSON file has at some keys; empty if that is no text, or cannot be read."""
    try:
        value: object = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return ""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""
