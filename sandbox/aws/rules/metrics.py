"""Metrics of Amazon CloudWatch: what Lambda counts of the invocations that run here, and what a test sets.

In the JSON protocol, which boto3 speaks. ministack counts invocations by the function's name alone.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.rule import Request, Rule
from sandbox.aws.state import State
from sandbox.aws.upstream import Scope

NAMESPACE = "AWS/Lambda"
_MINUTE = 60
_MOST_QUERIES = 500
_MOST_POINTS = 100_800
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Invocations of a minute, under one set of dimensions.

    Attributes:
        scope: The account and Region.
        dimensions: FunctionName, and perhaps Resource and ExecutedVersion.
        minute: When it began, in seconds since 1970.
        counts: By metric: Invocations, Errors.
        shown_at: From when on CloudWatch shows it, in seconds of `time.monotonic`.
    """

    scope: Scope
    dimensions: Mapping[str, str]
    minute: int
    counts: Mapping[str, int]
    shown_at: float


def count_invocations(
    state: State,
    scope: Scope,
    function: str,
    *,
    qualifier: str = "",
    executed_version: str = "",
    invocations: int = 1,
    errors: int,
    minutes_ago: int = 0,
    shown_in: float | None = None,
) -> None:
    """Count invocations, as Lambda tells CloudWatch of them.

    Args:
        state: Keeps them.
        scope: The account and Region.
        function: Its name.
        qualifier: What was invoked: an alias or a version; empty for neither.
        executed_version: The version that ran, where the alias has weights; empty elsewhere.
        invocations: How many.
        errors: How many of them failed.
        minutes_ago: How long ago; the time of a metric is that of the invocation.
        shown_in: After how many seconds CloudWatch shows them; None for as long as metrics take here.
    """
    name, resource = {"FunctionName": function}, f"{function}:{qualifier}" if qualifier else function
    sets = [name, name | {"Resource": resource}]
    if executed_version:
        sets.append(name | {"Resource": resource, "ExecutedVersion": executed_version})
    minute = (int(time.time()) // _MINUTE - minutes_ago) * _MINUTE
    shown_at = time.monotonic() + (state.metric_seconds if shown_in is None else shown_in)
    for dimensions in sets:
        counts = {"Invocations": invocations, "Errors": errors}
        state.metrics.append(Point(scope=scope, dimensions=dimensions, minute=minute, counts=counts, shown_at=shown_at))


async def _get_metric_data(request: Request) -> web.Response | None:
    asked = request.operation.parameters
    queries = asked.get("MetricDataQueries", [])
    _check(asked, queries)
    if not all(_metric(query).get("Namespace") == NAMESPACE for query in queries):
        return None
    most, start = int(asked.get("MaxDatapoints", _MOST_POINTS)), int(asked.get("NextToken", "0"))
    is_ascending = asked.get("ScanBy", "TimestampDescending") == "TimestampAscending"
    points = [
        (number, minute, value)
        for number, query in enumerate(queries)
        for minute, value in sorted(_values(request, query).items(), reverse=not is_ascending)
    ]
    page = points[start : start + most]
    results = [
        {
            "Id": query["Id"],
            "Label": _metric(query)["MetricName"],
            "Timestamps": [minute for at, minute, _ in page if at == number],
            "Values": [float(value) for at, _, value in page if at == number],
            "StatusCode": "Complete" if not _follows(points, number, start + most) else "PartialData",
        }
        for number, query in enumerate(queries)
    ]
    more = {"NextToken": str(start + most)} if len(points) > start + most else {}
    return web.json_response(
        {"MetricDataResults": results, "Messages": [], **more}, content_type="application/x-amz-json-1.0"
    )


def _follows(points: list[tuple[int, int, int]], number: int, end: int) -> bool:
    return any(at == number for at, _, _ in points[end:])


def _metric(query: dict[str, Any]) -> dict[str, Any]:
    metric: dict[str, Any] = query.get("MetricStat", {}).get("Metric", {})
    return metric


def _check(asked: dict[str, Any], queries: list[dict[str, Any]]) -> None:
    if not 1 <= len(queries) <= _MOST_QUERIES:
        raise _invalid(f"The collection MetricDataQueries must have a size between 1 and {_MOST_QUERIES}.")
    ids = [str(query.get("Id", "")) for query in queries]
    for wrong in (one for one in ids if not _ID.fullmatch(one)):
        raise _invalid(
            f"The value {wrong} for parameter MetricDataQueries.member.Id is not matching the expected regex."
        )
    if len(set(ids)) < len(ids):
        raise _invalid("The values for parameter MetricDataQueries.member.Id are not unique.")
    start, end = float(asked["StartTime"]), float(asked["EndTime"])
    if start == end:
        raise _invalid("The parameter StartTime must not equal parameter EndTime.")
    if start > end:
        raise _invalid("The parameter StartTime must be less than the parameter EndTime.")
    for period in (int(query["MetricStat"]["Period"]) for query in queries if "MetricStat" in query):
        if period not in {1, 5, 10, 20, 30} and period % _MINUTE:
            raise _invalid("The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.")


def _invalid(text: str) -> ApiError:
    return ApiError("ValidationError", text)


def _values(request: Request, query: dict[str, Any]) -> dict[int, int]:
    """Return the sums by period of what is shown by now. A metric has exactly the dimensions that are asked for."""
    asked, metric, period = request.operation.parameters, _metric(query), int(query["MetricStat"]["Period"])
    if query["MetricStat"]["Stat"] != "Sum":
        raise _invalid(f"The sandbox knows no other statistic of {NAMESPACE} than Sum.")
    dimensions = {one["Name"]: one["Value"] for one in metric.get("Dimensions", [])}
    start = float(asked["StartTime"]) // _MINUTE * _MINUTE  # rounded down
    sums: defaultdict[int, int] = defaultdict(int)
    for point in _shown(request):
        if point.dimensions == dimensions and start <= point.minute < float(asked["EndTime"]):
            sums[point.minute // period * period] += point.counts.get(metric["MetricName"], 0)
    return dict(sums)


def _shown(request: Request) -> Iterator[Point]:
    now = time.monotonic()
    for point in request.state.metrics:
        if point.scope == request.scope and point.shown_at <= now:
            yield point


_SOURCE = "Amazon CloudWatch API Reference, GetMetricData, MetricDataQuery; elastic/beats#32687"

RULES = (Rule(("monitoring:GetMetricData",), _get_metric_data, _SOURCE),)
