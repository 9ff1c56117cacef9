"""Which endpoints of ECR are an emulator's: its registry, which gets the login, may have any name. Nothing is sent."""

import pytest

from ecr_lambda_deploy.aws.rates import RequestPriority
from ecr_lambda_deploy.aws.session import Aws
from ecr_lambda_deploy.model.run import WorkflowRun
from tests.unit.fakes.clock import FakeClock


def _is_overridden(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", endpoint)
    aws = Aws(
        region="eu-west-1",
        role=None,
        id_token=str,
        mask=lambda _: None,
        clock=FakeClock(),
        priority=RequestPriority(),
        run=WorkflowRun(),
        environment={},
    )
    return aws.is_ecr_overridden()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://api.ecr.eu-west-1.amazonaws.com",
        "https://vpce-0a1b2c3d-e4f5.api.ecr.eu-west-1.vpce.amazonaws.com",
        "https://VPCE-0a1b2c3d-e4f5.api.ecr.eu-west-1.vpce.amazonaws.com:443/",
        "https://ecr-fips.us-east-1.api.aws",
        "https://api.ecr.cn-north-1.amazonaws.com.cn",
        "https://ecr.cn-north-1.api.amazonwebservices.com.cn",
        "https://api.ecr.eusc-de-east-1.amazonaws.eu",
    ],
)
def test_rule_2_another_endpoint_of_aws_is_no_emulator(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _is_overridden(endpoint, monkeypatch)


@pytest.mark.parametrize(
    "endpoint",
    [
        *("http://localhost:4566", "http://127.0.0.1:4566", "http://[::1]:4566"),
        *("https://localhost.localstack.cloud:4566", "https://amazonaws.com.example", "https://notamazonaws.com"),
    ],
)
def test_rule_2_an_endpoint_elsewhere_is_an_emulator(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _is_overridden(endpoint, monkeypatch)
