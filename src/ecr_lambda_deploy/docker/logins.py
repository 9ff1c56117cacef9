"""Logins for registries, as a Docker `config.json` has them."""

from base64 import b64encode
from collections.abc import Mapping

_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")

Login = Mapping[str, str]
"""What a Docker `config.json` has under `auths` for a host: `auth`, `username` and `password`, or `identitytoken`."""


def given_login(config: Mapping[str, object], host: str) -> Login:
    """Return what a Docker `config.json` has for a registry's host; empty if it has nothing.

    Args:
        config: the configuration, whose `auths` have been checked.
        host: with the port if it has one. Docker Hub has several names, and an entry may be an address, of which the
            host counts [docker/cli, credentials.ConvertToHostname].
    """
    auths = config.get("auths")
    entries = auths if isinstance(auths, Mapping) else {}
    names = _DOCKER_HUB if host in _DOCKER_HUB else (host,)
    found = [login for name, login in sorted(entries.items(), key=_has_path) if _host_of(name) in names]
    return found[0] if found else {}


def _host_of(entry: str) -> str:
    return entry.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _has_path(entry: tuple[str, Login]) -> bool:
    return "/" in entry[0]  # what is named as it is comes first


def basic_header(login: Login) -> str:
    """Return the header `Authorization` with user and password; empty if the login has none."""
    if login.get("auth"):
        return f"Basic {login['auth']}"
    if login.get("username"):
        pair = f"{login['username']}:{login.get('password', '')}"
        return f"Basic {b64encode(pair.encode()).decode()}"
    return ""
