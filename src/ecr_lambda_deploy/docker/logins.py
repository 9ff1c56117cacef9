"""Logins for registries, as a Docker `config.json` has them: the run's own for ECR, and those that are given."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Authorization, is_same_registry

_AT_ONCE = 8  # hosts; a Region that there is not takes a minute to say so
_DOCKER_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")

Login = Mapping[str, str]
"""What a Docker `config.json` has under `auths` for a host: `auth`, `username` and `password`, or `identitytoken`."""


class Logins(Protocol):
    """The run's own logins for ECR's registries."""

    def authorization(self, *, fresh: bool = False) -> Authorization:
        """Return the login for the registry that images are pushed to: that of the last call, unless `fresh`.

        Raises:
            DeployError: ECR gives none.
        """

    def login(self, host: str) -> Authorization | None:
        """Return the login for a host of any registry of ECR; None for a host that is not ECR's.

        Raises:
            DeployError: ECR gives none.
        """


class BuildLogins:
    """The logins that a builder's registries get.

    Args:
        own: the run's.
        given: a Docker `config.json`, whose `auths` have been checked.
        say: logs a line, for a host of ECR for which there is none.
    """

    def __init__(self, own: Logins, given: Mapping[str, object], say: Callable[[str], None]) -> None:
        self._own, self._given, self._say = own, given, say

    def of(self, host: str) -> Login:
        """Return the login for a registry's host; empty if there is none."""
        login = self._own_for(host)
        return entry_of(login, host) if login else given_login(self._given, host)

    def own_for(self, hosts: Iterable[str]) -> dict[str, Authorization]:
        """Return the run's own logins for hosts of ECR, but for those for which there are others or none."""
        wanted = tuple(hosts)
        found = zip(wanted, for_each(wanted, self._own_for, at_once=_AT_ONCE), strict=True)
        return {host: login for host, login in found if login}

    def _own_for(self, host: str) -> Authorization | None:
        """Return the run's own login for a host of ECR; None where there is none, or other credentials are given.

        The registry that images are pushed to has the run's own in any case.
        """
        try:
            pushed_to = self._own.authorization().registry
            is_given = given_login(self._given, host) and not is_same_registry(host, pushed_to)
            return None if is_given else self._own.login(host)
        except DeployError as error:  # a registry may need no login
            self._say(f"ECR gives no login for {host}: {error.message}")
            return None


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
        return f"Basic {_encoded(login['username'], login.get('password', ''))}"
    return ""


def entry_of(login: Authorization, host: str) -> dict[str, str]:
    """Return what a Docker `config.json` has for a login under a registry's host.

    Raises:
        DeployError: the host is not one that AWS named for the login.
    """
    login.check_host(host)
    return {"auth": _encoded(login.username, login.password)}


def _encoded(user: str, password: str) -> str:
    return b64encode(f"{user}:{password}".encode()).decode()
