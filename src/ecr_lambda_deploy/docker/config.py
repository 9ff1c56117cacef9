"""What buildx sees of the job: a part of the step's environment, and a DOCKER_CONFIG with this run's logins.

A container action does not see the runner's own Docker configuration, and leaves nothing in it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ecr_lambda_deploy.docker.logins import entry_of
from ecr_lambda_deploy.model.images import Authorization
from ecr_lambda_deploy.private_folders import PrivateFolders

BUILDX = "/usr/local/bin/buildx"
"""Where the action's image has buildx: an earlier step may have put a folder of the workspace into PATH."""
_VERSION = (
    Path(__file__).parents[2] / "buildx.version"
)  # what `buildx version` prints, as the image's build has kept it
_PATH = "/usr/local/bin:/usr/bin:/bin"
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY")
# Without DOCKER_API_VERSION, which a job sets for an old client on the runner: buildx agrees with the engine by itself.
_BUILDS = (
    *("DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS", "DOCKER_TLS_VERIFY"),
    *("SSH_AUTH_SOCK", "SOURCE_DATE_EPOCH"),
)


def network_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that buildx needs to reach registries, without those that name an engine or a builder.

    Args:
        environment: the step's environment.
    """
    return _selected(_NETWORK, environment)


def build_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that builds need: none that could be a secret.

    Args:
        environment: the step's environment.
    """
    return _selected((*_NETWORK, *_BUILDS), environment)


def _selected(names: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of these names, in either case, and a PATH of the image's own folders."""
    selected = {name: value for name, value in environment.items() if name.upper() in names}
    return {**selected, "PATH": _PATH}


@contextmanager
def private_docker_config(
    folders: PrivateFolders, auths: Mapping[str, Authorization], extra: Mapping[str, object] | None = None
) -> Iterator[Path]:
    """Keep credentials for registries in a folder that only this user can read, for the time of the block.

    Args:
        folders: makes the folder.
        auths: credentials by the registry's host.
        extra: a user's own `config.json`. Its `auths` serve the other hosts. Nothing else is taken from it: a
            credential helper or a context that it names is not on this machine, and would be asked first.

    Yields:
        the folder, for DOCKER_CONFIG.

    Raises:
        DeployError: a host is not one that AWS named for its credentials.
    """
    given = (extra or {}).get("auths")
    merged = dict(given) if isinstance(given, Mapping) else {}
    merged |= {host: entry_of(login, host) for host, login in auths.items()}
    with folders.folder() as folder:
        config = folder / "config.json"
        config.touch(mode=0o600)
        config.write_text(json.dumps({"auths": merged}))
        yield folder
