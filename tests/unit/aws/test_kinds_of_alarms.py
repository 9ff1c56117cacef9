"""Alarms of every kind that botocore's model of CloudWatch has, against botocore's own stub."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore.stub import Stubber

from ecr_lambda_deploy.aws.alarms import CloudWatchAlarms
from tests.unit.fakes.clock import FakeClock

_CLIENT = boto3.client("cloudwatch", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")


@pytest.fixture
def stubber() -> Iterator[Stubber]:
    with Stubber(_CLIENT) as stubber:
        yield stubber


def _states(names: tuple[str, ...]) -> dict[str, str]:
    aws: Any = SimpleNamespace(cloudwatch=lambda: _CLIENT)
    states = CloudWatchAlarms(cast("Any", aws), FakeClock()).states(names)
    return {name: state.value for name, state in states.items()}


def test_each_kind_is_asked_for_and_read(stubber: Stubber) -> None:
    answer = {
        "MetricAlarms": [{"AlarmName": "errors", "StateValue": "OK"}],
        "CompositeAlarms": [{"AlarmName": "all", "StateValue": "INSUFFICIENT_DATA"}],
        "LogAlarms": [{"AlarmName": "lines", "StateValue": "ALARM"}, {"AlarmName": "without a state"}],
    }
    kinds = ["CompositeAlarm", "MetricAlarm", "LogAlarm"]
    asked = {"AlarmNames": ["errors", "all", "lines"], "AlarmTypes": kinds, "MaxRecords": 100}
    stubber.add_response("describe_alarms", answer, asked)
    assert _states(("errors", "all", "lines")) == {
        "errors": "OK",
        "all": "INSUFFICIENT_DATA",
        "lines": "ALARM",
        "without a state": "",
    }


def test_an_answer_without_alarms_has_none(stubber: Stubber) -> None:
    stubber.add_response("describe_alarms", {})
    assert _states(("errors",)) == {}
