"""The Docker engine, by the docker SDK: is it there, and what is it?"""

import docker
from docker.errors import DockerException

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.model import Platform

_TIMEOUT = 15  # seconds
_PLATFORMS: dict[str, Platform] = {"amd64": "linux/amd64", "arm64": "linux/arm64"}


def check_engine() -> Platform:
    """Return the platform of the engine that the environment names, as the docker CLI finds it.

    Raises:
        DeployError: it does not answer, or runs on a platform that Lambda does not have.
    """
    try:
        client = docker.from_env(timeout=_TIMEOUT)
        try:
            version = client.version()
        finally:
            client.close()
    except DockerException as error:
        raise DeployError(
            f"The Docker engine does not answer: {error}",
            "This action builds on the runner's Docker engine, through /var/run/docker.sock. GitHub's Linux runners "
            "have one; on a self-hosted runner, start Docker and let the runner's user reach it.",
        ) from error
    platform = _PLATFORMS.get(str(version["Arch"]))
    if version["Os"] != "linux" or platform is None:
        raise DeployError(f"The Docker engine runs on {version['Os']}/{version['Arch']}, which Lambda does not have.")
    return platform
