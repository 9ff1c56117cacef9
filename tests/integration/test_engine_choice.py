"""Which engine a step reaches, by real sockets."""

import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ecr_lambda_deploy.docker.engine import ask_engine, reachable_engine
from ecr_lambda_deploy.model.errors import DeployError

_ROOTLESS = "unix:///run/user/1001/docker.sock"
_TLS = {"DOCKER_CERT_PATH": "/home/runner/.docker", "DOCKER_TLS_VERIFY": "1"}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a socket's."""
    with TemporaryDirectory(prefix="engine-") as folder:
        yield Path(folder)


@pytest.fixture
def mounted(folder: Path) -> Iterator[Path]:
    """Where the runner has mounted an engine's socket."""
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(folder / "docker.sock"))
        engine.listen()
        yield folder / "docker.sock"


@pytest.mark.parametrize("host", [_ROOTLESS, "unix://", "tcp://localhost:1", "tcp://127.0.0.1:1", "tcp://[::1]:1"])
def test_an_address_that_only_the_runner_has_gives_way_to_the_mounted_socket(mounted: Path, host: str) -> None:
    given = {"DOCKER_HOST": host, **_TLS, "DOCKER_API_VERSION": "1.41", "PATH": "/bin"}

    assert reachable_engine(given, str(mounted)) == {"DOCKER_API_VERSION": "1.41", "PATH": "/bin"}


def test_a_socket_that_answers_is_the_one_that_was_meant(mounted: Path, folder: Path) -> None:
    given = {"DOCKER_HOST": f"unix://{mounted}"}
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(folder / "other.sock"))
        other.listen()

        assert reachable_engine({**given, **_TLS}, str(folder / "other.sock")) == given


def test_a_port_of_the_loopback_that_answers_is_the_one_that_was_meant(mounted: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        given = {"DOCKER_HOST": f"tcp://127.0.0.1:{server.getsockname()[1]}", **_TLS}

        assert reachable_engine(given, str(mounted)) == given


@pytest.mark.parametrize("host", ["tcp://engine.example:2376", "ssh://me@engine.example", "tcp://[bad", "npipe://x"])
def test_an_engine_elsewhere_is_never_replaced(mounted: Path, host: str) -> None:
    given = {"DOCKER_HOST": host, **_TLS}

    assert reachable_engine(given, str(mounted)) == given


@pytest.mark.parametrize("socket_name", ["none.sock", "."])
def test_without_a_mounted_socket_what_is_given_stays_to_be_named(folder: Path, socket_name: str) -> None:
    given = {"DOCKER_HOST": _ROOTLESS}

    assert reachable_engine(given, str(folder / socket_name)) == given


def test_certificates_are_for_an_engine_at_an_address(mounted: Path) -> None:
    assert reachable_engine(_TLS, str(mounted)) == {}


@pytest.mark.parametrize(
    "environment",
    [
        {"DOCKER_HOST": _ROOTLESS},
        {"DOCKER_HOST": "ssh://me@engine.example"},
        {"DOCKER_HOST": "tcp://127.0.0.1:1"},
        {"DOCKER_HOST": "tcp://127.0.0.1:port"},
        {"DOCKER_HOST": "tcp://[bad"},
        {"DOCKER_HOST": "npipe:////./pipe/docker_engine"},
        {"DOCKER_HOST": "tcp://127.0.0.1:2376", **_TLS},
    ],
)
def test_an_engine_that_is_out_of_reach_is_named_and_no_bug(environment: dict[str, str]) -> None:
    with pytest.raises(DeployError, match="The Docker engine does not answer: ") as caught:
        ask_engine(environment)

    named = {name: value.replace("me@", "***@") for name, value in environment.items()}
    assert f"The environment has DOCKER_HOST={named['DOCKER_HOST']}" in caught.value.hint
    assert "runs in a container of its own" in caught.value.hint
    assert all(f"{name}={value}" in caught.value.hint for name, value in named.items())
