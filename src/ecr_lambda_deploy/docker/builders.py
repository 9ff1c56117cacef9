"""The builder that buildx uses: the runner's engine, or a BuildKit at an endpoint."""

import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import get_args
from urllib.parse import urlsplit

from ecr_lambda_deploy.docker.config import private_docker_config
from ecr_lambda_deploy.docker.engine import check_container
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.targets import Platform
from ecr_lambda_deploy.model.text import bounded
from ecr_lambda_deploy.private_folders import PrivateFolders

_NAME = "endpoint"
WAYS_TO_RUN = (
    "Run this job on a runner of that architecture (for linux/arm64 `runs-on: ubuntu-24.04-arm`, "
    "the fast way), name a builder of that architecture in the input 'builder', or put a step of "
    "docker/setup-qemu-action before this one. Or let no step run a program of that architecture: build in a stage "
    "`FROM --platform=$BUILDPLATFORM` that makes files for $TARGETPLATFORM, and only copy them in the last one."
)
"""What to do about a builder that does not run programs of an architecture."""

_TIMEOUT = 10  # seconds, to connect
# How buildx names a builder's containers [buildx, driver.BuilderName].
_CONTAINER_PREFIX = "buildx_buildkit_"
# Variables by option of the remote driver [docker/setup-buildx-action, authentication; buildx, remote driver].
_TLS_VARIABLES = {name: f"BUILDER_NODE_0_AUTH_TLS_{name.upper()}" for name in ("cacert", "cert", "key")}


def builder_tls(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a builder at tcp:// is authenticated with, PEM texts by option of buildx's remote driver.

    Args:
        environment: the step's environment.
    """
    return {name: environment[variable] for name, variable in _TLS_VARIABLES.items() if environment.get(variable)}


def unprotected(endpoint: str, tls: Mapping[str, str]) -> str:
    """Return a warning for a builder that is reached over a network without TLS; empty for any other."""
    address = urlsplit(endpoint)
    if address.scheme != "tcp" or tls or _is_loopback(address.hostname or ""):
        return ""
    return (
        f"The builder {endpoint} is reached without TLS: who is on the way to it can read the build's secrets and the "
        f"registry's login, and change the image. Set {', '.join(_TLS_VARIABLES.values())} in the step's environment."
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@contextmanager
def selected_builder(
    program: str, endpoint: str, environment: Mapping[str, str], folders: PrivateFolders, tls: Mapping[str, str]
) -> Iterator[dict[str, str]]:
    """Have buildx use a builder for the time of the block, with configurations that no other step shares.

    Args:
        program: path of buildx.
        endpoint: BuildKit's; empty for the engine that the environment names.
        environment: what buildx may see.
        folders: makes the folder for the configurations.
        tls: see `builder_tls`.

    Yields:
        the environment for buildx.

    Raises:
        DeployError: nothing answers at the endpoint, or a part of what TLS needs is missing.
    """
    with private_docker_config(folders, {}) as folder:
        selected = {
            **environment,
            "DOCKER_CONFIG": str(folder),
            "BUILDX_CONFIG": str(folder / "buildx"),
            "BUILDX_BUILDER": _NAME if endpoint else "default",
        }
        if endpoint:
            driver = _driver(endpoint, environment, folder, tls)
            _output(program, ["create", f"--name={_NAME}", *driver], selected, f"The builder {endpoint} cannot be used")
        yield selected


def builder_platforms(program: str, environment: Mapping[str, str]) -> list[str]:
    """Return the platforms that the selected builder can run programs for, itself or by emulation; its own is first.

    Args:
        program: path of buildx.
        environment: of a selected builder.

    Raises:
        DeployError: it does not answer.
    """
    shown = _output(program, ["inspect", environment["BUILDX_BUILDER"]], environment, "The builder cannot be asked")
    fields = dict(line.partition(":")[::2] for line in shown.splitlines())
    status = fields.get("Status", "").strip()
    if status != "running":
        reason = fields.get("Error", "").strip() or f"it is {status or 'unknown'}"
        raise DeployError(f"The builder does not answer as BuildKit does: {reason}", topic="builder-does-not-answer")
    return [name.strip().rstrip("*") for name in fields.get("Platforms", "").split(",")]


def native_platform(platforms: Sequence[str]) -> Platform:
    """Return the first of a builder's platforms that Lambda has.

    Raises:
        DeployError: it has none.
    """
    known: tuple[Platform, ...] = get_args(Platform)
    if found := sorted((platform for platform in known if platform in platforms), key=platforms.index):
        return found[0]
    raise DeployError(
        f"The builder builds for {', '.join(platforms)}, and for no platform that Lambda has.",
        "Give the input 'platform', or name a builder of that architecture in the input 'builder'.",
        topic="wrong-platform-of-the-builder",
    )


def _driver(endpoint: str, environment: Mapping[str, str], folder: Path, tls: Mapping[str, str]) -> list[str]:
    """Return the arguments of `buildx create` for an endpoint, after a check that something is there.

    The remote driver reaches a container through the docker CLI, which this image does not have. The docker-container
    driver reaches it through the engine's API, and finds it by the name of its node.
    """
    address = urlsplit(endpoint)
    if address.scheme == "tcp":
        _check_listening(endpoint, address.hostname or "", address.port or 0)
        return ["--driver=remote", *_tls_options(endpoint, folder, tls), endpoint]
    container = endpoint.partition("://")[2]
    if not container.startswith(_CONTAINER_PREFIX):
        raise DeployError(
            f"The container {container} is not one that `docker buildx create` made: their names begin with "
            f"{_CONTAINER_PREFIX}.",
            "Create the builder with buildx or docker/setup-buildx-action, or give BuildKit's address as tcp://….",
            topic="builder-does-not-answer",
        )
    check_container(container, environment)
    engine = [environment["DOCKER_HOST"]] if "DOCKER_HOST" in environment else []
    return ["--driver=docker-container", f"--node={container.removeprefix(_CONTAINER_PREFIX)}", *engine]


def _tls_options(endpoint: str, folder: Path, tls: Mapping[str, str]) -> Iterator[str]:
    """Write certificates and key into a folder, and yield the driver's options that name them."""
    needed = {"cacert"} | ({"cert", "key"} if {"cert", "key"} & tls.keys() else set())
    if tls and (missing := sorted(needed - tls.keys())):
        names = ", ".join(_TLS_VARIABLES[name] for name in missing)
        raise DeployError(
            f"The builder {endpoint} cannot be reached by TLS: {names} is missing in the step's environment.",
            "TLS needs the CA's certificate (CACERT); a client that authenticates itself, CERT and KEY too.",
            topic="builder-does-not-answer",
        )
    for name, text in tls.items():
        file = folder / f"{name}.pem"
        file.touch(mode=0o600)
        file.write_text(text)
        yield f"--driver-opt={name}={file}"


def _check_listening(endpoint: str, host: str, port: int) -> None:
    """Find out at once why a builder cannot be reached: buildx would wait, and then report only a timeout."""
    try:
        socket.create_connection((host, port), timeout=_TIMEOUT).close()
    except OSError as error:
        raise DeployError(
            f"The builder {endpoint} cannot be reached: {error}",
            "Look at the input 'builder', and whether this runner's network leads there.",
            topic="builder-does-not-answer",
        ) from error


def _output(program: str, arguments: list[str], environment: Mapping[str, str], failure: str) -> str:
    answer = subprocess.run(
        [program, *arguments], env=environment, capture_output=True, text=True, errors="replace", check=False
    )
    if answer.returncode != 0:
        raise DeployError(f"{failure}: {bounded(answer.stderr.strip())}", topic="builder-does-not-answer")
    return answer.stdout
