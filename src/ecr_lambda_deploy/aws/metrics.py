"""Lambda's metrics in CloudWatch, by botocore.

[Lambda Developer Guide, Types of metrics for Lambda functions, Viewing metrics for Lambda functions; CloudWatch API
Reference, GetMetricData]
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from threading import Lock
from typing import TYPE_CHECKING

from ecr_lambda_deploy.aws.errors import translated
from ecr_lambda_deploy.concurrency import held
from ecr_lambda_deploy.model.error_rates import InvocationCounts
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.ports.functions import AliasInvocations
from ecr_lambda_deploy.ports.runner import Clock

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef, MetricTypeDef

    from ecr_lambda_deploy.aws.session import Aws

_ACTION = "cloudwatch:GetMetricData"  # which IAM allows for no single resource
_NAMES = ("Invocations", "Errors")
_QUERIES_OF_ONE_CALL = 500
# In seconds.
_MINUTE = 60
_ASKED_AGAIN = 3600.0  # a metric's time is that of the invocation, so it changes for as long as a function may run
_TAKEN_ALONG = 15.0  # who asks next has not long to wait then
_FORGOTTEN = 60.0
_KEPT_ERROR = 1.0


@dataclass(slots=True)
class _Watched:
    """Invocations that somebody wants to know.

    Attributes:
        since: from when on, on the run's clock.
        wanted_at: when somebody last wanted to know.
        read_at: when CloudWatch was last asked or, before that, when somebody first wanted to know.
        minutes: what is known, by the minute's beginning on the run's clock.
    """

    since: float
    wanted_at: float
    read_at: float
    minutes: dict[float, InvocationCounts] = field(default_factory=dict)


class LambdaMetrics:
    """Metrics of one account and Region.

    Many functions are released at once: what others will want to know in a moment is asked together.

    Args:
        aws: gives the client.
        clock: an error that its `sleep` raises ends the wait for the answer to another thread.
    """

    def __init__(self, aws: "Aws", clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._epoch = time.time() - clock.now()  # the time of the run's clock at 0, in seconds since 1970
        self._lock = Lock()
        self._watched: dict[AliasInvocations, _Watched] = {}
        self._failed: tuple[float, DeployError] | None = None
        self._is_allowed = False

    def check_may_read(self) -> None:
        """Call GetMetricData, unless another thread has done so."""
        with self._asking():
            if not self._is_allowed:
                now = self._clock.now()
                self._call([_query(0, [], "Invocations")], now - _MINUTE, now)
                self._is_allowed = True

    def invocations(
        self, wanted: Collection[AliasInvocations], *, since: float, max_age: float
    ) -> Mapping[AliasInvocations, Mapping[float, InvocationCounts]]:
        """Call GetMetricData if what is known is too old."""
        with self._asking():
            now = self._clock.now()
            for one in wanted:
                watched = self._watched.setdefault(one, _Watched(since=since, wanted_at=now, read_at=now))
                watched.wanted_at = now
            if any(now - self._watched[one].read_at >= max_age for one in wanted):
                along = [
                    one
                    for one, watched in self._watched.items()
                    if one not in wanted
                    and now - watched.read_at >= _TAKEN_ALONG
                    and now - watched.wanted_at < _FORGOTTEN
                ]
                self._read([*wanted, *along], now)
            return {one: dict(self._watched[one].minutes) for one in wanted}

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Let one thread ask, while others wait for its answer, or its error: each would only ask the same."""
        with held(self._lock, self._clock.sleep):
            if self._failed is not None and self._clock.now() - self._failed[0] < _KEPT_ERROR:
                raise self._failed[1]
            try:
                yield
            except DeployError as error:
                self._failed = self._clock.now(), error
                raise

    def _read(self, wanted: Sequence[AliasInvocations], now: float) -> None:
        since = max(now - _ASKED_AGAIN, min(self._watched[one].since for one in wanted))
        asked = tuple(product(wanted, _NAMES))
        found: dict[AliasInvocations, dict[float, dict[str, int]]] = {}
        for start in range(0, len(asked), _QUERIES_OF_ONE_CALL):
            part = asked[start : start + _QUERIES_OF_ONE_CALL]
            queries = [_query(number, _dimensions(one), name) for number, (one, name) in enumerate(part)]
            for number, minute, value in self._call(queries, since, now):
                one, name = part[number]
                found.setdefault(one, {}).setdefault(minute, {})[name] = value
        for one in wanted:
            watched = self._watched[one]
            watched.read_at = self._clock.now()
            for minute, counts in found.get(one, {}).items():
                if counts.get("Invocations"):  # errors alone: the invocations are late
                    watched.minutes[minute] = InvocationCounts(
                        invocations=counts["Invocations"], errors=counts.get("Errors", 0)
                    )

    def _call(
        self, queries: "Sequence[MetricDataQueryTypeDef]", since: float, until: float
    ) -> list[tuple[int, float, int]]:
        """Return the number of the query, the minute and the value of each point."""
        points: list[tuple[int, float, int]] = []
        start = (since + self._epoch) // _MINUTE * _MINUTE
        end = until + self._epoch + 2 * _MINUTE  # the clocks may differ
        with translated(_ACTION, "*"):
            pages = (
                self._aws.cloudwatch()
                .get_paginator("get_metric_data")
                .paginate(
                    MetricDataQueries=queries,
                    StartTime=datetime.fromtimestamp(start, UTC),
                    EndTime=datetime.fromtimestamp(end, UTC),
                )
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    for at, value in zip(result["Timestamps"], result["Values"], strict=True):
                        points.append((int(result["Id"][1:]), at.timestamp() - self._epoch, round(value)))
        return points


def _dimensions(wanted: AliasInvocations) -> "list[DimensionTypeDef]":
    """Return the dimensions of a metric: it has exactly these."""
    named = {"FunctionName": wanted.function, "Resource": f"{wanted.function}:{wanted.alias}"}
    if wanted.version:
        named["ExecutedVersion"] = wanted.version
    return [{"Name": name, "Value": value} for name, value in named.items()]


def _query(number: int, dimensions: "Sequence[DimensionTypeDef]", name: str) -> "MetricDataQueryTypeDef":
    metric: MetricTypeDef = {"Namespace": "AWS/Lambda", "MetricName": name, "Dimensions": dimensions}
    return {"Id": f"m{number}", "MetricStat": {"Metric": metric, "Period": _MINUTE, "Stat": "Sum"}}
