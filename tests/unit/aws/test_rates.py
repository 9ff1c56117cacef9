import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Event, Thread, current_thread

import pytest

from ecr_lambda_deploy.aws.rates import RateLimit, RateLimits, RequestPriority
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import CancelledError


class _Time:
    """Time that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.on_sleep: list[Callable[[], None]] = []

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        if self.on_sleep:
            self.on_sleep.pop()()
        self.seconds += seconds


class _Clock(SystemClock):
    """Stands still until `runs` is set; knows which threads wait; can be cancelled."""

    def __init__(self) -> None:
        self.cancelling, self.priority = RunnerCancelling(), RequestPriority()
        super().__init__(self.cancelling)
        self.runs = False
        self.asleep: dict[Thread, Event] = {}

    def now(self) -> float:
        return super().now() if self.runs else 0.0

    def sleep(self, seconds: float) -> None:
        self.asleep[current_thread()].set()
        super().sleep(seconds)

    def cancel(self) -> None:
        self.cancelling._cancelled.set()  # noqa: SLF001 # as the signal's thread does

    @contextmanager
    def reverting(self, *, first: bool = True) -> Iterator[None]:
        with self.cancelling.shield(), self.priority.raised(is_urgent=first):
            yield


class _Queue:
    """Threads that wait for their turn one after another, and in which order it came."""

    def __init__(self, limit: RateLimit, clock: _Clock) -> None:
        self._limit, self._clock = limit, clock
        self.begun: list[str] = []
        self.cancelled: list[str] = []

    def join(self, name: str, block: AbstractContextManager[None] | None = None) -> None:
        thread = Thread(target=self._wait, args=(name, block or nullcontext()))
        asleep = self._clock.asleep[thread] = Event()
        thread.start()
        assert asleep.wait(5)

    def _wait(self, name: str, block: AbstractContextManager[None]) -> None:
        with block:
            try:
                self._limit.wait()
                self.begun.append(name)
            except CancelledError:
                self.cancelled.append(name)


@contextmanager
def _queue(*, period: float) -> Iterator[tuple[_Queue, _Clock]]:
    """One call a period, of which the first has begun; time passes when all have joined."""
    clock = _Clock()
    limit = RateLimit(1, clock, clock.priority, period=period)
    limit.wait()
    with clock.cancelling.polled():
        yield _Queue(limit, clock), clock
        clock.runs = True
        for thread in clock.asleep:
            thread.join()


def _begun(limit: RateLimit, time: _Time, calls: int) -> list[float]:
    begun = []
    for _ in range(calls):
        limit.wait()
        begun.append(round(time.seconds, 3))
    return begun


def test_as_many_as_the_limit_begin_at_once_and_the_next_when_the_first_is_a_period_old() -> None:
    time = _Time()
    limit = RateLimit(3, time, RequestPriority(), period=1.0)

    assert _begun(limit, time, 8) == [0, 0, 0, 1, 1, 1, 2, 2]


def test_calls_that_come_slowly_do_not_wait() -> None:
    time = _Time()
    limit = RateLimit(3, time, RequestPriority(), period=1.0)
    for _ in range(10):
        before = time.seconds
        limit.wait()
        assert time.seconds == before
        time.seconds += 0.34


def test_after_a_refusal_nothing_begins_for_a_moment() -> None:
    time = _Time()
    limit = RateLimit(3, time, RequestPriority(), period=1.0)
    limit.back_off()

    assert _begun(limit, time, 4) == [0.25, 0.25, 0.25, 1.25]


def test_a_refusal_also_delays_who_waits_already() -> None:
    time = _Time()
    limit = RateLimit(1, time, RequestPriority(), period=0.2)
    limit.wait()
    time.on_sleep.append(limit.back_off)

    assert _begun(limit, time, 2) == [0.25, 0.45]


def test_threads_share_a_limit() -> None:
    period = 0.2
    limit = RateLimit(5, SystemClock(RunnerCancelling()), RequestPriority(), period=period)
    begun: list[float] = []

    def call() -> None:
        limit.wait()
        begun.append(time.monotonic())

    threads = [Thread(target=call) for _ in range(20)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(moment >= start + index // 5 * period for index, moment in enumerate(sorted(begun)))
    assert max(begun) < start + 4 * period + 0.5


def test_of_equals_who_has_waited_longer_comes_first() -> None:
    with _queue(period=0.2) as (queue, _):
        for name in "abcde":
            queue.join(name)

    assert queue.begun == list("abcde")


def test_who_takes_back_what_serves_comes_first_and_then_who_takes_back_other_things() -> None:
    with _queue(period=0.2) as (queue, clock):
        queue.join("one")
        queue.join("code", clock.reverting(first=False))
        queue.join("two")
        queue.join("alias", clock.reverting())

    assert queue.begun == ["alias", "code", "one", "two"]


def test_of_a_cancelled_run_all_give_up_and_take_no_turn_from_who_takes_something_back() -> None:
    period = 0.2
    with _queue(period=period) as (queue, clock):
        for number in range(50):
            queue.join(f"function {number}")
        start = time.monotonic()
        clock.cancel()
        queue.join("reverting", clock.reverting())
        queue.join("reverting too", clock.reverting())

    assert time.monotonic() - start < 2 * period + 1
    assert queue.begun == ["reverting", "reverting too"]
    assert len(queue.cancelled) == 50


def test_a_turn_that_nobody_takes_is_the_next_ones() -> None:
    time = _Time()
    limit = RateLimit(1, time, RequestPriority(), period=1.0)
    limit.wait()
    time.on_sleep.append(_interrupt)
    with pytest.raises(KeyboardInterrupt):
        limit.wait()

    assert _begun(limit, time, 2) == [1, 2]


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("service", "operation", "shares_with"),
    [
        ("lambda", "UpdateFunctionCode", "PublishVersion"),
        ("lambda", "ListVersionsByFunction", "UpdateAlias"),
    ],
)
def test_most_of_lambdas_control_plane_shares_one_limit(service: str, operation: str, shares_with: str) -> None:
    limits = RateLimits(SystemClock(RunnerCancelling()), RequestPriority())

    assert limits.of(service, operation) is limits.of(service, shares_with)


def test_what_aws_limits_on_its_own_is_counted_on_its_own() -> None:
    limits = RateLimits(SystemClock(RunnerCancelling()), RequestPriority())
    names = [
        ("lambda", "UpdateAlias"),
        ("lambda", "GetFunction"),
        ("lambda", "GetPolicy"),
        ("ecr", "PutImage"),
        ("cloudwatch", "DescribeAlarms"),
    ]

    assert len({limits.of(*name) for name in names} - {None}) == len(names)


@pytest.mark.parametrize("name", [("lambda", "Invoke"), ("ecr", "BatchGetImage")])
def test_what_nobody_comes_near_is_not_counted(name: tuple[str, str]) -> None:
    assert RateLimits(SystemClock(RunnerCancelling()), RequestPriority()).of(*name) is None


def test_who_takes_something_back_within_something_else_that_does_leaves_its_rank() -> None:
    priority = RequestPriority()
    ranks = [priority.rank]
    with priority.raised(is_urgent=False):
        ranks.append(priority.rank)
        with priority.raised(is_urgent=True):
            ranks.append(priority.rank)
        ranks.append(priority.rank)
    ranks.append(priority.rank)

    assert ranks == [2, 1, 0, 1, 2]
