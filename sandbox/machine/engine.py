"""The Docker engine that the sandbox works with: the machine's, or one that it starts."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from docker import APIClient

from sandbox.errors import SandboxError
from sandbox.machine.debian_packages import install, programs
from sandbox.machine.dockerd import answers, own_dockerd

Flavour = Literal["reachable", "20.10", "current"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """An engine that is made of Debian packages.

    Attributes:
        number: Its number among the engines that the sandbox starts.
        suite: The Debian release.
        packages: The packages with its programs.
        settings: What to add to dockerd's configuration.
    """

    number: int
    suite: str
    packages: tuple[str, ...]
    settings: Mapping[str, object]


_KINDS = {
    "20.10": _Kind(number=1, suite="bookworm", packages=("docker.io",), settings={}),
    "current": _Kind(
        number=2,
        suite="sid",
        packages=("docker.io", "containerd", "docker-cli"),
        settings={"features": {"containerd-snapshotter": True}},
    ),
}
_CURRENT = 28  # from this release on, a fresh installation can use the containerd store
_PROGRAMS = (
    "usr/bin/containerd",
    "usr/bin/containerd-shim-runc-v2",
    "usr/bin/docker",
    "usr/bin/docker-init",
    "usr/bin/tini-static",
    "usr/sbin/docker-proxy",
    "usr/sbin/dockerd",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running Docker engine.

    Attributes:
        socket: Its unix socket.
        version: Its version, such as `20.10.24+dfsg1`.
        containerd_store: Whether it keeps images in containerd, as a fresh installation of Docker 29 does.
        cli: A docker CLI that works with it.
    """

    socket: Path
    version: str
    containerd_store: bool
    cli: Path

    def is_of(self, flavour: Flavour) -> bool:
        """Whether it is an engine of this kind."""
        if flavour == "20.10":
            return self.version.startswith("20.10.")
        if flavour == "current":
            return self.containerd_store and int(self.version.partition(".")[0]) >= _CURRENT
        return True

    def environment(self) -> dict[str, str]:
        """Return the variables that make a process use this engine."""
        return {"DOCKER_HOST": f"unix://{self.socket}"}

    def docker(
        self,
        *arguments: str,
        input: bytes | None = None,  # noqa: A002 # subprocess.run's name for it
        timeout: float | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> str:
        """Run the docker CLI with this engine and return what it prints.

        Args:
            arguments: The CLI's arguments.
            input: What to give it as standard input.
            timeout: The seconds that it may take.
            environment: What to add to its environment.

        Raises:
            SandboxError: It failed; the message has its standard error. Or it took too long.
        """
        try:
            done = subprocess.run(
                [str(self.cli), *arguments],
                env={**os.environ, **self.environment(), **environment},
                input=input or b"",
                capture_output=True,
                check=False,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired:
            raise SandboxError(f"`docker {' '.join(arguments)}` took longer than {timeout} s") from None
        if done.returncode != 0:
            raise SandboxError(f"`docker {' '.join(arguments)}` failed: {done.stderr.decode().strip()}")
        return done.stdout.decode()


@contextmanager
def running_engine(flavour: Flavour = "reachable") -> Iterator[Engine]:
    """Provide a running engine, and stop it at the end if it was started here.

    `reachable` is the engine that DOCKER_HOST or /var/run/docker.sock reaches. Where there is none, docker.io is
    installed, as root on Debian or Ubuntu, and an engine runs until the block ends.

    `20.10` is one that keeps images in its own store, `current` one of at least 28 that keeps them in containerd. If
    the reachable engine is not of that kind, one is unpacked from Debian and started beside it, as root.

    An engine that is started here keeps its images for the next start, and stops with all its containers. To leave
    other engines alone it has firewall rules for its own bridge only: builds, containers and ports published on
    loopback work, but a network made with `docker network create` has no way out, and where another engine
    filters what crosses bridges, its containers do not reach each other.

    Raises:
        SandboxError: There is no such engine; the message says what to install or start.
    """
    engine = _reachable()
    if engine and engine.is_of(flavour):
        yield engine
    elif flavour == "reachable":
        with _installed() as engine:
            yield engine
    else:
        with engine_beside(flavour) as engine:
            yield engine


@contextmanager
def engine_beside(flavour: Literal["20.10", "current"]) -> Iterator[Engine]:
    """Run an engine of this kind until the block ends, even if the machine has one: so that it may be emptied.

    Raises:
        SandboxError: It cannot be started; the message says why.
    """
    if os.geteuid() != 0:
        raise SandboxError(f"run this as root to have a Docker engine {flavour} started beside the reachable one")
    kind = _KINDS[flavour]
    folder = programs(kind.suite, kind.packages, _PROGRAMS)
    with own_dockerd(flavour, kind.number, programs=folder, settings=kind.settings) as socket:
        yield _required(socket, folder)


def copy_image(reference: str, source: Engine, target: Engine) -> None:
    """Copy an image from one engine to another.

    Args:
        reference: The image's reference, which it has in both.
        source: The engine that has it.
        target: The engine to have it.

    Raises:
        SandboxError: It cannot be saved or loaded.
    """
    command = [str(source.cli), "save", reference]
    environment = {**os.environ, **source.environment()}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as save:
        load = subprocess.run(
            [str(target.cli), "load", "--quiet"],
            env={**os.environ, **target.environment()},
            stdin=save.stdout,
            capture_output=True,
            check=False,
        )
        _, save_error = save.communicate()
    if save.returncode != 0 or load.returncode != 0:
        raise SandboxError(f"cannot copy {reference}: {(save_error + load.stderr).decode().strip()}")


def _reachable() -> Engine | None:
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if not host.startswith("unix://"):
        raise SandboxError(
            f"DOCKER_HOST is {host}, but the sandbox needs an engine on this machine, at a unix:// socket"
        )
    return _engine(Path(host.removeprefix("unix://")))


@contextmanager
def _installed() -> Iterator[Engine]:
    if host := os.environ.get("DOCKER_HOST"):
        raise SandboxError(f"no Docker engine answers at DOCKER_HOST={host}: start it, or unset the variable")
    if shutil.which("dockerd") is None:
        install("docker.io", recommended=True)  # docker-cli is only a recommended package
        if engine := _reachable():  # the package starts its service where there is a service manager
            yield engine
            return
    elif os.geteuid() != 0:
        raise SandboxError("no Docker engine answers at /var/run/docker.sock: start it, or run this as root")
    with own_dockerd("reachable", 0, programs=None, settings={}) as socket:
        yield _required(socket)


def _required(socket: Path, programs: Path | None = None) -> Engine:
    engine = _engine(socket, programs)
    if engine is None:
        raise SandboxError(f"the Docker engine at {socket} stopped answering")
    return engine


def _engine(socket: Path, programs: Path | None = None) -> Engine | None:
    """Return the engine at this socket, or None if none answers there."""
    if not answers(socket):
        return None
    client = APIClient(base_url=f"unix://{socket}", version="auto")
    try:
        version, status = client.version()["Version"], client.info()["DriverStatus"] or []
    finally:
        client.close()
    return Engine(
        socket=socket,
        version=version,
        containerd_store=["driver-type", "io.containerd.snapshotter.v1"] in status,
        cli=programs / "docker" if programs else _cli(socket),
    )


def _cli(socket: Path) -> Path:
    """Return the first docker CLI on PATH that can talk to the engine: an old one cannot to a new engine."""
    for cli in (Path(folder, "docker") for folder in os.get_exec_path()):
        command = [str(cli), "--host", f"unix://{socket}", "version"]
        if cli.is_file() and subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return cli
    raise SandboxError(f"no docker CLI on PATH works with the engine at {socket}: install docker-cli")
