"""What tests of the real thing share: engines and an AWS, started once."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import cast

import pytest

from sandbox.aws import Aws, running_aws
from sandbox.machine.debian_packages import programs
from sandbox.machine.dockerd import own_dockerd
from sandbox.machine.engine import Engine, Flavour, running_engine
from sandbox.sandbox import prepare


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the guards in `tests/e2e/test_calls.py` and `tests/e2e/test_start.py`."""
    parser.addoption("--record-calls", default="", metavar="REASON", help="record what runs take, and why")


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The machine's engine, with the base images and the action's image."""
    with running_engine() as engine:
        prepare(engine)
        yield engine


@pytest.fixture(scope="session")
def engine_of_kind(engine: Engine) -> Iterator[Callable[[Flavour], Engine]]:
    """The machine's engine or, where it is of another kind, one beside it that runs until the last test."""
    with ExitStack() as stack:

        @cache
        def of_kind(flavour: Flavour) -> Engine:
            if engine.is_of(flavour):
                return engine
            other = stack.enter_context(running_engine(flavour))
            prepare(other)
            return other

        yield of_kind


@pytest.fixture(params=["20.10", "current"])
def each_engine(request: pytest.FixtureRequest, engine_of_kind: Callable[[Flavour], Engine]) -> Engine:
    """An engine of each kind."""
    return engine_of_kind(cast("Flavour", request.param))


@pytest.fixture(scope="session")
def aws(engine: Engine) -> Iterator[Aws]:
    """An AWS whose functions run on the machine's engine."""
    with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
        yield aws


@pytest.fixture
def cold_engine(each_engine: Engine) -> Iterator[dict[str, str]]:
    """The environment for an engine of the same kind that has neither images nor cache."""
    flavour, number = ("current", 4) if each_engine.containerd_store else ("20.10", 3)
    suite, packages = (
        ("sid", ("docker.io", "containerd", "docker-cli")) if number == 4 else ("bookworm", ("docker.io",))
    )
    paths = ("containerd", "containerd-shim-runc-v2", "docker", "docker-init", "tini-static", "docker-proxy")
    names = (*(f"usr/bin/{name}" for name in paths), "usr/sbin/docker-proxy", "usr/sbin/dockerd")
    folder = programs(suite, packages, names)
    settings = {"features": {"containerd-snapshotter": True}} if number == 4 else {}
    with own_dockerd(f"cold-{flavour}", number, programs=folder, settings=settings) as socket:
        environment = {"DOCKER_HOST": f"unix://{socket}"}
        for command in (["image", "prune", "--all", "--force"], ["builder", "prune", "--all", "--force"]):
            subprocess.run([str(each_engine.cli), *command], env=environment, check=True, capture_output=True)
        yield environment
