from itertools import pairwise
from math import inf

import pytest

from ecr_lambda_deploy.functions.waits import wait_until_allocated, wait_until_updated
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import AliasState, FunctionState, Status
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from tests.unit.fakes.clock import FakeClock
from tests.unit.fakes.examples import alias_state, function_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.log import FakeLog
from tests.unit.fakes.world import World, release_image

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
    assert len(lines) == 4  # one every 15 seconds
    assert all("orders-api" in line and "LastUpdateStatus InProgress" in line for line in lines)


# Provisioned concurrency: while it moves, Lambda has weights of its own on the alias.


def _world() -> World:
    return World(functions=FakeFunctions(versions=[version_state("6"), version_state("7")]), alias=alias_state("6"))


def _allocated(world: World, alias: AliasState, weights: dict[str, float], *, timeout: float = 60) -> AliasState:
    return wait_until_allocated(
        "orders-api", alias, weights, aliases=world.aliases, clock=world.clock, log=world.log, timeout=timeout
    )


def _moved(world: World, *, weights: dict[str, float] | None = None) -> AliasState:
    return world.aliases.point("orders-api", world.live, version="7", weights=weights or {}, description="moved")


@pytest.mark.parametrize("weights", [{}, {"6": 0.9}])
def test_an_alias_with_the_right_weights_needs_no_wait(weights: dict[str, float]) -> None:
    world = _world()
    alias = _moved(world, weights=weights)

    assert _allocated(world, alias, weights) is alias
    assert "is_allocating" not in world.functions.calls


@pytest.mark.parametrize("seconds", [2, 10])
def test_weights_of_lambda_s_own_are_waited_for(seconds: int) -> None:
    world = _world()
    world.aliases.seconds_to_move = seconds
    moved = _allocated(world, _moved(world), {})

    assert (moved.weights, moved) == ({}, world.live)
    assert world.clock.now() - 1000 == pytest.approx(seconds)


@pytest.mark.parametrize("seconds", [1, 9])
def test_weights_that_stay_although_allocation_has_ended_are_a_failure(seconds: float) -> None:
    world = _world()
    world.aliases.seconds_to_move, world.aliases.is_given_up = seconds, True

    with pytest.raises(DeployError, match=r"Lambda has not moved the provisioned concurrency of .*:live") as caught:
        _allocated(world, _moved(world), {})

    assert "--function-name orders-api --qualifier live" in caught.value.hint
    assert world.live.weights == {"6": 0.9}


def test_weights_that_stay_are_a_failure_even_if_allocation_has_ended_by_the_first_read() -> None:
    world = _world()
    world.aliases.seconds_to_move, world.aliases.is_given_up = 1, True
    alias = _moved(world)
    world.clock.pass_time(1)
    assert not world.aliases.is_allocating("orders-api", "live")

    with pytest.raises(DeployError, match="Lambda has not moved the provisioned concurrency"):
        _allocated(world, alias, {})


def test_weights_that_are_gone_by_the_first_read_are_not_reported() -> None:
    world = _world()
    world.aliases.seconds_to_move = 1
    alias = _moved(world)
    world.clock.pass_time(1)

    assert _allocated(world, alias, {}).weights == {}


def test_a_release_whose_provisioned_concurrency_does_not_move_is_taken_back() -> None:
    world = _world()
    world.aliases.seconds_to_move, world.aliases.is_given_up = 5, True

    def move_at_once() -> None:
        world.aliases.seconds_to_move = 0

    world.functions.before["point_alias", "6"] = move_at_once
    outcome = release_image(world)

    assert "Lambda has not moved the provisioned concurrency" in str(outcome.error)
    assert "somebody else" not in str(outcome.error)
    assert (outcome.status, outcome.is_changed) == (ReleaseStatus.REVERTED, False)
    assert (world.live.version, world.live.weights) == ("6", {})
