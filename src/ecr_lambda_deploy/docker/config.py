"""A DOCKER_CONFIG of this run's own: a container action does not see the runner's, and leaves nothing in it."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ecr_lambda_deploy.model.images import Authorization


@contextmanager
def private_docker_config(
    auths: Mapping[str, Authorization], extra: Mapping[str, object] | None = None
) -> Iterator[Path]:
    """Keep credentials for registries in a folder that only this user can read, for the time of the block.

    Args:
        auths: what to log in with, by the registry's host.
        extra: a user's own `config.json`. Its `auths` serve the other hosts; nothing else is taken from it, since a
            credential helper or a context that it names is not on this machine, and would be asked first.
    """
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
