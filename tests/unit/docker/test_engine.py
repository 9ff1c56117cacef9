"""An engine that goes away between two answers; what one answers is tested with real ones."""

from collections.abc import Mapping
from typing import NoReturn

import docker
import pytest
import requests

from ecr_lambda_deploy.docker.engine import check_container, engine_platform, has_containerd_store, image_digest
from ecr_lambda_deploy.model.errors import DeployError


class _Silent:
    """An engine's client; the SDK does not make its own errors of those of `requests`."""

    def __init__(self) -> None:
        self.images = self.containers = self

    def get(self, _: str) -> NoReturn:
        raise requests.ReadTimeout("no answer")

    def version(self) -> NoReturn:
        raise requests.ConnectionError("connection reset")

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
    with pytest.raises(DeployError, match="The Docker engine does not answer: connection reset"):
        engine_platform({})
    with pytest.raises(DeployError, match="The Docker engine does not answer: no answer"):
        has_containerd_store({})
    with pytest.raises(DeployError, match="The Docker engine does not answer: no answer"):
        check_container("buildx_buildkit_b0", {})


def test_an_engine_that_goes_away_has_no_copy_of_an_image() -> None:
    assert image_digest("alpine", {}) is None
