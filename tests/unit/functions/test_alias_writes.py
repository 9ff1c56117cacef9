"""Moves of an alias that somebody else moves at the same time: who may overtake whom."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import InProgressError, RevisionError
from ecr_lambda_deploy.model.functions import AliasState
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import TrafficStep
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import NEW, OLD, RUN, SOMEBODY_ELSES, alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_CANARY = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=10), TrafficStep(weight=0.5, seconds=10)))
_NEWER = str(Record.of(replace(RUN, run_id="12345678909")))
_OLDER = str(Record.of(replace(RUN, run_id="9")))


def _world(alias: AliasState | None = None) -> World:
    """Return a world whose version 7 serves; somebody else moves the alias to version 6."""
    functions = FakeFunctions(versions=[version_state("6", SOMEBODY_ELSES), version_state("7")])
    return World(functions=functions, alias=alias or alias_state("7", description="before"))


def _move(world: World, version: str, description: str = "by hand", weights: dict[str, float] | None = None) -> None:
    alias = world.live
    world.aliases.put(replace(alias, version=version, description=description, weights=weights or {}))


def test_an_alias_with_a_new_description_of_somebody_else_is_still_moved() -> None:
    world = _world()
    world.functions.before["point_alias"] = lambda: _move(world, "7")
    outcome = release_image(world)

    assert (outcome.status, world.live.version) == (ReleaseStatus.DEPLOYED, "8")


def test_an_alias_that_a_newer_run_has_moved_stays_and_the_code_goes_back() -> None:
    world = _world()
    world.functions.published["9"] = version_state("9", SOMEBODY_ELSES)
    world.functions.before["point_alias"] = lambda: _move(world, "9", _NEWER)
    outcome = release_image(world)

    assert (world.live.version, world.live.description) == ("9", _NEWER)
    assert world.functions.latest.image == OLD
    assert outcome.error is not None
    assert "The alias live of orders-api was moved by the newer run 12345678909 meanwhile" in outcome.error.message
    assert outcome.after.version == "9"
    assert outcome.after.image == SOMEBODY_ELSES


def test_an_alias_that_somebody_else_has_created_meanwhile_is_moved() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    world.functions.before["create_alias"] = lambda: world.aliases.put(alias_state("7"))
    outcome = release_image(world)

    assert (outcome.status, world.live.version) == (ReleaseStatus.DEPLOYED, "8")


def test_an_alias_that_somebody_else_has_deleted_meanwhile_is_created() -> None:
    world = _world()

    def delete() -> None:
        del world.aliases.there["live"]
        raise RevisionError("The alias is not there")

    world.functions.before["point_alias"] = delete
    outcome = release_image(world)

    assert (outcome.status, world.live.version) == (ReleaseStatus.DEPLOYED, "8")


@pytest.mark.parametrize(
    ("share", "version"),
    [
        ("8=0.1", "6"),
        ("8=0.5", "6"),
        ("8=0.5", "7"),  # and so the canary is ended
    ],
)
def test_traffic_that_somebody_else_has_moved_stays(share: str, version: str) -> None:
    world = _world()
    world.functions.before["point_alias", "7", share] = lambda: _move(world, version)
    outcome = release_image(world, _CANARY)

    moves = [change for change in world.functions.changes if change[0] == "point_alias"]
    assert moves == ([("point_alias", "7", "8=0.1")] if share == "8=0.5" else [])
    assert (world.live.version, world.live.weights, world.live.description) == (version, {}, "by hand")
    assert "somebody else" in str(outcome.error)


_ANOTHER_WORKFLOW_S = str(Record.of(replace(RUN, run_id="12345678909", workflow="other.yml")))
_AGAIN_ON_PURPOSE = str(Record.of(replace(RUN, run_id="9", attempt="2")))


@pytest.mark.parametrize("description", [_ANOTHER_WORKFLOW_S, _AGAIN_ON_PURPOSE])
@pytest.mark.parametrize("share", ["8=0.1", "8=0.5"])
def test_a_release_of_another_run_during_the_canary_is_not_reverted(share: str, description: str) -> None:
    """Whether this run succeeds or not, version 7, which that run has replaced, must not serve again."""
    world = _world()
    world.alarms.there = {"errors": "OK"}

    def release_another() -> None:
        _move(world, "6", description)
        world.clock.later(5, lambda: world.alarms.there.update(errors="ALARM"))

    world.functions.before["point_alias", "7", share] = release_another
    release_image(world, replace(_CANARY, alarms=("errors",)))

    moves = [change for change in world.functions.changes if change[0] == "point_alias"]
    before = [("point_alias", "7", "8=0.1")] if share == "8=0.5" else []
    assert moves[: len(before)] == before
    assert [move for move in moves[len(before) :] if move[1] == "7"] == []
    assert world.live.version in {"6", "8"}


_PERSON = "by hand"
_ANYBODY = {
    "a person": _PERSON,
    "an older run": _OLDER,
    "a newer run": _NEWER,
    "another workflow": _ANOTHER_WORKFLOW_S,
    "an older run again": _AGAIN_ON_PURPOSE,
}


@pytest.mark.parametrize("who", ["an older run", "another workflow", "an older run again"])
def test_this_run_overtakes_another_run_that_moves_the_alias_first(who: str) -> None:
    """The other run's code is what this run has replaced in `$LATEST` meanwhile."""
    world = _world()
    world.functions.before["point_alias", "8"] = lambda: _move(world, "6", _ANYBODY[who])
    outcome = release_image(world)

    assert (outcome.status, outcome.error, world.live.version) == (ReleaseStatus.DEPLOYED, None, "8")
    assert Record.parse(world.live.description) == Record.of(RUN)


@pytest.mark.parametrize("who", ["a person", "a newer run"])
def test_an_alias_that_this_run_may_not_overtake_stays(who: str) -> None:
    world = _world()
    world.functions.before["point_alias", "8"] = lambda: _move(world, "6", _ANYBODY[who])
    outcome = release_image(world)

    assert (world.live.version, world.live.description) == ("6", _ANYBODY[who])
    assert (outcome.after.version, outcome.after.image) == ("6", SOMEBODY_ELSES)
    assert world.functions.latest.image == OLD
    by = "the newer run 12345678909" if who == "a newer run" else "somebody else"
    assert f"The alias live of orders-api was moved by {by} meanwhile, so it stays." in str(outcome.error)


def test_an_alias_that_a_person_moves_without_changing_its_description_stays() -> None:
    """The console moves an alias in this way: the description still names the run before."""
    world = _world(alias_state("7", description=_OLDER))
    world.functions.before["point_alias", "8"] = lambda: _move(world, "6", _OLDER)
    outcome = release_image(world)

    assert (world.live.version, world.live.description) == ("6", _OLDER)
    assert "was moved by somebody else meanwhile, so it stays." in str(outcome.error)


@pytest.mark.parametrize("who", _ANYBODY)
@pytest.mark.parametrize("move", [("7", "8=0.1"), ("7", "8=0.5"), ("8",)], ids=str)
def test_a_canary_overtakes_nobody(move: tuple[str, ...], who: str) -> None:
    world = _world()
    world.functions.before["point_alias", *move] = lambda: _move(world, "6", _ANYBODY[who])
    outcome = release_image(world, _CANARY)

    assert (world.live.version, world.live.weights, world.live.description) == ("6", {}, _ANYBODY[who])
    assert outcome.after.version == "6"
    assert outcome.status in {ReleaseStatus.FAILED, ReleaseStatus.REVERTED}
    assert world.functions.latest.image == OLD


def test_an_alias_that_a_person_gives_the_new_version_and_other_shares_stays() -> None:
    """Lambda sets such weights itself while it moves provisioned concurrency; these are somebody's, not Lambda's."""
    world = _world()
    world.functions.before["point_alias", "8"] = lambda: _move(world, "8", _PERSON, {"7": 0.5})
    outcome = release_image(world)

    assert (world.live.version, world.live.weights, world.live.description) == ("8", {"7": 0.5}, _PERSON)
    assert "was moved by somebody else meanwhile, so it stays." in str(outcome.error)


@pytest.mark.parametrize(("description", "goes_on"), [(_PERSON, True), (_OLDER, True), (_NEWER, False)])
def test_an_alias_that_is_created_meanwhile_is_moved_unless_a_newer_run_has(description: str, *, goes_on: bool) -> None:
    world = World(functions=FakeFunctions(versions=[version_state("6", SOMEBODY_ELSES), version_state("7")]))
    world.functions.before["create_alias"] = lambda: world.aliases.put(alias_state("6", description=description))
    outcome = release_image(world)

    assert world.live.version == ("8" if goes_on else "6")
    assert (outcome.status is ReleaseStatus.DEPLOYED) is goes_on


def test_an_alias_is_not_moved_to_code_that_somebody_else_has_replaced() -> None:
    world = _world()

    def replace_code() -> None:
        _move(world, "7")
        world.functions.serve(SOMEBODY_ELSES)

    world.functions.before["point_alias", "8"] = replace_code
    outcome = release_image(world)

    assert world.live.version == "7"
    assert world.functions.latest.image == SOMEBODY_ELSES
    assert "somebody else updated it meanwhile" in str(outcome.error)


def test_an_alias_is_not_moved_to_code_of_another_architecture() -> None:
    world = _world()

    def replace_code() -> None:
        _move(world, "7")
        world.functions.latest = replace(world.functions.latest, architecture="arm64")

    world.functions.before["point_alias", "8"] = replace_code
    outcome = release_image(world)

    assert world.live.version == "7"
    assert "somebody else updated it meanwhile" in str(outcome.error)


@pytest.mark.parametrize("is_replaced", [False, True])
def test_code_that_this_run_did_not_update_must_be_unchanged_when_the_alias_moves(*, is_replaced: bool) -> None:
    """This run has not updated `$LATEST`: it has cleared weights and published the code that was there."""
    world = _world(alias_state("7", weights={"6": 0.1}, description="before"))
    world.functions.serve(NEW)

    def change_description() -> None:
        _move(world, "7")
        if is_replaced:
            world.functions.serve(SOMEBODY_ELSES)

    world.functions.before["point_alias", "8"] = change_description
    outcome = release_image(world)

    assert world.functions.changes[:2] == [("point_alias", "7"), ("publish_version", "8")]
    assert world.live.version == ("7" if is_replaced else "8")
    assert (outcome.status is ReleaseStatus.DEPLOYED) is not is_replaced
    assert ("somebody else updated it meanwhile" in str(outcome.error)) is is_replaced


def test_a_move_that_another_change_in_progress_prevents_is_tried_again_although_nothing_was_written() -> None:
    world = _world(alias_state("6"))
    world.functions.before["point_alias", "7"] = raising(InProgressError("due to a concurrent update operation"))
    outcome = release_image(world, image=OLD)

    assert world.functions.changes == [("point_alias", "7")]
    assert (outcome.status, outcome.error) == (ReleaseStatus.DEPLOYED, None)


def test_an_alias_that_keeps_changing_is_left_after_the_timeout() -> None:
    world = _world()
    world.functions.whenever["point_alias", "8"] = lambda: _move(world, "7", f"at {world.clock.now():.1f}")
    world.clock.later(100, world.functions.whenever.clear)
    outcome = release_image(world, replace(LIVE, wait_timeout=60))

    assert world.live.version == "7"
    assert world.functions.latest.image == OLD
    assert outcome.status is ReleaseStatus.REVERTED
    assert 60 <= outcome.seconds < 62
