from threading import Thread, Timer

import pytest

from ecr_lambda_deploy.adapters.clock import SystemClock
from ecr_lambda_deploy.adapters.rates import RateLimit, RateLimits
from ecr_lambda_deploy.errors import CancelledError


class _Time:
    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def _begun(limit: RateLimit, time: _Time, calls: int) -> list[float]:
    begun = []
    for _ in range(calls):
        limit.wait()
        begun.append(round(time.now, 3))
    return begun


def test_as_many_as_the_limit_begin_at_once_and_the_next_when_the_first_is_a_period_old() -> None:
    time = _Time()
    limit = RateLimit(3, period=1.0, now=time.read, sleep=time.pass_by)

    assert _begun(limit, time, 8) == [0, 0, 0, 1, 1, 1, 2, 2]


def test_calls_that_come_slowly_do_not_wait() -> None:
    time = _Time()
    limit = RateLimit(3, period=1.0, now=time.read, sleep=time.pass_by)
    for _ in range(10):
        before = time.now
        limit.wait()
        assert time.now == before
        time.now += 0.34


def test_after_a_refusal_nothing_begins_for_a_second() -> None:
    time = _Time()
    limit = RateLimit(3, period=1.0, now=time.read, sleep=time.pass_by)
    limit.back_off()

    assert _begun(limit, time, 4) == [1, 1, 1, 2]


def test_threads_share_a_limit() -> None:
    naps: list[float] = []
    limit = RateLimit(5, period=1.0, now=lambda: 0.0, sleep=naps.append)
    threads = [Thread(target=limit.wait) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(naps) == [1.0] * 5 + [2.0] * 5 + [3.0] * 5


@pytest.mark.parametrize(
    ("service", "operation", "shares_with"),
    [
        ("lambda", "UpdateFunctionCode", "PublishVersion"),
        ("lambda", "ListVersionsByFunction", "UpdateAlias"),
    ],
)
def test_all_of_lambdas_control_plane_but_get_function_shares_one_limit(
    service: str, operation: str, shares_with: str
) -> None:
    limits = RateLimits()

    assert limits.of(service, operation) is limits.of(service, shares_with)
    assert limits.of(service, operation) is not limits.of("lambda", "GetFunction")
    assert limits.of("lambda", "Invoke") is None
    assert limits.of("ecr", "PutImage") is not limits.of("lambda", operation)


def test_a_request_that_waits_for_its_turn_is_not_sent_when_the_run_is_cancelled() -> None:
    clock = SystemClock()
    limit = RateLimit(1, period=30, sleep=clock.wait_for_turn)
    limit.wait()
    Timer(0.1, clock._cancelled.set).start()  # noqa: SLF001 # as the signal's thread does
    with clock.polled(), pytest.raises(CancelledError):
        limit.wait()


def test_what_takes_something_back_waits_for_its_turn_all_the_same() -> None:
    clock = SystemClock()
    limit = RateLimit(1, period=0.2, sleep=clock.wait_for_turn)
    clock._cancelled.set()  # noqa: SLF001
    with clock.polled(), clock.undisturbed():
        limit.wait()
        limit.wait()
