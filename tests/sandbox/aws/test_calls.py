"""Which calls follow one another, and how long they take."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.aws import Aws
from sandbox.aws.calls import Call, calls_in_series


def _call(at: float, ended: float) -> Call:
    return Call(service="lambda", action="GetFunction", parameters={}, changing=False, at=at, ended=ended)


@pytest.mark.parametrize(
    ("times", "series"),
    [
        ([], 0),
        ([(0, 1), (0, 1), (0.5, 1.5)], 1),
        ([(0, 1), (1, 2), (2.5, 3)], 3),
        ([(0, 3), (0, 1), (1, 2), (2, 3), (3, 4)], 4),  # the longest call is beside three others
        ([(0, 1), (5, 0)], 1),  # one that was never answered
    ],
)
def test_the_longest_series_is_found(times: Sequence[tuple[float, float]], series: int) -> None:
    assert len(calls_in_series(_call(at, ended) for at, ended in times)) == series


def test_calls_take_their_time_and_overlap(aws: Aws) -> None:
    client = aws.client("sts")
    client.get_caller_identity()
    aws.forget_calls()
    with aws.calls_taking(0.2), ThreadPoolExecutor() as pool:
        started = time.monotonic()
        for _ in range(2):
            list(pool.map(lambda _: client.get_caller_identity(), range(2)))
        assert time.monotonic() - started >= 0.4
    assert (len(aws.calls()), len(calls_in_series(aws.calls()))) == (4, 2)
