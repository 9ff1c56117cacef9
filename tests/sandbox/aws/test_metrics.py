"""What CloudWatch shows of a function's invocations."""

import time
from typing import Any

import pytest

from sandbox.aws import Aws
from tests.sandbox.aws.aws_calls import ONCE, client_of, refusal, wait_until_updated


def _query(number: int, metric: str, dimensions: dict[str, str]) -> dict[str, Any]:
    named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
    stat = {"Metric": {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": named}}
    return {"Id": f"m{number}", "MetricStat": {**stat, "Period": 60, "Stat": "Sum"}}


def _shown(aws: Aws, dimensions: dict[str, str], **asked: Any) -> dict[str, list[float]]:  # noqa: ANN401 -- boto3's
    """Return the values of both metrics, by minute, the newest first."""
    queries = [_query(number, metric, dimensions) for number, metric in enumerate(("Invocations", "Errors"))]
    now = time.time()
    answer = aws.client("cloudwatch").get_metric_data(
        **{"MetricDataQueries": queries, "StartTime": now - 600, "EndTime": now + 60, **asked}
    )
    return {result["Label"]: result["Values"] for result in answer["MetricDataResults"]}


@pytest.fixture
def live(aws: Aws, function: str) -> str:
    """A function with two versions and an alias `live` of the first."""
    client = aws.client("lambda")
    for number in ("1", "2"):
        client.update_function_configuration(FunctionName=function, Timeout=3 + int(number))
        wait_until_updated(aws, function)
        client.publish_version(FunctionName=function)
        wait_until_updated(aws, function, number)
    client.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
    return function


def test_an_alias_s_invocations_are_counted_by_version_while_it_has_weights(aws: Aws, live: str) -> None:
    by_alias = {"FunctionName": live, "Resource": f"{live}:live"}
    aws.set_metrics(live, qualifier="live", invocations=5, errors=1)
    assert _shown(aws, by_alias) == {"Invocations": [5], "Errors": [1]}
    assert _shown(aws, by_alias | {"ExecutedVersion": "1"}) == {"Invocations": [], "Errors": []}

    aws.set_metrics(live, qualifier="live", executed_version="2", invocations=2, errors=0)
    aws.set_metrics(live, qualifier="live", executed_version="2", invocations=3, errors=3, minutes_ago=2)
    assert _shown(aws, by_alias | {"ExecutedVersion": "2"}) == {"Invocations": [2, 3], "Errors": [0, 3]}
    assert _shown(aws, by_alias) == {"Invocations": [7, 3], "Errors": [1, 3]}
    assert _shown(aws, {"FunctionName": live}) == {"Invocations": [7, 3], "Errors": [1, 3]}
    assert _shown(aws, {"FunctionName": live, "ExecutedVersion": "2"})["Invocations"] == []
    assert _shown(aws, by_alias, ScanBy="TimestampAscending")["Invocations"] == [3, 7]
    assert _shown(aws, by_alias, StartTime=time.time() - 60)["Invocations"] == [7]


def test_what_is_late_is_shown_later(aws: Aws, live: str) -> None:
    aws.set_metrics(live, qualifier="2", invocations=1, errors=0, shown_in=0.3)
    by_version = {"FunctionName": live, "Resource": f"{live}:2"}
    assert _shown(aws, by_version)["Invocations"] == []
    time.sleep(0.3)
    assert _shown(aws, by_version)["Invocations"] == [1]


def test_points_are_given_in_pages(aws: Aws, live: str) -> None:
    for minutes in range(3):
        aws.set_metrics(live, qualifier="", invocations=minutes + 1, errors=0, minutes_ago=minutes)
    pages = (
        aws.client("cloudwatch")
        .get_paginator("get_metric_data")
        .paginate(
            MetricDataQueries=[_query(0, "Invocations", {"FunctionName": live})],
            StartTime=time.time() - 600,
            EndTime=time.time(),
            PaginationConfig={"PageSize": 2},
        )
    )
    results = [result for page in pages for result in page["MetricDataResults"]]
    assert [result["Values"] for result in results] == [[1, 2], [3]]
    assert [result["StatusCode"] for result in results] == ["PartialData", "Complete"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"StartTime": 60, "EndTime": 60}, "must not equal"),
        ({"StartTime": 120, "EndTime": 60}, "must be less than"),
        ({"MetricDataQueries": 2 * [_query(0, "Errors", {})]}, "not unique"),
        ({"MetricDataQueries": [_query(number, "Errors", {}) for number in range(501)]}, "between 1 and 500"),
        ({"MetricDataQueries": [_query(0, "Errors", {}) | {"Id": "Errors"}]}, "expected regex"),
    ],
)
def test_queries_that_cloudwatch_refuses(aws: Aws, asked: dict[str, Any], words: str) -> None:
    right = {"MetricDataQueries": [_query(0, "Errors", {})], "StartTime": 0, "EndTime": 60}
    code, text, status = refusal(aws.client("cloudwatch", config=ONCE).get_metric_data, **right | asked)
    assert (code, status) == ("ValidationError", 400)
    assert words in text


def test_a_denial_names_no_resource(aws: Aws) -> None:
    aws.deny("cloudwatch:GetMetricData")
    cloudwatch = client_of(aws.environment(), "cloudwatch")
    asked = {"MetricDataQueries": [_query(0, "Errors", {})], "StartTime": 0, "EndTime": 60}
    code, text, status = refusal(cloudwatch.get_metric_data, **asked)
    assert (code, status) == ("AccessDenied", 403)
    assert "is not authorized to perform: cloudwatch:GetMetricData because no identity-based policy" in text
