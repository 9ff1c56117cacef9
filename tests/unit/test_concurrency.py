from collections.abc import Iterator
from threading import Barrier, Event, Lock, Timer

import pytest

from ecr_lambda_deploy.concurrency import beside, for_each, threads
from ecr_lambda_deploy.model.errors import DeployError

_WHOLE_BUDGET = 160


@pytest.fixture
def nothing_free() -> Iterator[None]:
    with threads(_WHOLE_BUDGET):
        yield


class AtWork:
    """Counts concurrent calls."""

    def __init__(self) -> None:
        self._lock, self._now, self.most = Lock(), 0, 0

    def work(self, _: int) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        Event().wait(0.002)
        with self._lock:
            self._now -= 1


def test_results_have_the_order_of_the_items() -> None:
    is_last_done = Event()

    def act(number: int) -> int:
        if number == 2:
            is_last_done.set()
        is_last_done.wait(5)
        return number * 10

    assert for_each((0, 1, 2), act) == (0, 10, 20)


def test_all_calls_are_made_and_all_errors_are_raised_in_order() -> None:
    done = list[int]()

    def act(number: int) -> None:
        done.append(number)
        if number != 1:
            raise DeployError(f"{number} failed")

    with pytest.raises(DeployError) as raised:
        for_each((0, 1, 2), act)

    assert sorted(done) == [0, 1, 2]
    assert str(raised.value) == "0 failed\n\n2 failed"


def test_errors_of_nested_fan_outs_are_raised_once_and_flat() -> None:
    def fail(name: str) -> None:
        raise DeployError(f"{name} failed")

    with pytest.raises(DeployError) as raised:
        for_each((("a", "b"), ("b", "c")), lambda names: for_each(names, fail))

    assert str(raised.value) == "a failed\n\nb failed\n\nc failed"


def test_calls_are_concurrent() -> None:
    everybody = Barrier(5, timeout=5)

    assert for_each(range(5), lambda _: everybody.wait() >= 0) == (True,) * 5


def test_no_more_calls_than_the_limit_are_concurrent() -> None:
    at_work = AtWork()
    for_each(range(40), at_work.work, at_once=3)

    assert at_work.most <= 3


def test_nested_fan_outs_stay_within_the_budget() -> None:
    at_work = AtWork()
    for_each(range(40), lambda _: for_each(range(20), at_work.work), at_once=40)

    assert at_work.most <= _WHOLE_BUDGET


@pytest.mark.usefixtures("nothing_free")
def test_without_a_free_thread_a_fan_out_uses_one() -> None:
    at_work = AtWork()
    for_each(range(5), at_work.work)
    with beside(lambda: "done") as other:
        assert other.result(5) == "done"

    assert at_work.most == 1


def test_threads_return_to_the_budget() -> None:
    for _ in range(3):
        with threads(_WHOLE_BUDGET):
            pass
        with pytest.raises(DeployError):
            for_each((1,), _fail)
    everybody = Barrier(8, timeout=5)

    assert for_each(range(8), lambda _: everybody.wait() >= 0) == (True,) * 8


def test_an_interruption_cancels_tasks_that_have_not_begun() -> None:
    has_begun, may_end, begun = Event(), Event(), list[int]()

    def act(number: int) -> None:
        begun.append(number)
        has_begun.set()
        may_end.wait(5)

    def interrupted() -> None:
        with threads(1) as pool:
            for number in range(3):
                pool.submit(act, number)
            has_begun.wait(5)
            Timer(0.05, may_end.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert begun == [0]


def test_beside_runs_with_the_block_and_ends_with_it() -> None:
    is_met, order = Event(), list[str]()

    def other() -> str:
        assert is_met.wait(5)
        order.append("other")
        return "answer"

    with beside(other) as answer:
        is_met.set()
    order.append("after")

    assert answer.result(0) == "answer"
    assert order == ["other", "after"]


def _fail(_: int) -> None:
    raise DeployError("failed")
