"""The Docker engine, by the docker SDK: its platform, its image store, its containers and images.

The SDK is imported where an engine is asked: a run that builds nothing does not need it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.targets import Platform

if TYPE_CHECKING:
    from docker import DockerClient


_TIMEOUT = 15  # seconds
_PLATFORMS: dict[str, Platform] = {"amd64": "linux/amd64", "arm64": "linux/arm64"}
_CONTAINERD_STORE = ["driver-type", "io.containerd.snapshotter.v1"]


def engine_platform(environment: Mapping[str, str]) -> Platform:
    """Return the platform of the engine that the environment names, as the docker CLI finds it.

    Raises:
        DeployError: it does not answer, or runs on a platform that Lambda does not have.
    """
    with _connected(environment) as client:
        version = client.version()
    platform = _PLATFORMS.get(str(version["Arch"]))
    if version["Os"] != "linux" or platform is None:
        raise DeployError(
            f"The Docker engine runs on {version['Os']}/{version['Arch']}, which Lambda does not have.",
            topic="wrong-platform-of-the-builder",
        )
    return platform


def has_containerd_store(environment: Mapping[str, str]) -> bool:
    """Whether the engine has the containerd image store; without it, it can export a cache only within an image.

    Raises:
        DeployError: it does not answer.
    """
    with _connected(environment) as client:
        return _CONTAINERD_STORE in (client.info().get("DriverStatus") or [])


def check_container(name: str, environment: Mapping[str, str]) -> None:
    """Make sure that a container runs on the engine.

    Raises:
        DeployError: it does not, or the engine does not answer.
    """
    from docker.errors import NotFound

    with _connected(environment) as client:
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
        with _connected(environment) as client:
            image = client.images.get(reference)
    except DeployError:
        return None
    digests = [str(name).rpartition("@")[2] for name in image.attrs.get("RepoDigests") or ()]
    return digests[0] if digests else str(image.id)


@contextmanager
def _connected(environment: Mapping[str, str]) -> "Iterator[DockerClient]":
    import docker
    from docker.errors import DockerException
    from requests import RequestException

    try:
        client = docker.from_env(timeout=_TIMEOUT, environment=environment)
        try:
            yield client
        finally:
            client.close()
    except (DockerException, RequestException) as error:  # the SDK lets those of a lost connection through
        raise DeployError(
            f"The Docker engine does not answer: {error}",
            "This action builds on the runner's Docker engine, through /var/run/docker.sock. GitHub's Linux runners "
            "have one; on a self-hosted runner, start Docker and let the runner's user reach it.",
            topic="docker-engine-does-not-answer",
        ) from error
