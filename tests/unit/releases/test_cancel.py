"""A run that is cancelled, at each of its calls to Lambda and while it waits."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError, UnsentError
from ecr_lambda_deploy.model.functions import LATEST
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget, SmokeTest, TrafficStep
from tests.unit.fakes.clock import Level
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import NEW, OLD, RUN, alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_EVERYTHING = replace(
    LIVE,
    smoke_test=SmokeTest(event="{}"),
    traffic=(TrafficStep(weight=0.1, seconds=6), TrafficStep(weight=0.5, seconds=6), TrafficStep(weight=1, seconds=6)),
    alarms=("errors",),
)


def _world() -> World:
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7", description="before"))
    world.alarms.there = {"errors": "OK"}
    world.functions.seconds_to_update = 0.2  # seen by two reads
    return world


def _calls(target: FunctionTarget) -> list[tuple[str, int]]:
    """Return each call of a release with its number."""
    world = _world()
    release_image(world, target)
    names = world.functions.calls
    return [(name, names[: index + 1].count(name)) for index, name in enumerate(names)]


_CALLS = _calls(_EVERYTHING)
_WRITES = _CALLS.index(("update_code", 1))


def test_there_are_calls_to_cancel_at() -> None:
    assert {name for name, _ in _CALLS} == {
        "check_may_publish",
        "check_may_point",
        "update_code",
        "read",
        "invoke",
        "publish_version",
        "concurrency",
        "point_alias",
        "alarms",
    }


def _check_outcome(world: World, outcome: Outcome) -> None:
    assert outcome.after.latest is not None
    assert outcome.after.latest.image == world.functions.latest.image
    assert outcome.after.alias is not None
    assert (outcome.after.alias.version, outcome.after.weights) == (world.live.version, world.live.weights)


@pytest.mark.parametrize("call", _CALLS, ids=lambda call: f"{call[0]} {call[1]}")
def test_a_release_that_is_cancelled_leaves_everything_as_it_was(call: tuple[str, int]) -> None:
    world = _world()
    world.functions.before[call] = world.clock.cancel
    outcome = release_image(world, _EVERYTHING)

    assert (world.live.version, world.live.weights, world.live.description) == ("7", {}, "before")
    assert world.functions.latest.image == OLD
    is_written = _CALLS.index(call) >= _WRITES
    assert outcome.status is (ReleaseStatus.REVERTED if is_written else ReleaseStatus.FAILED)
    assert "The run was cancelled." in str(outcome.error)
    assert (outcome.is_changed, outcome.recovery) == (False, ())
    assert outcome.before.latest is not None
    _check_outcome(world, outcome)


@pytest.mark.parametrize("call", _CALLS[_CALLS.index(("read", 1)) :], ids=lambda call: f"{call[0]} {call[1]}")
def test_the_next_run_converges_whenever_this_one_was_killed(call: tuple[str, int]) -> None:
    world = _world()

    def kill() -> None:
        raise KeyboardInterrupt

    world.functions.before[call] = kill
    with pytest.raises(KeyboardInterrupt):
        release_image(world, _EVERYTHING)
    world.next_run(replace(RUN, attempt="2"))
    outcome = release_image(world, _EVERYTHING)

    assert outcome.status in {ReleaseStatus.DEPLOYED, ReleaseStatus.UNCHANGED}
    assert outcome.after.image == NEW
    assert world.live.weights == {}
    serving = world.functions.published[world.live.version]
    assert serving.image == NEW
    assert Record.parse(serving.description).previous == "7"


@pytest.mark.parametrize("call", _CALLS, ids=lambda call: f"{call[0]} {call[1]}")
def test_the_outcome_at_each_call_is_what_lambda_has(call: tuple[str, int]) -> None:
    """A run that is not gone in time writes what the journal has then."""
    world = _world()
    recorded: list[tuple[str, dict[str, float]]] = []
    there: list[tuple[str, dict[str, float]]] = []

    def look() -> None:
        after = world.outcome.after
        recorded.append((after.version, dict(after.weights)))
        there.append((world.live.version, dict(world.live.weights)))

    world.functions.before[call] = look
    release_image(world, _EVERYTHING)

    assert recorded == there


@pytest.mark.parametrize("moment", [0.05, 0.5, 3.0, 9.0])
def test_a_run_that_is_cancelled_while_it_waits_ends_at_once(moment: float) -> None:
    world = _world()
    started = world.clock.now()
    world.clock.cancelled_at = started + moment
    outcome = release_image(world, _EVERYTHING)

    assert outcome.status is ReleaseStatus.REVERTED
    assert world.clock.now() - started < moment + 3
    assert (world.live.version, world.live.weights) == ("7", {})
    assert world.functions.latest.image == OLD


def test_a_slow_update_is_waited_for_and_reverted() -> None:
    world = _world()
    world.functions.seconds_to_update = 10
    world.functions.after["update_code"] = lambda: world.clock.later(1, world.clock.cancel)
    outcome = release_image(world, _EVERYTHING)

    assert outcome.status is ReleaseStatus.REVERTED
    assert world.functions.latest.image == OLD


def test_a_run_that_is_cancelled_already_begins_nothing() -> None:
    world = _world()
    world.clock.cancelled_at = world.clock.now()
    outcome = release_image(world, _EVERYTHING)

    assert world.functions.changes == []
    assert (outcome.status, outcome.reason) == (
        ReleaseStatus.SKIPPED,
        "the run was cancelled before this one had begun",
    )
    assert "The run was cancelled." in str(outcome.error)


def test_without_an_alias_the_code_comes_back() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    world.functions.before["publish_version"] = world.clock.cancel
    outcome = release_image(world, FunctionTarget(name="orders-api"))

    assert world.functions.latest.image == OLD
    assert (outcome.status, outcome.after.image) == (ReleaseStatus.REVERTED, OLD)


@pytest.mark.parametrize("move", [("7", "8=0.1"), ("7", "8=0.5"), ("8",)], ids=str)
def test_an_alias_is_put_back_before_any_read(move: tuple[str, ...]) -> None:
    """When many functions revert at once, each further request could leave an alias where it is."""
    world = _world()
    world.functions.before["point_alias", *move] = world.clock.cancel
    release_image(world, _EVERYTHING)
    asked = [request for request, _ in world.functions.requests if request != ("alarms",)]
    alias, *rest = asked[asked.index(("point_alias", *move)) + 1 :]

    assert alias == ("point_alias", "7")
    assert {*rest} == {("update_code", str(OLD)), ("read", LATEST)}
    assert rest[-1] == ("read", LATEST)  # the wait for the update, and nothing else


@pytest.mark.parametrize("call", ["update_code", "point_alias"])
def test_a_request_that_was_never_sent_is_not_looked_for(call: str) -> None:
    world = _world()
    world.functions.before[call] = raising(UnsentError())
    outcome = release_image(world, _EVERYTHING)
    calls = world.functions.calls
    after = calls[calls.index(call) + 1 :]

    assert "The run was cancelled." in str(outcome.error)
    assert (outcome.is_changed, outcome.recovery) == (False, ())
    assert "read_alias" not in after
    if call == "update_code":
        assert (after, outcome.status) == ([], ReleaseStatus.FAILED)
    assert (world.live.version, world.functions.latest.image) == ("7", OLD)


# A revert has priority over other requests, and waits for its turn although the run is cancelled.


def _priorities(world: World) -> dict[tuple[str, ...], Level]:
    """Return with which priority each change was asked for."""
    return {request: priority for request, priority in world.functions.requests if request[0] in _CHANGING}


_CHANGING = {"update_code", "publish_version", "point_alias"}


def test_an_alias_is_put_back_before_code_and_code_before_usual_requests() -> None:
    world = _world()
    world.functions.after["point_alias", "7", "8=0.1"] = world.clock.cancel
    release_image(world, _EVERYTHING)

    assert _priorities(world) == {
        ("update_code", str(NEW)): "usual",
        ("publish_version",): "usual",
        ("point_alias", "7", "8=0.1"): "usual",
        ("point_alias", "7"): "first",
        ("update_code", str(OLD)): "second",
    }
    assert world.functions.requests[-1] == (("read", LATEST), "second")


def test_code_that_serves_without_an_alias_is_put_back_first() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    world.functions.before["publish_version"] = world.clock.cancel
    release_image(world, FunctionTarget(name="orders-api"))

    assert _priorities(world)["update_code", str(OLD)] == "first"


def test_an_alias_that_may_not_have_been_moved_comes_after_those_that_were() -> None:
    world = _world()
    world.functions.after["point_alias", "7", "8=0.1"] = raising(DeployError("the answer is lost"))
    release_image(world, _EVERYTHING)

    assert _priorities(world)["point_alias", "7"] == "second"


def test_cancelling_ends_no_wait_of_a_revert() -> None:
    """The adapters wait with the run's own clock: for their turn, and before they repeat a request."""
    world = _world()
    world.functions.after["point_alias", "7", "8=0.1"] = world.clock.cancel
    world.functions.whenever["point_alias", "7"] = lambda: world.clock.sleep(1)
    world.functions.whenever["update_code", OLD] = lambda: world.clock.sleep(1)
    outcome = release_image(world, _EVERYTHING)

    assert (outcome.status, outcome.recovery) == (ReleaseStatus.REVERTED, ())
    assert (world.live.version, world.live.weights, world.functions.latest.image) == ("7", {}, OLD)
    assert world.priority.level == "usual"
