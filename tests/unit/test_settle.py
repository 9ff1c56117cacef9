from collections.abc import Iterator
from itertools import chain, pairwise, repeat

import pytest

from ecr_lambda_deploy.errors import DeployError
from ecr_lambda_deploy.function_model import FunctionState, Status
from ecr_lambda_deploy.settle import wait_until_settled
from tests.unit.examples import function_state
from tests.unit.ports_in_memory import FakeClock, FakeLog

_IN_PROGRESS = function_state(update=Status(value="InProgress"))
_SETTLED = function_state()


def _wait(states: Iterator[FunctionState], clock: FakeClock, log: FakeLog, *, timeout: float = 600) -> FunctionState:
    return wait_until_settled(lambda: next(states), clock=clock, log=log, timeout=timeout)


def test_what_has_settled_is_not_waited_for() -> None:
    clock = FakeClock()

    assert _wait(iter([_SETTLED]), clock, FakeLog()) is _SETTLED
    assert clock.naps == []


@pytest.mark.parametrize("state", [_IN_PROGRESS, function_state(state=Status(value="Pending"))])
def test_it_reads_until_lambda_has_settled(state: FunctionState) -> None:
    clock = FakeClock()

    assert _wait(iter([state, state, _SETTLED]), clock, FakeLog()) is _SETTLED
    assert len(clock.naps) == 2


def test_a_failure_settles_too() -> None:
    failed = function_state(update=Status(value="Failed"))

    assert _wait(iter([_IN_PROGRESS, failed]), FakeClock(), FakeLog()) is failed


def test_it_is_quick_at_first_and_then_takes_its_time() -> None:
    clock = FakeClock()
    _wait(chain(repeat(_IN_PROGRESS, 40), [_SETTLED]), clock, FakeLog())

    assert clock.naps[0] <= 0.1
    assert sum(clock.naps[:4]) < 1
    assert all(earlier <= later for earlier, later in pairwise(clock.naps))
    assert clock.naps[-1] == 2


@pytest.mark.parametrize("timeout", [1, 7.5, 600])
def test_it_ends_exactly_at_the_deadline(timeout: float) -> None:
    clock = FakeClock()
    started = clock.now()

    with pytest.raises(DeployError, match="has not settled") as caught:
        _wait(repeat(_IN_PROGRESS), clock, FakeLog(), timeout=timeout)

    assert clock.now() - started == pytest.approx(timeout)
    assert "State Active, LastUpdateStatus InProgress" in caught.value.message
    assert "'wait-timeout'" in caught.value.hint


def test_what_settles_at_the_deadline_is_in_time() -> None:
    clock = FakeClock()
    started = clock.now()

    def read() -> FunctionState:
        return _SETTLED if clock.now() - started >= 3 else _IN_PROGRESS

    assert wait_until_settled(read, clock=clock, log=FakeLog(), timeout=3) is _SETTLED


def test_a_short_wait_is_silent_and_a_long_one_is_not() -> None:
    clock, log = FakeClock(), FakeLog()
    _wait(chain(repeat(_IN_PROGRESS, 10), [_SETTLED]), clock, log)
    assert log.lines == []

    with pytest.raises(DeployError):
        _wait(repeat(_IN_PROGRESS), clock, log, timeout=62)

    lines = log.of_kind("info")
    assert len(lines) == 4  # one every 15 seconds
    assert all("orders-api" in line and "LastUpdateStatus InProgress" in line for line in lines)
