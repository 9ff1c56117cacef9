import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest

from ecr_lambda_deploy.aws.alarms import CloudWatchAlarms
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.functions import Status
from tests.unit.fakes.clock import FakeClock

_OK = Status(value="OK", reason="few")
_CLOUDWATCH = boto3.client("cloudwatch", region_name="eu-west-1")


class _Aws:
    """Counts what CloudWatch is asked; it does not answer before it may."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.is_asked = Event()
        self.slow: dict[str, Event] = {}
        self.error: Exception | None = None

    def cloudwatch(self) -> SimpleNamespace:
        return SimpleNamespace(describe_alarms=self._describe, meta=_CLOUDWATCH.meta)

    def _describe(self, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401 # as boto3 takes them
        names = arguments["AlarmNames"]
        self.asked.append(names)
        self.is_asked.set()
        if names[0] in self.slow:
            self.slow[names[0]].wait()
        if self.error is not None:
            raise self.error
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": "OK", "StateReason": "few"} for name in names]}

    @contextmanager
    def hangs_for(self, name: str) -> Iterator[None]:
        """Within the block nothing is said of an alarm."""
        self.slow[name] = Event()
        try:
            yield
        finally:
            self.slow[name].set()


def test_who_asks_within_a_second_gets_the_same_answer_and_later_a_new_one() -> None:
    aws, clock = _Aws(), FakeClock()
    watched = CloudWatchAlarms(cast("Any", aws), clock)

    for _ in range(3):
        assert watched.states(("errors",)) == {"errors": _OK}
        clock.time += 0.3
    assert aws.asked == [["errors"]]
    assert watched.states(("latency",)) == {"latency": _OK}
    clock.time += 1
    watched.states(("errors",))
    assert aws.asked == [["errors"], ["latency"], ["errors"]]


def test_a_slow_answer_stops_nobody_who_watches_other_alarms() -> None:
    aws = _Aws()
    watched = CloudWatchAlarms(cast("Any", aws), SystemClock(RunnerCancelling()))

    with ThreadPoolExecutor(2) as pool, aws.hangs_for("slow"):
        slow = pool.submit(watched.states, ("slow",))
        assert aws.is_asked.wait(5)
        assert pool.submit(watched.states, ("errors",)).result(5) == {"errors": _OK}
        assert not slow.done()


def test_those_who_wait_get_the_answer_that_one_has_asked_for() -> None:
    aws = _Aws()
    watched = CloudWatchAlarms(cast("Any", aws), SystemClock(RunnerCancelling()))

    with ThreadPoolExecutor(8) as pool:
        with aws.hangs_for("errors"):
            answers = [pool.submit(watched.states, ("errors",)) for _ in range(8)]
            assert aws.is_asked.wait(5)
        assert [answer.result(5) for answer in answers] == [{"errors": _OK}] * 8
    assert aws.asked == [["errors"]]


def test_those_who_wait_get_the_error_too_and_do_not_wait_for_it_once_more() -> None:
    aws = _Aws()
    aws.error = DeployError("no answer")
    watched = CloudWatchAlarms(cast("Any", aws), SystemClock(RunnerCancelling()))

    with ThreadPoolExecutor(8) as pool:
        with aws.hangs_for("errors"):
            answers = [pool.submit(watched.states, ("errors",)) for _ in range(8)]
            assert aws.is_asked.wait(5)
        assert {str(answer.exception(5)) for answer in answers} == {"no answer"}
    assert aws.asked == [["errors"]]


def test_a_cancelled_run_waits_for_nobody_elses_answer() -> None:
    aws, cancelling = _Aws(), RunnerCancelling()
    watched = CloudWatchAlarms(cast("Any", aws), SystemClock(cancelling))

    with ThreadPoolExecutor(2) as pool, cancelling.polled(), aws.hangs_for("errors"):
        pool.submit(watched.states, ("errors",))
        assert aws.is_asked.wait(5)
        waits = pool.submit(watched.states, ("errors",))
        start = time.monotonic()
        cancelling._cancelled.set()  # noqa: SLF001 # as the signal's thread does
        with pytest.raises(CancelledError):
            waits.result(5)
        assert time.monotonic() - start < 2
