"""Aliases with provisioned concurrency: Lambda moves it after the alias, and gives the version before all traffic."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import DeployError, UnsentError
from ecr_lambda_deploy.model.functions import UNKNOWN
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import EarlierRelease, FunctionTarget, Mode, TrafficStep
from ecr_lambda_deploy.rollback.rollback import roll_back
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import NEW, OLD, READY, SOMEBODY_ELSES, alias_state, function_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.world import LIVE, World, image_target, release_image

_PATIENT = replace(LIVE, wait_timeout=600)
_CANARY = replace(_PATIENT, traffic=(TrafficStep(weight=0.1, seconds=10), TrafficStep(weight=0.5, seconds=10)))
_ALIAS_IS_BACK = "The alias live points to version 7 again, with all its traffic."
_CODE_IS_BACK = f"$LATEST runs {OLD} again."
_MOVES_BACK = "Lambda moves its provisioned concurrency back first, which may take minutes."


def _world(seconds: float = 300) -> World:
    """Return a world whose version 7 serves, with provisioned concurrency that takes some time to move."""
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7", description="before"))
    world.aliases.concurrency_status, world.aliases.seconds_to_move = READY, seconds
    return world


def _lines(outcome_error: DeployError | None) -> list[str]:
    assert outcome_error is not None
    return outcome_error.message.splitlines()


def test_a_release_ends_when_the_alias_serves_the_new_version() -> None:
    world = _world()
    outcome = release_image(world, _PATIENT)

    assert (outcome.status, outcome.error) == (ReleaseStatus.DEPLOYED, None)
    assert (world.live.version, world.live.weights) == ("8", {})
    assert outcome.after.alias == world.live
    assert 300 <= outcome.seconds < 311
    lines = [line for line in world.log.of_kind("info") if "waiting for the provisioned concurrency" in line]
    assert len(lines) == 5  # one a minute
    assert all(line.endswith(" live: IN_PROGRESS; the version before serves") for line in lines)
    assert len([nap for nap in world.clock.naps if nap > 0]) < 40


def test_concurrency_that_has_moved_by_the_first_look_costs_no_time() -> None:
    world = _world(seconds=0)
    outcome = release_image(world)

    assert (outcome.status, outcome.seconds < 1) == (ReleaseStatus.DEPLOYED, True)
    assert world.functions.calls.count("read_alias") == 1


def test_without_any_one_request_is_made_beside_another_and_nothing_is_read_after_the_move() -> None:
    world = _world()
    world.aliases.concurrency_status = None
    outcome = release_image(world)

    assert (outcome.status, world.functions.calls[-1]) == (ReleaseStatus.DEPLOYED, "point_alias")
    assert world.functions.calls.count("concurrency") == 1


def test_a_new_alias_and_a_new_description_need_no_answer() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    release_image(world)
    assert world.functions.calls[-1] == "create_alias"

    world.next_run()
    world.functions.latest = function_state(image=OLD)  # the alias serves the image that is wanted
    release_image(world)
    assert world.functions.calls[-1] == "point_alias"

    assert "concurrency" not in world.functions.calls


def test_a_status_that_is_ahead_of_the_alias_is_waited_for() -> None:
    """GetAlias may not show the weight yet, when Lambda has accepted the move."""
    world = _world()
    world.functions.after["point_alias", "8"] = lambda: world.aliases.put(replace(world.live, weights={}))
    outcome = release_image(world, _PATIENT)

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert outcome.seconds >= 300


@pytest.mark.parametrize("seconds", [0, 300])
def test_where_the_status_may_not_be_read_the_alias_alone_tells(seconds: float) -> None:
    world = _world(seconds)
    world.functions.whenever["concurrency"] = lambda: setattr(world.aliases, "concurrency_status", UNKNOWN)
    world.functions.before["point_alias", "8"] = lambda: setattr(world.aliases, "concurrency_status", READY)
    outcome = release_image(world, _PATIENT)

    assert (outcome.status, outcome.seconds >= seconds) == (ReleaseStatus.DEPLOYED, True)
    assert world.functions.calls.count("concurrency") == 1


@pytest.mark.parametrize("error", [DeployError("no network"), UnsentError()])
def test_a_status_that_cannot_be_read_ends_the_release_before_the_alias_moves(error: DeployError) -> None:
    world = _world()
    world.functions.refusals["concurrency"] = error
    outcome = release_image(world)

    assert _lines(outcome.error) == [error.message, _CODE_IS_BACK]
    assert world.live.version == "7"
    assert "point_alias" not in world.functions.calls


# What ends the wait.


def _check_taken_back(world: World) -> None:
    assert (world.live.version, world.live.weights, world.live.description) == ("7", {}, "before")
    assert world.functions.latest.image == OLD


def test_a_move_that_lambda_gives_up_ends_the_release_with_lambda_s_reason() -> None:
    world = _world()
    world.aliases.failure_to_move = "FUNCTION_ERROR_INIT_FAILURE"
    outcome = release_image(world, _PATIENT)

    message, *reverted = _lines(outcome.error)
    assert "could not move the provisioned concurrency of " in message
    assert message.endswith(":live to version 8: FAILED (FUNCTION_ERROR_INIT_FAILURE). The version before serves.")
    assert "get-provisioned-concurrency-config --function-name orders-api --qualifier live" in str(outcome.error)
    assert reverted == [_ALIAS_IS_BACK, _CODE_IS_BACK]
    assert outcome.status is ReleaseStatus.REVERTED
    _check_taken_back(world)


def test_a_move_that_takes_too_long_ends_the_release() -> None:
    world = _world(10_000)
    outcome = release_image(world)

    message, *reverted = _lines(outcome.error)
    assert message.endswith(":live to version 8 within 60 s: IN_PROGRESS. The version before serves.")
    assert "'wait-timeout'" in str(outcome.error)
    assert reverted == [_ALIAS_IS_BACK, _CODE_IS_BACK]
    assert 60 <= outcome.seconds < 62
    _check_taken_back(world)


def test_a_run_that_is_cancelled_meanwhile_takes_the_alias_back_at_once() -> None:
    world = _world()
    world.functions.after["point_alias", "8"] = lambda: setattr(world.clock, "cancelled_at", world.clock.now() + 20)
    outcome = release_image(world, _PATIENT)

    assert outcome.status is ReleaseStatus.REVERTED
    assert _lines(outcome.error)[1:] == [_ALIAS_IS_BACK, _CODE_IS_BACK, _MOVES_BACK]
    assert outcome.seconds < 22
    _check_taken_back(world)


def test_an_alias_that_somebody_else_moves_meanwhile_stays() -> None:
    world = _world()
    world.functions.published = {"6": version_state("6", SOMEBODY_ELSES), **world.functions.published}
    by_hand = alias_state("6", description="by hand")
    world.functions.after["point_alias", "8"] = lambda: world.clock.later(20, lambda: world.aliases.put(by_hand))
    outcome = release_image(world, _PATIENT)

    assert (world.live.version, world.live.description) == ("6", "by hand")
    assert "The alias live of orders-api was moved by somebody else meanwhile" in str(outcome.error)
    assert (outcome.after.version, outcome.after.image) == ("6", SOMEBODY_ELSES)
    assert outcome.seconds < 40


def test_on_failure_keep_leaves_the_move_to_lambda() -> None:
    world = _world(100)
    outcome = release_image(world, replace(LIVE, reverts=False))
    assert outcome.status is ReleaseStatus.FAILED
    assert (world.live.version, world.live.weights) == ("8", {"7": 1.0})

    world.clock.pass_time(100)
    assert world.live.weights == {}


# A canary, and what comes after the move.


def test_the_shares_of_a_canary_move_no_concurrency_and_the_last_step_does() -> None:
    world = _world()
    outcome = release_image(world, _CANARY)

    assert world.functions.changes[-3:] == [
        ("point_alias", "7", "8=0.1"),
        ("point_alias", "7", "8=0.5"),
        ("point_alias", "8"),
    ]
    assert outcome.status is ReleaseStatus.DEPLOYED
    assert 320 <= outcome.seconds < 335
    assert world.functions.calls.index("read_alias") > world.functions.calls.index("point_alias") + 2


def test_a_weight_that_a_move_has_left_is_cleared_and_waited_for() -> None:
    world = _world()
    world.aliases.failure_to_move = "no room"
    release_image(world, replace(LIVE, reverts=False, wait_timeout=600))
    assert (world.live.version, world.live.weights) == ("8", {"7": 1.0})

    world.next_run()
    world.aliases.failure_to_move = ""
    outcome = release_image(world, _PATIENT)
    assert world.functions.changes == [("point_alias", "8")]
    assert (outcome.error, world.live.weights) == (None, {})
    assert outcome.seconds >= 300


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_an_alias_that_goes_back_is_waited_for_unless_the_run_is_cancelled(*, is_cancelled: bool) -> None:
    """The concurrency has moved to version 8 when the release fails, so that serves until it has moved back."""
    world = _world(seconds=0)
    world.functions.after["point_alias", "8"] = lambda: setattr(world.aliases, "seconds_to_move", 300)

    def fail() -> None:
        world.functions.before["read_alias"] = world.clock.cancel if is_cancelled else raising(DeployError("no luck"))

    world.functions.before["point_alias", "8"] = fail
    outcome = release_image(world, _PATIENT)

    lines = [_ALIAS_IS_BACK, _CODE_IS_BACK]
    assert _lines(outcome.error)[1:] == ([*lines, _MOVES_BACK] if is_cancelled else lines)
    assert outcome.status is ReleaseStatus.REVERTED
    assert world.functions.latest.image == OLD
    assert (world.live.version, world.live.weights) == ("7", {"8": 1.0} if is_cancelled else {})
    assert (outcome.seconds < 2) is is_cancelled


def test_an_alias_that_cannot_serve_its_old_version_again_is_told() -> None:
    world = _world(seconds=0)
    world.functions.after["point_alias", "8"] = lambda: setattr(world.aliases, "seconds_to_move", 300)
    world.functions.before["read_alias"] = raising(DeployError("no luck"))
    world.aliases.failure_to_move = "no room"
    outcome = release_image(world, _PATIENT)

    assert _lines(outcome.error)[1:3] == [_ALIAS_IS_BACK, _CODE_IS_BACK]
    assert "Reverting it failed too: Lambda could not move the provisioned concurrency" in str(outcome.error)
    assert "to version 7: FAILED (no room)" in str(outcome.error)
    assert outcome.status is ReleaseStatus.FAILED


# The mode rollback.


def _roll_back(world: World, target: FunctionTarget = _PATIENT) -> None:
    roll_back(
        Inputs(
            mode=Mode.ROLLBACK,
            images=(image_target(EarlierRelease(to="7"), functions=(target,)),),
            region="eu-west-1",
            role=None,
        ),
        world.ports(),
        world.journal,
    )


def _rolled_back_world(seconds: float = 300) -> World:
    """Return a world whose version 8 serves, and is to be left for version 7."""
    functions = FakeFunctions(function_state(image=NEW), versions=[version_state("7"), version_state("8", NEW)])
    world = World(functions=functions, alias=alias_state("8", description="before"))
    world.registry.hold(registry_image(NEW), "new")
    world.aliases.concurrency_status, world.aliases.seconds_to_move = READY, seconds
    return world


def test_a_rollback_ends_when_the_alias_serves_the_old_version() -> None:
    world = _rolled_back_world()
    _roll_back(world)

    assert world.outcome.status is ReleaseStatus.ROLLED_BACK
    assert (world.live.version, world.live.weights, world.functions.latest.image) == ("7", {}, OLD)
    assert world.outcome.seconds >= 300


def test_a_rollback_that_lambda_gives_up_is_taken_back_itself() -> None:
    world = _rolled_back_world()
    world.aliases.failure_to_move = "no room"
    _roll_back(world)

    assert "to version 7: FAILED (no room)" in str(world.outcome.error)
    assert "The alias live points to version 8 again" in str(world.outcome.error)
    assert (world.live.version, world.live.weights, world.functions.latest.image) == ("8", {}, NEW)


def test_a_rollback_that_takes_long_is_left_to_lambda() -> None:
    world = _rolled_back_world()
    _roll_back(world, LIVE)

    assert "within 60 s: IN_PROGRESS" in str(world.outcome.error)
    assert "The alias live stays at version 7: what was rolled back stays so." in str(world.outcome.error)
    assert world.live.version == "7"
