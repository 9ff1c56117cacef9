"""What tests of the real thing share: engines and an AWS, started once."""

from collections.abc import Iterator
from typing import cast

import pytest

from sandbox.aws import Aws, running_aws
from sandbox.engine import Engine, Flavour, running_engine
from sandbox.sandbox import prepare


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """The machine's engine, with the base images and the action's image."""
    with running_engine() as engine:
        prepare(engine)
        yield engine


@pytest.fixture(scope="session", params=["20.10", "current"])
def each_engine(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Engine]:
    """The machine's engine and, where it is not of both kinds, one beside it."""
    flavour = cast("Flavour", request.param)
    if engine.is_of(flavour):
        yield engine
        return
    with running_engine(flavour) as other:
        prepare(other)
        yield other


@pytest.fixture(scope="session")
def aws(engine: Engine) -> Iterator[Aws]:
    """An AWS whose functions run on the machine's engine."""
    with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
        yield aws
