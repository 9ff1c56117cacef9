"""The Docker engine, by the docker SDK: its platform, its image store, its containers and images.

The SDK is imported where an engine is asked: a run that builds nothing does not need it.
"""

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_lambda_deploy.model.documents import REVISION_LABEL, Configuration
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.run import is_commit
from ecr_lambda_deploy.model.targets import Platform
from ecr_lambda_deploy.model.text import bounded

if TYPE_CHECKING:
    from docker import DockerClient


_TIMEOUT = 15  # seconds
_CONNECTING = 2  # seconds
_MOUNTED = "/var/run/docker.sock"
"""Where the runner mounts the engine that it uses itself [actions/runner, ContainerOperationProvider]."""

_TLS = ("DOCKER_CERT_PATH", "DOCKER_TLS", "DOCKER_TLS_VERIFY")
_HINT = (
    "This action builds on the runner's Docker engine, through /var/run/docker.sock. GitHub's Linux runners "
    "have one; on a self-hosted runner, start Docker and let the runner's user reach it."
)
# By the machine's name for itself [Docker Engine API, SystemInfo; uname(2)].
_PLATFORMS: dict[str, Platform] = {"x86_64": "linux/amd64", "aarch64": "linux/arm64"}
_LONGEST_VERSION = 50  # characters
_CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]


def reachable_engine(environment: Mapping[str, str], mounted: str = _MOUNTED) -> dict[str, str]:
    """Return the environment with the variables of the engine that this container reaches.

    DOCKER_HOST of a runner whose engine is not at the usual place names a socket, or a port of its loopback, that the
    container does not have; the runner mounts its engine's socket at the usual place [actions/runner#827,
    docker/rootless#83].

    Args:
        environment: the step's.
        mounted: path of the socket that the runner mounts.
    """
    host = environment.get("DOCKER_HOST", "")
    is_elsewhere = _is_of_the_runner(host) and not _answers(host) and _answers(f"unix://{mounted}")
    dropped = (*_TLS, "DOCKER_HOST") if is_elsewhere else _TLS if host.startswith("unix://") or not host else ()
    return {name: value for name, value in environment.items() if name not in dropped}


def _is_of_the_runner(host: str) -> bool:
    """Whether an address means something else in a container."""
    if host.startswith("unix://"):
        return True
    try:
        return (urlsplit(host).hostname or "") in {"localhost", "127.0.0.1", "::1"}
    except ValueError:
        return False


def _answers(host: str) -> bool:
    try:
        if host.startswith("unix://"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(_CONNECTING)
                connection.connect(host.removeprefix("unix://"))
        else:
            address = urlsplit(host)
            socket.create_connection((address.hostname, address.port or 0), timeout=_CONNECTING).close()
    except (OSError, ValueError):
        return False
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What an engine says of itself.

    Attributes:
        version: such as `28.5.1`.
        platform: that it runs on.
        has_containerd_store: whether it keeps images in containerd. If not, it pushes from a store of its own, and can
            export a cache only within an image.
    """

    version: str
    platform: Platform
    has_containerd_store: bool

    def __str__(self) -> str:
        """Return it as a line of the log."""
        store = "containerd's store" if self.has_containerd_store else "a store of its own"
        return f"Docker engine {self.version} on {self.platform}, which keeps images in {store}"


def ask_engine(environment: Mapping[str, str]) -> Engine:
    """Ask the engine that the environment names, as the docker CLI finds it, in one request.

    Raises:
        DeployError: it does not answer, or runs on a platform that Lambda does not have.
    """
    with connected(environment) as client:
        answer = client.info()
    system, architecture = str(answer.get("OSType")), str(answer.get("Architecture"))
    platform = _PLATFORMS.get(architecture)
    if system != "linux" or platform is None:
        raise DeployError(
            f"The Docker engine runs on {system}/{architecture}, which Lambda does not have.",
            topic="wrong-platform-of-the-builder",
        )
    return Engine(
        version=bounded(str(answer.get("ServerVersion")), _LONGEST_VERSION),
        platform=platform,
        has_containerd_store=_CONTAINERD_STORE in (answer.get("DriverStatus") or []),
    )


class AskedEngine:
    """An engine that is asked once, when its answer is first needed; the log then says what it is.

    Args:
        environment: names it.
        say: logs a line.
    """

    def __init__(self, environment: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._environment, self._say = environment, say
        self._asking = Lock()  # several threads may need it
        self._answer: Engine | None = None

    @property
    def answer(self) -> Engine:
        """What it says of itself; raises a DeployError as `ask_engine` does."""
        with self._asking:
            if self._answer is None:
                self._answer = ask_engine(self._environment)
                self._say(str(self._answer))
            return self._answer


def check_container(name: str, environment: Mapping[str, str]) -> None:
    """Make sure that a container runs on the engine.

    Raises:
        DeployError: it does not, or the engine does not answer.
    """
    from docker.errors import NotFound

    with connected(environment) as client:
        try:
            status = client.containers.get(name).status
        except NotFound:
            status = "missing"
    if status != "running":
        raise DeployError(
            f"The builder's container {name} is {status}.",
            "The input 'builder' names a container that runs BuildKit on the runner's engine; "
            "`docker buildx inspect --bootstrap` starts it, and `docker ps` shows its name.",
            topic="builder-does-not-answer",
        )


def image_digest(reference: str, environment: Mapping[str, str]) -> str | None:
    """Return the digest of the engine's own copy of an image; None if it has none, or there is no engine."""
    try:
        with connected(environment) as client:
            image = client.images.get(reference)
    except DeployError:
        return None
    digests = [str(name).rpartition("@")[2] for name in image.attrs.get("RepoDigests") or ()]
    return digests[0] if digests else str(image.id)


def image_configuration(reference: str, environment: Mapping[str, str]) -> Configuration | None:
    """Return the configuration of the engine's own copy of an image; None if it has none, or there is no engine."""
    return next((configuration for _, configuration in image_and_configuration(reference, environment)), None)


def image_and_configuration(reference: str, environment: Mapping[str, str]) -> Iterator[tuple[str, Configuration]]:
    """Yield the id and the configuration of the engine's own copy of an image, if it has one.

    The id is the configuration's digest where the engine has a store of its own; with the containerd image store it is
    the digest of the manifest, or of the index.
    """
    try:
        with connected(environment) as client:
            attributes = client.images.get(reference).attrs
    except DeployError:
        return
    config = attributes.get("Config") or {}
    revision = (config.get("Labels") or {}).get(REVISION_LABEL, "")
    yield (
        str(attributes.get("Id")),
        Configuration(
            platform=f"{attributes.get('Os') or 'unknown'}/{attributes.get('Architecture') or 'unknown'}",
            has_entry_point=bool(config.get("Entrypoint") or config.get("Cmd")),
            revision=revision if is_commit(revision) else "",
            environment=tuple(config.get("Env") or ()),
            triggers=tuple(config.get("OnBuild") or ()),
        ),
    )


@contextmanager
def connected(environment: Mapping[str, str], *, timeout: int = _TIMEOUT) -> "Iterator[DockerClient]":
    """Yield a client of the engine that the environment names.

    Args:
        environment: names it, as for the docker CLI.
        timeout: seconds, for each part of an answer.

    Raises:
        DeployError: it does not answer.
    """
    import docker
    from docker.errors import DockerException
    from requests import RequestException

    try:
        client = docker.from_env(timeout=timeout, environment=environment)
        try:
            yield client
        finally:
            client.close()
    # The SDK lets those of a lost connection through, and of an address that is none.
    except (DockerException, RequestException, ValueError) as error:
        named = [f"{name}={environment[name]}" for name in ("DOCKER_HOST", *_TLS) if name in environment]
        hint = (
            f"The environment has {', '.join(named)}. This action runs in a container of its own, which has no SSH, "
            "and of the runner's sockets and files /var/run/docker.sock and the workspace: unset it for this step, to "
            "use the engine that the runner uses, or give a BuildKit elsewhere in the input 'builder'."
        )
        raise DeployError(
            f"The Docker engine does not answer: {error}",
            hint if named else _HINT,
            topic="docker-engine-does-not-answer",
        ) from error
