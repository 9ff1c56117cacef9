"""Lambda's metrics, as CloudWatch is asked for them."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.stub import ANY, Stubber

from ecr_lambda_deploy.aws.metrics import LambdaMetrics
from ecr_lambda_deploy.model.error_rates import InvocationCounts
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.ports.functions import AliasInvocations
from tests.unit.fakes.clock import FakeClock

_LIVE = AliasInvocations(function="orders-api", alias="live")
_NEW, _OLD = (AliasInvocations(function="orders-api", alias="live", version=version) for version in ("8", "7"))


class _CloudWatch:
    """CloudWatch as far as metrics go.

    Attributes:
        there: by function and version, the counts of this minute: Invocations, Errors; None is late.
        asked: the queries of each call.
        error: what it answers with; None for what there is.
    """

    def __init__(self) -> None:
        self.there: dict[AliasInvocations, tuple[int | None, int | None]] = {}
        self.asked: list[list[dict[str, Any]]] = []
        self.error: Exception | None = None

    def cloudwatch(self) -> SimpleNamespace:
        return SimpleNamespace(get_paginator=lambda _: SimpleNamespace(paginate=self._paginate))

    def _paginate(self, **asked: Any) -> list[dict[str, Any]]:  # noqa: ANN401 # as boto3 takes them
        self.asked.append(asked["MetricDataQueries"])
        if self.error is not None:
            raise self.error
        return [{"MetricDataResults": [result]} for result in map(self._result, asked["MetricDataQueries"])]

    def _result(self, query: dict[str, Any]) -> dict[str, Any]:
        metric = query["MetricStat"]["Metric"]
        named = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
        resource = named.get("Resource", ":").partition(":")
        version = named.get("ExecutedVersion", "")
        one = AliasInvocations(function=resource[0], alias=resource[2], version=version)
        value = self.there.get(one, (None, None))[metric["MetricName"] == "Errors"]
        minute = datetime.now(UTC).replace(second=0, microsecond=0)
        points = ([], []) if value is None else ([minute], [float(value)])
        return {"Id": query["Id"], "Timestamps": points[0], "Values": points[1], "StatusCode": "Complete"}


def _metrics(cloudwatch: _CloudWatch, clock: FakeClock | None = None) -> LambdaMetrics:
    return LambdaMetrics(cast("Any", cloudwatch), clock or FakeClock())


def _read(metrics: LambdaMetrics, *wanted: AliasInvocations, max_age: float = 0) -> list[list[InvocationCounts]]:
    found = metrics.invocations(wanted, since=0.0, max_age=max_age)
    return [list(found[one].values()) for one in wanted]


def test_a_metric_has_the_dimensions_of_what_is_wanted() -> None:
    cloudwatch = _CloudWatch()
    _read(_metrics(cloudwatch), _NEW, _LIVE)

    (queries,) = cloudwatch.asked
    assert [query["MetricStat"]["Metric"]["MetricName"] for query in queries] == 2 * ["Invocations", "Errors"]
    assert {(query["MetricStat"]["Period"], query["MetricStat"]["Stat"]) for query in queries} == {(60, "Sum")}
    assert len({query["Id"] for query in queries}) == 4
    of_alias = [{"Name": "FunctionName", "Value": "orders-api"}, {"Name": "Resource", "Value": "orders-api:live"}]
    of_version = [*of_alias, {"Name": "ExecutedVersion", "Value": "8"}]
    assert [query["MetricStat"]["Metric"]["Dimensions"] for query in queries] == 2 * [of_version] + 2 * [of_alias]


def test_minutes_are_told_on_the_run_s_clock() -> None:
    cloudwatch, clock = _CloudWatch(), FakeClock()
    cloudwatch.there = {_NEW: (40, 2)}
    epoch = time.time() - clock.now()
    found = _metrics(cloudwatch, clock).invocations([_NEW], since=0.0, max_age=0)

    ((minute, counts),) = found[_NEW].items()
    assert counts == InvocationCounts(invocations=40, errors=2)
    assert clock.now() - 61 < minute <= clock.now()
    assert (minute + epoch) % 60 == pytest.approx(0, abs=1) or (minute + epoch) % 60 == pytest.approx(60, abs=1)


@pytest.mark.parametrize(
    ("there", "known"),
    [
        ((40, 2), [InvocationCounts(invocations=40, errors=2)]),
        ((40, None), [InvocationCounts(invocations=40)]),  # none, or late
        ((None, 2), []),  # the invocations are late
        ((None, None), []),
        ((0, 0), []),
    ],
)
def test_what_is_late_or_missing_is_not_known(
    there: tuple[int | None, int | None], known: list[InvocationCounts]
) -> None:
    cloudwatch = _CloudWatch()
    cloudwatch.there = {_NEW: there}

    assert _read(_metrics(cloudwatch), _NEW) == [known]


def test_what_is_known_is_not_asked_for_again_before_it_is_too_old() -> None:
    cloudwatch, clock = _CloudWatch(), FakeClock()
    metrics = _metrics(cloudwatch, clock)
    assert _read(metrics, _NEW, max_age=30) == [[]]
    assert cloudwatch.asked == []
    clock.time += 29
    _read(metrics, _NEW, max_age=30)
    assert cloudwatch.asked == []
    clock.time += 1
    cloudwatch.there = {_NEW: (40, 2)}
    assert _read(metrics, _NEW, max_age=30) == [[InvocationCounts(invocations=40, errors=2)]]
    clock.time += 10
    cloudwatch.there = {}
    assert _read(metrics, _NEW, max_age=30) == [[InvocationCounts(invocations=40, errors=2)]]
    assert len(cloudwatch.asked) == 1


def test_the_functions_of_a_run_are_asked_for_together_with_up_to_500_queries_a_call() -> None:
    cloudwatch, clock = _CloudWatch(), FakeClock()
    metrics = _metrics(cloudwatch, clock)
    pairs = [
        [AliasInvocations(function=f"orders-{number}", alias="live", version=version) for version in ("8", "7")]
        for number in range(200)
    ]
    for pair in pairs:
        _read(metrics, *pair, max_age=30)
        clock.time += 0.01
    for half_minutes in (1, 2, 3):
        clock.time += 30
        for pair in pairs:
            _read(metrics, *pair, max_age=30)
        assert [len(queries) for queries in cloudwatch.asked] == half_minutes * [500, 300]
    clock.time += 61  # nobody has asked for the others since
    _read(metrics, *pairs[0], max_age=30)
    assert len(cloudwatch.asked[-1]) == 4


def test_a_denial_is_told_with_the_statement_and_others_who_wait_get_it_too() -> None:
    words = (
        "User: arn:aws:sts::123456789012:assumed-role/deploy/run is not authorized to perform: "
        "cloudwatch:GetMetricData because no identity-based policy allows the cloudwatch:GetMetricData action"
    )
    client = boto3.client("cloudwatch", region_name="eu-west-1", config=Config(signature_version=UNSIGNED))
    with Stubber(client) as stub:
        expected = {"MetricDataQueries": ANY, "StartTime": ANY, "EndTime": ANY}
        stub.add_client_error("get_metric_data", "AccessDenied", words, 403, expected_params=expected)
        metrics = LambdaMetrics(cast("Any", SimpleNamespace(cloudwatch=lambda: client)), FakeClock())
        with pytest.raises(DeployError) as caught:
            metrics.check_may_read()
        with pytest.raises(DeployError) as again:
            metrics.check_may_read()
        stub.assert_no_pending_responses()

    assert (caught.value.topic, again.value.hint) == ("access-denied", caught.value.hint)
    statement = '{"Effect": "Allow", "Action": "cloudwatch:GetMetricData", "Resource": "*"}'
    assert statement in caught.value.hint


def test_that_metrics_may_be_read_is_found_out_once() -> None:
    cloudwatch = _CloudWatch()
    metrics = _metrics(cloudwatch)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(metrics.check_may_read).result(5)

    assert [len(queries) for queries in cloudwatch.asked] == [1]


def test_an_error_that_was_told_is_not_told_for_ever() -> None:
    cloudwatch, clock = _CloudWatch(), FakeClock()
    metrics = _metrics(cloudwatch, clock)
    cloudwatch.error = DeployError("no answer")
    with pytest.raises(DeployError, match="no answer"):
        _read(metrics, _NEW)
    cloudwatch.error = None
    clock.time += 1
    assert _read(metrics, _NEW) == [[]]
