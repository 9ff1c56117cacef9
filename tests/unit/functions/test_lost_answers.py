"""Changing calls that take effect and whose answer is lost, and those that fail without one."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError, RevisionError
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget, TrafficStep
from ecr_lambda_deploy.report.outputs import outputs
from tests.unit.fakes.events import Event, raising
from tests.unit.fakes.examples import NEW, OLD, RUN, alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_WITHOUT = FunctionTarget(name="orders-api")
_CREATED = replace(LIVE, creation={"Role": "r"})
_CANARY = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=10), TrafficStep(weight=0.5, seconds=10)))
_MOVES = {"first share": ("7", "8=0.1"), "later share": ("7", "8=0.5"), "all traffic": ("8",)}
_LOST = DeployError("Connection was closed before we received a valid response", "run it again")
_OTHER_REVISION = RevisionError("The RevisionId provided does not match the latest RevisionId")
_UPDATE, _BACK = ("update_code", str(NEW), "x86_64"), ("update_code", str(OLD), "x86_64")
_CODE_IS_BACK = f"$LATEST runs {OLD} again."
_ALIAS_IS_BACK = "The alias live points to version 7 again, with all its traffic."


def _world(target: FunctionTarget = LIVE, *, weights: dict[str, float] | None = None) -> World:
    functions = FakeFunctions(versions=[version_state("6", NEW), version_state("7")])
    alias = alias_state("7", weights=weights, description="before") if target.alias else None
    return World(functions=functions, alias=alias)


def _check_outcome(world: World) -> None:
    """Make sure that outcome and outputs show what Lambda has."""
    functions, alias, after = world.functions, world.aliases.there.get("live"), world.outcome.after
    assert after.latest is not None
    assert after.latest.image == functions.latest.image
    assert after.alias == alias
    serving = functions.published[alias.version] if alias else functions.latest
    written = outputs(world.journal)
    assert written["image-uri"] == str(serving.image)
    assert written["function-version"] == after.version
    assert written["alias-arn"] == (alias.arn if alias else "")
    assert (written["changed"] == "true") is world.outcome.is_changed


def _check_unchanged(world: World) -> None:
    assert world.functions.latest.image == OLD
    if alias := world.aliases.there.get("live"):
        assert (alias.version, alias.weights, alias.description) == ("7", {}, "before")
    assert (world.outcome.is_changed, world.outcome.recovery) == (False, ())
    _check_outcome(world)


def _message_lines(world: World) -> list[str]:
    assert world.outcome.error is not None
    assert world.outcome.error.hint == "run it again"
    return world.outcome.error.message.splitlines()


@pytest.mark.parametrize("target", [_WITHOUT, LIVE], ids=["without an alias", "with an alias"])
@pytest.mark.parametrize("seconds", [0, 0.3])
def test_an_update_whose_answer_is_lost_is_taken_back(target: FunctionTarget, seconds: float) -> None:
    world = _world(target)
    world.functions.seconds_to_update = seconds
    world.functions.after["update_code"] = raising(_LOST)
    release_image(world, target)

    assert world.functions.changes == [_UPDATE, _BACK]
    assert _message_lines(world) == [_LOST.message, _CODE_IS_BACK]
    assert world.outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_with_on_failure_keep_an_update_whose_answer_is_lost_stays() -> None:
    world = _world()
    world.functions.after["update_code"] = raising(_LOST)
    release_image(world, replace(LIVE, reverts=False))

    assert world.functions.changes == [_UPDATE]
    assert _message_lines(world) == [_LOST.message, "Code and alias stay as they are: 'on-failure: keep' is set."]
    assert (world.outcome.status, world.outcome.is_changed) == (ReleaseStatus.FAILED, False)
    _check_outcome(world)


@pytest.mark.parametrize("move", _MOVES)
def test_a_move_of_the_alias_whose_answer_is_lost_is_taken_back(move: str) -> None:
    world = _world()
    world.functions.after["point_alias", *_MOVES[move]] = raising(_LOST)
    release_image(world, _CANARY)

    assert world.functions.changes[-2:] == [("point_alias", "7"), _BACK]
    assert _message_lines(world) == [_LOST.message, _ALIAS_IS_BACK, _CODE_IS_BACK]
    assert world.outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_a_move_of_all_traffic_at_once_whose_answer_is_lost_is_taken_back() -> None:
    world = _world()
    world.functions.after["point_alias"] = raising(_LOST)
    release_image(world)

    assert world.functions.changes[-3:] == [("point_alias", "8"), ("point_alias", "7"), _BACK]
    assert _message_lines(world) == [_LOST.message, _ALIAS_IS_BACK, _CODE_IS_BACK]
    _check_unchanged(world)


@pytest.mark.parametrize("move", _MOVES)
def test_a_move_of_the_alias_that_is_refused_leaves_no_share_of_the_one_before(move: str) -> None:
    """The last request was not carried out; the one before it was, and is this run's own."""
    world = _world()
    world.functions.before["point_alias", *_MOVES[move]] = raising(_LOST)
    release_image(world, _CANARY)

    undone = [_CODE_IS_BACK] if move == "first share" else [_ALIAS_IS_BACK, _CODE_IS_BACK]
    assert _message_lines(world) == [_LOST.message, *undone]
    assert world.outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_leftover_weights_that_cannot_be_cleared_are_not_reported_as_somebody_else_s() -> None:
    world = _world(weights={"6": 0.1})
    world.functions.before["point_alias"] = raising(_LOST)
    release_image(world)

    assert world.functions.changes == []
    assert _message_lines(world) == [_LOST.message]
    assert world.outcome.status is ReleaseStatus.FAILED
    _check_outcome(world)


def test_leftover_weights_whose_clearing_is_not_answered_stay_cleared() -> None:
    world = _world(weights={"6": 0.1})
    world.functions.after["point_alias"] = raising(_LOST)
    release_image(world)

    assert world.functions.changes == [("point_alias", "7")]
    assert (world.live.version, world.live.weights) == ("7", {})
    assert _message_lines(world)[0] == _LOST.message
    assert "somebody else" not in str(world.outcome.error)
    _check_outcome(world)


def test_an_alias_whose_creation_is_not_answered_stays_and_the_error_says_so() -> None:
    world = _world(_WITHOUT)
    world.functions.after["create_alias"] = raising(_LOST)
    release_image(world)

    assert world.functions.changes == [_UPDATE, ("publish_version", "8"), ("point_alias", "8")]
    assert _message_lines(world) == [_LOST.message, "The alias live is new and stays, with the code that it points to."]
    assert (world.outcome.status, world.outcome.is_changed) == (ReleaseStatus.FAILED, True)
    assert (world.outcome.after.version, world.outcome.after.image) == ("8", NEW)
    _check_outcome(world)


def test_an_alias_whose_creation_is_refused_leaves_the_code_as_it_was() -> None:
    world = _world(_WITHOUT)
    world.functions.before["create_alias"] = raising(_LOST)
    release_image(world)

    assert _message_lines(world) == [_LOST.message, _CODE_IS_BACK]
    assert world.outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_a_version_whose_publication_is_not_answered_gets_no_traffic() -> None:
    world = _world()
    world.functions.after["publish_version"] = raising(_LOST)
    release_image(world)

    assert _message_lines(world) == [_LOST.message, _CODE_IS_BACK]
    _check_unchanged(world)

    world.next_run(replace(RUN, attempt="2"))
    release_image(world)
    assert Record.parse(world.functions.published[world.live.version].description).previous == "7"


def test_a_function_whose_creation_is_not_answered_is_in_the_outputs() -> None:
    world = World()
    world.functions.vanish()
    world.functions.after["create"] = raising(_LOST)
    release_image(world, _CREATED)

    assert (world.outcome.status, world.outcome.is_changed) == (ReleaseStatus.FAILED, True)
    assert _message_lines(world)[0] == _LOST.message
    assert outputs(world.journal)["image-uri"] == str(NEW)
    _check_outcome(world)


# The client itself repeats the request, and Lambda answers that the revision has changed.


@pytest.mark.parametrize(
    "call", ["update_code", "publish_version", *(("point_alias", *move) for move in _MOVES.values())], ids=str
)
def test_a_change_that_was_carried_out_is_recognized_as_this_run_s(call: Event) -> None:
    world = _world()
    world.functions.after[call] = raising(_OTHER_REVISION)
    release_image(world, _CANARY)

    assert world.functions.changes == [
        _UPDATE,
        ("publish_version", "8"),
        ("point_alias", "7", "8=0.1"),
        ("point_alias", "7", "8=0.5"),
        ("point_alias", "8"),
    ]
    assert (world.outcome.status, world.outcome.error) == (ReleaseStatus.DEPLOYED, None)
    assert (world.outcome.before.version, world.outcome.after.version) == ("7", "8")
    assert outputs(world.journal)["previous-version"] == "7"
    assert Record.parse(world.functions.published["8"].description) == Record.of(RUN, commit=RUN.commit, previous="7")
    _check_outcome(world)


@pytest.mark.parametrize("seconds", [0, 0.3])
def test_a_function_that_was_created_is_recognized_as_this_run_s(seconds: float) -> None:
    world = World()
    world.functions.vanish()
    world.functions.seconds_to_update = seconds
    world.functions.after["create"] = raising(RevisionError("Function already exist: orders-api"))
    release_image(world, _CREATED)

    assert [change[0] for change in world.functions.changes] == ["create", "publish_version", "point_alias"]
    assert (world.outcome.status, world.outcome.error) == (ReleaseStatus.CREATED, None)
    assert (world.outcome.before.version, world.outcome.after.version) == ("", "1")
    assert outputs(world.journal)["previous-version"] == ""
    _check_outcome(world)


def test_an_alias_that_was_created_is_recognized_as_this_run_s() -> None:
    world = _world(_WITHOUT)
    world.functions.after["create_alias"] = raising(RevisionError("Alias already exists: live"))
    release_image(world)

    assert world.functions.changes == [_UPDATE, ("publish_version", "8"), ("point_alias", "8")]
    assert (world.outcome.status, world.outcome.before.version, world.outcome.after.version) == (
        ReleaseStatus.DEPLOYED,
        "7",
        "8",
    )
    _check_outcome(world)


@pytest.mark.parametrize("target", [_WITHOUT, LIVE], ids=["without an alias", "with an alias"])
def test_a_change_is_reverted_even_if_the_answers_to_the_revert_are_lost_too(target: FunctionTarget) -> None:
    world = _world(target)
    world.functions.after["update_code"] = raising(_LOST)
    world.functions.after["update_code", OLD] = raising(_OTHER_REVISION)
    release_image(world, target)

    assert world.functions.changes == [_UPDATE, _BACK]
    assert world.outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_a_move_of_the_alias_is_reverted_even_if_the_answers_to_the_revert_are_lost_too() -> None:
    world = _world()
    world.functions.after["point_alias", "8"] = raising(_LOST)
    world.functions.after["point_alias", "7"] = raising(_OTHER_REVISION)
    world.functions.after["update_code", OLD] = raising(_OTHER_REVISION)
    release_image(world)

    assert world.functions.changes[-3:] == [("point_alias", "8"), ("point_alias", "7"), _BACK]
    assert "somebody else" not in str(world.outcome.error)
    _check_unchanged(world)
