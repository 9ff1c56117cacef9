"""An engine that goes away between two answers; what one answers is tested with real ones."""

from collections.abc import Mapping
from typing import NoReturn

import docker
import pytest
import requests

from ecr_lambda_deploy.docker.engine import Engine, ask_engine, check_container, image_digest
from ecr_lambda_deploy.model.errors import DeployError


class _Silent:
    """An engine's client; the SDK does not make its own errors of those of `requests`."""

    def __init__(self) -> None:
        self.images = self.containers = self

    def get(self, _: str) -> NoReturn:
        raise requests.ReadTimeout("no answer")

    def info(self) -> NoReturn:
        raise requests.ReadTimeout("no answer")

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _silent_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def connect(*, timeout: int, environment: Mapping[str, str]) -> _Silent:  # noqa: ARG001 # as the SDK names them
        return _Silent()

    monkeypatch.setattr(docker, "from_env", connect)


def test_an_engine_that_goes_away_is_no_bug() -> None:
    with pytest.raises(DeployError, match="The Docker engine does not answer: no answer"):
        ask_engine({})
    with pytest.raises(DeployError, match="The Docker engine does not answer: no answer"):
        check_container("buildx_buildkit_b0", {})


def test_an_engine_that_goes_away_has_no_copy_of_an_image() -> None:
    assert image_digest("alpine", {}) is None


@pytest.mark.parametrize(
    ("has_containerd_store", "store"), [(True, "containerd's store"), (False, "a store of its own")]
)
def test_an_engine_is_a_line_of_the_log(*, has_containerd_store: bool, store: str) -> None:
    engine = Engine(version="28.5.1", platform="linux/arm64", has_containerd_store=has_containerd_store)

    assert str(engine) == f"Docker engine 28.5.1 on linux/arm64, which keeps images in {store}"
