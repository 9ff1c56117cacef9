"""Logins for the ECR registries that a build names, which anybody writes who may change a Dockerfile."""

from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from ecr_lambda_deploy.aws.ecr import EcrRepositories
from ecr_lambda_deploy.model.errors import DeployError

if TYPE_CHECKING:
    from ecr_lambda_deploy.aws.session import Aws

_REGIONS = {"eu-west-1", "us-east-1"}


class _Ecr:
    """ECR in the Regions that there are, and its client in one of them."""

    def __init__(self, region: str, asked: list[str]) -> None:
        self.region = region
        self.asked = asked

    def in_region(self, region: str) -> "_Ecr":
        return _Ecr(region, self.asked)

    def ecr(self) -> "_Ecr":
        return self

    def is_ecr_overridden(self) -> bool:
        return False

    def get_authorization_token(self) -> Mapping[str, Any]:
        self.asked.append(self.region)
        if self.region not in _REGIONS:
            raise EndpointConnectionError(endpoint_url=f"https://api.ecr.{self.region}.amazonaws.com")
        token = b64encode(f"AWS:{self.region}".encode()).decode()
        host = f"https://{_host(self.region)}"
        return {"authorizationData": [{"authorizationToken": token, "proxyEndpoint": host}]}


def _host(region: str, account: str = "123456789012") -> str:
    return f"{account}.dkr.ecr.{region}.amazonaws.com"


@pytest.fixture
def asked() -> list[str]:
    return []


@pytest.fixture
def repositories(asked: list[str]) -> EcrRepositories:
    return EcrRepositories(cast("Aws", _Ecr("eu-west-1", asked)), lambda _: None)


def test_ecr_is_asked_once_in_each_region(repositories: EcrRepositories, asked: list[str]) -> None:
    hosts = [_host(region, account) for account in ("210987654321", "310987654321") for region in sorted(_REGIONS)]

    logins = [repositories.login(host) for host in hosts]

    assert [(login.registry, login.password) for login in logins if login] == [
        (host, host.split(".")[3]) for host in hosts
    ]
    assert asked == ["eu-west-1", "us-east-1"]


def test_rule_6_a_region_that_there_is_not_is_asked_once(repositories: EcrRepositories, asked: list[str]) -> None:
    for account in ("210987654321", "310987654321"):
        with pytest.raises(DeployError, match="Could not connect"):
            repositories.login(_host("nowhere-1", account))

    assert asked == ["eu-west-1", "nowhere-1"]


def test_rule_6_thousands_of_regions_are_not_asked(repositories: EcrRepositories, asked: list[str]) -> None:
    for number in range(1000):
        with pytest.raises(DeployError):
            repositories.login(_host(f"nowhere-{number}"))

    assert len(asked) == 1 + 10
    assert repositories.login(_host("eu-west-1", "210987654321")) is not None
