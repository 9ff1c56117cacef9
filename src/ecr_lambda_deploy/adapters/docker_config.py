"""A DOCKER_CONFIG of this run's own: a container action does not see the runner's, and leaves nothing in it."""

import json
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def private_docker_config(registries: Sequence[str], username: str, password: str) -> Iterator[Path]:
    """Keep credentials for registries in a folder that only this user can read, for the time of the block.

    Args:
        registries: hosts.
        username: for all of them.
        password: likewise; masked already.
    """
    token = b64encode(f"{username}:{password}".encode()).decode()
    with TemporaryDirectory(prefix="docker-config-") as folder:  # mode 0700
        config = Path(folder, "config.json")
        config.touch(mode=0o600)
        config.write_text(json.dumps({"auths": {registry: {"auth": token} for registry in registries}}))
        yield Path(folder)
