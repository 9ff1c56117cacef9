from itertools import pairwise
from math import inf

import pytest

from ecr_lambda_deploy.functions.waits import wait_until_updated
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import FunctionState, Status
from tests.unit.fakes.clock import FakeClock
from tests.unit.fakes.examples import function_state
from tests.unit.fakes.log import FakeLog

_IN_PROGRESS = function_state(update=Status(value="InProgress"))
_UPDATED = function_state()


def _wait(
    clock: FakeClock,
    log: FakeLog | None = None,
    *,
    seconds: float = inf,
    state: FunctionState = _IN_PROGRESS,
    end: FunctionState = _UPDATED,
    timeout: float = 600,
) -> FunctionState:
    """Wait for a function that is in one state for some seconds, and in another one then."""
    until = clock.now() + seconds

    def read() -> FunctionState:
        return end if clock.now() >= until else state

    return wait_until_updated(read, clock=clock, log=log or FakeLog(), timeout=timeout)


def test_it_does_not_wait_for_a_function_that_is_not_busy() -> None:
    clock = FakeClock()

    assert _wait(clock, seconds=0) is _UPDATED
    assert clock.naps == []


@pytest.mark.parametrize("state", [_IN_PROGRESS, function_state(state=Status(value="Pending"))])
def test_it_reads_until_lambda_has_finished(state: FunctionState) -> None:
    clock = FakeClock()

    assert _wait(clock, state=state, seconds=0.2) is _UPDATED
    assert len(clock.naps) == 2


def test_a_failed_update_has_finished_too() -> None:
    failed = function_state(update=Status(value="Failed"))

    assert _wait(FakeClock(), seconds=1, end=failed) is failed


def test_it_is_quick_at_first_and_then_takes_its_time() -> None:
    clock = FakeClock()
    _wait(clock, seconds=60)

    assert clock.naps[0] <= 0.1
    assert sum(clock.naps[:4]) < 1
    assert all(earlier <= later for earlier, later in pairwise(clock.naps))
    assert clock.naps[-1] == 2


@pytest.mark.parametrize("timeout", [1, 7.5, 600])
def test_it_ends_exactly_at_the_deadline(timeout: float) -> None:
    clock = FakeClock()
    started = clock.now()

    with pytest.raises(DeployError, match="has not finished updating") as caught:
        _wait(clock, timeout=timeout)

    assert clock.now() - started == pytest.approx(timeout)
    assert "State Active, LastUpdateStatus InProgress" in caught.value.message
    assert "'wait-timeout'" in caught.value.hint


def test_an_update_that_finishes_at_the_deadline_is_in_time() -> None:
    assert _wait(FakeClock(), seconds=3, timeout=3) is _UPDATED


def test_a_short_wait_is_silent_and_a_long_one_is_not() -> None:
    clock, log = FakeClock(), FakeLog()
    _wait(clock, log, seconds=4)
    assert log.lines == []

    with pytest.raises(DeployError):
        _wait(clock, log, timeout=62)

    lines = log.of_kind("info")
    assert len(lines) == 1  # after 15 seconds, and then one a minute
    assert all("LastUpdateStatus InProgress" in line for line in lines)
