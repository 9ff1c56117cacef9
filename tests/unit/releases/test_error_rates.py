"""A canary is judged by its failed invocations, against those of the version before over the same minutes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from ecr_lambda_deploy.model.error_rates import ErrorRates, InvocationCounts
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import TrafficStep
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_SPLIT, _WATCHED = TrafficStep(weight=0.1, seconds=300), TrafficStep(weight=1, seconds=300)
_TARGET = replace(LIVE, traffic=(_SPLIT,), max_error_rate=0.01)
_SHIFTED, _MOVED = ("point_alias", "7", "8=0.1"), ("point_alias", "8")


def _world() -> World:
    return World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7", description="before"))


def _release(
    *happens: tuple[float, Callable[[World], object]],
    world: World | None = None,
    traffic: tuple[TrafficStep, ...] = (_SPLIT,),
    after: tuple[str, ...] = _SHIFTED,
) -> tuple[World, Outcome]:
    """Release while things happen, each so many seconds after the traffic has begun to shift."""
    world = world or _world()
    several = world

    def begin() -> None:
        for seconds, happen in happens:
            several.clock.later(seconds, lambda happen=happen: happen(several))  # type: ignore[misc]

    world.functions.after[after] = begin
    return world, release_image(world, replace(_TARGET, traffic=traffic))


def _counts(version: str, invocations: int, errors: int, *, minutes_ago: int = 0) -> Callable[[World], object]:
    return lambda world: world.metrics.count(version, invocations, errors, minutes_ago=minutes_ago)


def _counted(invocations: int, errors: int) -> InvocationCounts:
    return InvocationCounts(invocations=invocations, errors=errors)


def test_a_version_that_fails_more_often_ends_the_release_and_both_rates_are_told() -> None:
    world, outcome = _release((60, _counts("7", 400, 1)), (60, _counts("8", 40, 5)))

    assert (outcome.status, world.live.version, world.live.weights) == (ReleaseStatus.REVERTED, "7", {})
    rates = "version 8 fails in 5 of 40 invocations (12.5 %), version 7 in 1 of 400 (0.25 %)"
    assert str(outcome.error).startswith(f"The error rate is above 1 %: {rates}.")
    assert outcome.error is not None
    assert "'max-error-rate'" in outcome.error.hint
    assert outcome.error_rates == ErrorRates(
        limit=0.01, new_version="8", new=_counted(40, 5), old_version="7", old=_counted(400, 1)
    )
    assert outcome.traffic[0].seconds == pytest.approx(60, abs=5)


def test_cloudwatch_is_asked_each_half_minute_and_at_the_end_of_a_step() -> None:
    world, outcome = _release()

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert world.functions.calls.count("metrics") == 10
    world, outcome = _release(traffic=(replace(_SPLIT, seconds=20),))
    assert world.functions.calls.count("metrics") == 1


@pytest.mark.parametrize(
    ("new", "old", "is_released"),
    [
        ((20, 2), (1000, 1), False),
        ((19, 19), (1000, 1), True),  # too few invocations
        ((40, 1), (1000, 0), True),  # too few errors
        ((200, 2), (1000, 0), True),  # at the limit
        ((199, 2), (1000, 0), False),
        ((40, 20), (10, 5), True),  # as bad as before
        ((40, 20), (10, 6), True),
        ((40, 21), (10, 5), False),
        ((40, 20), None, False),  # the version before has had nothing
        (None, (1000, 500), True),
    ],
)
def test_a_release_ends_above_the_limit_unless_the_version_before_is_as_bad(
    new: tuple[int, int] | None, old: tuple[int, int] | None, is_released: bool
) -> None:
    happens = [(60, _counts(version, *one)) for version, one in (("8", new), ("7", old)) if one]
    _, outcome = _release(*happens)

    assert outcome.status is (ReleaseStatus.DEPLOYED if is_released else ReleaseStatus.REVERTED)


def test_the_counts_of_all_minutes_count_and_none_of_before() -> None:
    _, outcome = _release(
        (0, _counts("8", 500, 500, minutes_ago=1)),
        (0, _counts("7", 500, 500, minutes_ago=1)),
        (60, _counts("8", 10, 1)),
        (60, _counts("7", 100, 0)),
        (120, _counts("7", 100, 0)),
        (200, _counts("8", 10, 1, minutes_ago=2)),
    )

    assert outcome.error_rates is not None
    assert (outcome.error_rates.new, outcome.error_rates.old) == (_counted(20, 2), _counted(200, 0))
    assert outcome.traffic[0].seconds == pytest.approx(210, abs=5)


def test_what_the_version_before_had_of_the_same_minutes_is_waited_for() -> None:
    late = (_counts("8", 100, 50), _counts("7", 100, 60, minutes_ago=1))
    _, outcome = _release((65, late[0]), (125, late[1]))
    assert outcome.status is ReleaseStatus.DEPLOYED

    _, never = _release((65, late[0]))
    assert never.status is ReleaseStatus.REVERTED
    assert 200 < never.traffic[0].seconds < 300

    _, at_the_end = _release((10, late[0]), traffic=(replace(_SPLIT, seconds=30),))
    assert at_the_end.status is ReleaseStatus.REVERTED


def test_minutes_of_before_the_move_are_waited_for_after_it() -> None:
    _, outcome = _release(
        (310, _counts("8", 100, 50, minutes_ago=1)),
        (340, _counts("7", 100, 60, minutes_ago=2)),
        traffic=(_SPLIT, _WATCHED),
    )
    assert outcome.status is ReleaseStatus.DEPLOYED


def test_what_comes_too_late_ends_nothing() -> None:
    world, outcome = _release((301, _counts("8", 100, 100)))

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert outcome.error_rates is not None
    assert outcome.error_rates.new == _counted(0, 0)
    over = "step 1 of 1: over after 300 s; CloudWatch has no invocations of version 8 yet"
    assert f"orders-api: {over}" in world.log.of_kind("info")


def test_the_log_has_both_rates_where_it_has_the_alarms() -> None:
    world = _world()
    world.alarms.there = {"errors": "OK"}
    _release((30, _counts("8", 100, 0)), (30, _counts("7", 1234, 5)), world=world)

    rates = "version 8 fails in 0 of 100 invocations (0 %), version 7 in 5 of 1,234 (0.405 %)"
    for line in ("step 1 of 1: 240 s left", "step 1 of 1: over after 300 s"):
        assert f"orders-api: {line}; {rates}" in world.log.of_kind("info")


@pytest.mark.parametrize("is_counted_by_version", [True, False])
def test_with_all_the_traffic_everything_counts_that_the_alias_serves(is_counted_by_version: bool) -> None:
    """An alias without weights has metrics without the version, and perhaps with it, too."""

    def serve(world: World) -> None:
        world.metrics.count("", 100, 10)
        if is_counted_by_version:
            world.metrics.count("8", 100, 10)

    world, outcome = _release((70, serve), traffic=(_WATCHED,), after=_MOVED)
    assert (outcome.status, world.live.version) == (ReleaseStatus.REVERTED, "7")
    assert outcome.error_rates is not None
    assert outcome.error_rates.new == _counted(100, 10)


def test_what_the_alias_served_in_the_minute_of_its_move_may_be_of_the_version_before() -> None:
    _, outcome = _release((1, _counts("", 100, 100)), traffic=(_WATCHED,), after=_MOVED)

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert outcome.error_rates is not None
    assert outcome.error_rates.new == _counted(0, 0)


def test_what_was_counted_before_the_move_counts_on_after_it() -> None:
    _, outcome = _release(
        (60, _counts("8", 19, 1)),
        (60, _counts("7", 19, 0)),
        (60, _counts("", 38, 1)),
        (400, _counts("", 5, 2)),
        traffic=(_SPLIT, _WATCHED),
    )

    assert outcome.status is ReleaseStatus.REVERTED
    assert outcome.error_rates is not None
    assert (outcome.error_rates.new, outcome.error_rates.old) == (_counted(24, 3), _counted(19, 0))
    assert [part.weight for part in outcome.traffic] == [0.1, 1]


def test_what_may_not_be_read_is_found_before_anything_changes() -> None:
    world = _world()
    world.functions.before["check_may_read_metrics"] = raising(DeployError("not authorized", "Allow it"))
    outcome = release_image(world, _TARGET)

    assert (outcome.status, world.functions.changes) == (ReleaseStatus.FAILED, [])


def test_metrics_that_can_no_longer_be_read_end_the_release() -> None:
    world = _world()
    world.functions.before["metrics"] = raising(DeployError("Rate exceeded"))
    _, outcome = _release(world=world)

    assert (outcome.status, world.live.version) == (ReleaseStatus.REVERTED, "7")
    assert "Rate exceeded" in str(outcome.error)


def test_without_a_limit_nothing_is_asked() -> None:
    world = _world()
    outcome = release_image(world, replace(_TARGET, max_error_rate=None))

    assert outcome.error_rates is None
    assert not {"metrics", "check_may_read_metrics"} & set(world.functions.calls)


def test_a_function_that_is_as_wanted_asks_nothing() -> None:
    world = _world()
    release_image(world, _TARGET)
    world.next_run()

    assert release_image(world, _TARGET).status is ReleaseStatus.UNCHANGED
    assert not {"metrics", "check_may_read_metrics"} & set(world.functions.calls)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ((16, 16), "version 8 fails in 16 of 16 invocations (100 %), too few to judge, version 7 in 0 of 31 (0 %)"),
        ((0, 0), "CloudWatch has no invocations of version 8 yet"),
        ((20, 0), ""),
    ],
)
def test_a_rate_of_few_invocations_is_not_passed_over_in_silence(counts: tuple[int, int], words: str) -> None:
    happens = [(60.0, _counts("7", 31, 0)), *([(60.0, _counts("8", *counts))] if counts[0] else [])]
    world, outcome = _release(*happens)

    told = [line for line in world.log.of_kind("warning") if "was not judged" in line]
    assert outcome.status is ReleaseStatus.DEPLOYED
    assert len(told) == bool(words)
    assert all(f"The error rate of orders-api was not judged: {words}." in line for line in told)
