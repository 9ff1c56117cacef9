"""What buildx sees of the job: a part of the step's environment, and a DOCKER_CONFIG with this run's logins.

A container action does not see the runner's own Docker configuration, and leaves nothing in it.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ecr_lambda_deploy.model.images import Authorization

_NETWORK = re.compile(r"PATH|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY", re.IGNORECASE)
_BUILDS = re.compile(
    rf"{_NETWORK.pattern}|HOME|LANG|SSH_AUTH_SOCK|SOURCE_DATE_EPOCH|DOCKER_(HOST|CERT_PATH|TLS|TLS_VERIFY|API_VERSION)"
    r"|(BUILDX|BUILDKIT|BAKE)_\w+",
    re.IGNORECASE,
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
    return _selected(_BUILDS, environment)


def _selected(names: re.Pattern[str], environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if names.fullmatch(name)}


@contextmanager
def private_docker_config(
    auths: Mapping[str, Authorization], extra: Mapping[str, object] | None = None
) -> Iterator[Path]:
    """Keep credentials for registries in a folder that only this user can read, for the time of the block.

    Args:
        auths: credentials by the registry's host.
        extra: a user's own `config.json`. Its `auths` serve the other hosts. Nothing else is taken from it: a
            credential helper or a context that it names is not on this machine, and would be asked first.

    Yields:
        the folder, for DOCKER_CONFIG.

    Raises:
        DeployError: a host is not one that AWS named for its credentials.
    """
    for host, login in auths.items():
        login.check_host(host)
    given = (extra or {}).get("auths")
    merged = dict(given) if isinstance(given, Mapping) else {}
    merged |= {host: {"auth": _encoded(login)} for host, login in auths.items()}
    with TemporaryDirectory(prefix="docker-config-") as folder:  # mode 0700
        config = Path(folder, "config.json")
        config.touch(mode=0o600)
        config.write_text(json.dumps({"auths": merged}))
        yield Path(folder)


def _encoded(login: Authorization) -> str:
    return b64encode(f"{login.username}:{login.password}".encode()).decode()
