"""Releases that fail: what was changed goes back, and the outcome says what could not."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import LATEST, Status
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Expectation, FunctionTarget, SmokeTest, TrafficStep
from ecr_lambda_deploy.ports.functions import Response
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import (
    FAILED_UPDATE,
    NEW,
    OLD,
    READY,
    SOMEBODY_ELSES,
    alias_state,
    function_state,
    version_state,
)
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_UPDATE, _BACK = ("update_code", str(NEW), "x86_64"), ("update_code", str(OLD), "x86_64")
_TESTED = replace(LIVE, smoke_test=SmokeTest(event="{}", expect=Expectation(value={"ok": True})))
_CANARY = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=10),), alarms=("errors",))
_CODE_IS_BACK = f"$LATEST runs {OLD} again."
_ALIAS_IS_BACK = "The alias live points to version 7 again, with all its traffic."
_CODE_COMMAND = (
    "aws lambda update-function-code --region eu-west-1 --function-name orders-api --architectures x86_64 "
    f"--image-uri {OLD}"
)
_ALIAS_COMMAND = (
    "aws lambda update-alias --region eu-west-1 --function-name orders-api --name live --function-version 7 "
    "--routing-config AdditionalVersionWeights={} --description before"
)


def _world() -> World:
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7", description="before"))
    world.alarms.there = {"errors": "OK"}
    return world


def _ring_while_traffic_is_shifted(world: World) -> None:
    world.functions.after["point_alias", "7", "8=0.1"] = lambda: world.alarms.there.update(errors="ALARM")


def _message_lines(outcome: Outcome) -> list[str]:
    assert outcome.error is not None
    return outcome.error.message.splitlines()


def _check_unchanged(world: World) -> None:
    assert world.functions.latest.image == OLD
    assert not world.functions.latest.is_broken
    assert (world.live.version, world.live.weights, world.live.description) == ("7", {}, "before")


def test_a_smoke_test_that_fails_leaves_no_version_and_the_alias_where_it_was() -> None:
    world = _world()
    world.invocations.answer = Response(payload='{"ok": false}', error="", log="")
    outcome = release_image(world, _TESTED)

    assert world.functions.changes == [_UPDATE, _BACK]
    assert not {"publish_version", "point_alias"} & {*world.functions.calls}
    assert (outcome.status, outcome.is_changed, outcome.recovery) == (ReleaseStatus.REVERTED, False, ())
    assert not outcome.has_moved_alias
    assert _message_lines(outcome)[0].startswith("The smoke test did not pass: ")
    assert _message_lines(outcome)[-1] == _CODE_IS_BACK
    assert outcome.error is not None
    assert "'smoke-event'" in outcome.error.hint
    _check_unchanged(world)


@pytest.mark.parametrize("image", [NEW, OLD])
def test_an_update_that_fails_is_taken_back(image: object) -> None:
    """Whichever image Lambda shows after the failure."""
    world = _world()
    broken = function_state(image=NEW if image is NEW else OLD, update=FAILED_UPDATE)
    world.functions.end_of_update = lambda state: broken if state.image == NEW else state
    outcome = release_image(world)

    assert world.functions.changes == [_UPDATE, _BACK]
    assert _message_lines(outcome) == [
        f"Lambda could not update orders-api: LastUpdateStatus {FAILED_UPDATE}.",
        _CODE_IS_BACK,
    ]
    assert outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_a_version_that_does_not_become_active_gets_no_traffic() -> None:
    world = _world()
    world.functions.version_state = Status(value="Failed", reason_code="InternalError")
    outcome = release_image(world)

    assert world.functions.changes == [_UPDATE, ("publish_version", "8"), _BACK]
    assert (outcome.status, outcome.after.version) == (ReleaseStatus.REVERTED, "7")
    _check_unchanged(world)


def test_an_alias_that_cannot_be_moved_leaves_the_code_as_it_was() -> None:
    world = _world()
    world.functions.refusals["point_alias"] = DeployError("AccessDenied", "allow it")
    outcome = release_image(world)

    assert _message_lines(outcome) == ["AccessDenied", _CODE_IS_BACK]
    assert outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_an_alias_goes_back_before_the_code() -> None:
    world = _world()
    _ring_while_traffic_is_shifted(world)
    outcome = release_image(world, _CANARY)

    assert world.functions.changes[-2:] == [("point_alias", "7"), _BACK]
    assert _message_lines(outcome) == [
        "The CloudWatch alarm errors is in ALARM: threshold crossed",
        _ALIAS_IS_BACK,
        _CODE_IS_BACK,
    ]
    assert (outcome.status, outcome.is_changed, outcome.recovery) == (ReleaseStatus.REVERTED, False, ())
    assert outcome.has_moved_alias
    _check_unchanged(world)


def test_an_alias_that_was_moved_goes_back() -> None:
    world = _world()
    world.aliases.concurrency_status, world.aliases.seconds_to_move = READY, 10_000
    outcome = release_image(world)

    assert _message_lines(outcome)[1:] == [_ALIAS_IS_BACK, _CODE_IS_BACK]
    assert outcome.status is ReleaseStatus.REVERTED
    _check_unchanged(world)


def test_reverting_is_recorded_as_it_goes_on() -> None:
    world = _world()
    recorded: list[Outcome] = []

    def look_while_it_is_updated() -> None:
        world.functions.before["read"] = lambda: recorded.append(world.outcome)

    _ring_while_traffic_is_shifted(world)
    world.functions.before["point_alias", "7"] = lambda: recorded.append(world.outcome)
    world.functions.before["update_code", OLD] = lambda: recorded.append(world.outcome)
    world.functions.after["update_code", OLD] = look_while_it_is_updated
    release_image(world, _CANARY)

    assert [outcome.status for outcome in recorded] == 3 * [ReleaseStatus.FAILED]
    assert [_message_lines(outcome)[-1] for outcome in recorded] == [
        "Reverting it has not ended.",
        "Reverting it has not ended.",
        f"$LATEST is on its way back to {OLD}; Lambda goes on by itself.",
    ]
    assert [outcome.recovery for outcome in recorded] == [(_ALIAS_COMMAND, _CODE_COMMAND), (_CODE_COMMAND,), ()]
    assert [dict(outcome.after.weights) for outcome in recorded] == [{"8": 0.1}, {}, {}]


def test_code_that_cannot_be_put_back_is_shown_as_a_command() -> None:
    world = _world()
    world.invocations.answer = Response(payload="{}", error="", log="")
    world.functions.before["update_code", OLD] = raising(DeployError("AccessDenied"))
    outcome = release_image(world, _TESTED)

    assert _message_lines(outcome)[-1] == "Reverting it failed too: AccessDenied"
    assert outcome.recovery == (_CODE_COMMAND,)
    assert outcome.status is ReleaseStatus.FAILED
    assert outcome.after.latest is not None
    assert outcome.after.latest.image == NEW
    assert (outcome.is_changed, outcome.after.version) == (False, "7")  # the alias still serves it


def test_an_alias_that_cannot_be_put_back_is_shown_as_a_command_with_the_steps_after_it() -> None:
    world = _world()
    _ring_while_traffic_is_shifted(world)
    world.functions.before["point_alias", "7"] = raising(DeployError("AccessDenied"))
    outcome = release_image(world, _CANARY)

    assert outcome.recovery == (_ALIAS_COMMAND, _CODE_COMMAND)
    assert outcome.after.alias is not None
    assert outcome.after.weights == {"8": 0.1}


def test_an_update_back_that_fails_is_a_failure_too() -> None:
    world = _world()
    world.invocations.answer = Response(payload="{}", error="", log="")
    world.functions.end_of_update = lambda state: replace(state, update=FAILED_UPDATE) if state.image == OLD else state
    outcome = release_image(world, _TESTED)

    assert _message_lines(outcome)[-1].startswith("Reverting it failed too: Lambda could not update orders-api")
    assert outcome.recovery == (_CODE_COMMAND,)
    assert outcome.status is ReleaseStatus.FAILED


def test_with_on_failure_keep_code_stays() -> None:
    world = _world()
    world.invocations.answer = Response(payload="{}", error="", log="")
    outcome = release_image(world, replace(_TESTED, reverts=False))

    assert world.functions.changes == [_UPDATE]
    assert world.functions.latest.image == NEW
    assert _message_lines(outcome)[-1] == "Code and alias stay as they are: 'on-failure: keep' is set."
    assert (outcome.status, outcome.is_changed, outcome.recovery) == (ReleaseStatus.FAILED, False, ())


def test_a_share_of_the_traffic_is_never_kept() -> None:
    world = _world()
    _ring_while_traffic_is_shifted(world)
    outcome = release_image(world, replace(_CANARY, reverts=False))

    assert world.functions.changes[-1] == ("point_alias", "7")
    assert (world.live.version, world.live.weights) == ("7", {})
    assert world.functions.latest.image == NEW
    assert _message_lines(outcome) == [
        "The CloudWatch alarm errors is in ALARM: threshold crossed",
        _ALIAS_IS_BACK,
        "Code and alias stay as they are: 'on-failure: keep' is set.",
    ]
    assert outcome.status is ReleaseStatus.FAILED


@pytest.mark.parametrize("call", ["check_may_publish", "check_may_point", "update_code"])
def test_without_a_write_nothing_is_reverted(call: str) -> None:
    world = _world()
    world.functions.refusals[call] = DeployError("AccessDenied", "allow it")
    outcome = release_image(world)

    assert world.functions.changes == []
    assert (outcome.status, str(outcome.error), outcome.recovery) == (
        ReleaseStatus.FAILED,
        "AccessDenied\nallow it",
        (),
    )


def test_a_function_that_was_created_stays() -> None:
    world = World()
    world.functions.vanish()
    world.invocations.answer = Response(payload="{}", error="", log="")
    outcome = release_image(world, replace(_TESTED, creation={"Role": "r"}))

    assert world.functions.changes == [("create", str(NEW), "x86_64", "Role")]
    assert _message_lines(outcome)[-1] == "The function orders-api is new and stays."
    assert (outcome.status, outcome.is_changed, outcome.after.image) == (ReleaseStatus.FAILED, True, NEW)


def test_the_error_of_a_failed_creation_has_lambda_s_words() -> None:
    world = World()
    world.functions.vanish()
    failed = Status(value="Failed", reason_code="InvalidImage", reason="no entry point")
    world.functions.end_of_update = lambda state: replace(state, state=failed)
    outcome = release_image(world, replace(LIVE, creation={"Role": "r"}))

    assert _message_lines(outcome)[0] == f"Lambda could not create orders-api: State {failed}."
    assert outcome.status is ReleaseStatus.FAILED


def test_the_error_of_a_failed_creation_does_not_say_that_anything_serves() -> None:
    world = World()
    world.functions.vanish()
    world.functions.end_of_update = lambda state: replace(state, state=Status(value="Failed", reason_code="New"))
    outcome = release_image(world, replace(LIVE, creation={"Role": "r"}))

    assert outcome.error is not None
    assert "aws lambda delete-function --function-name orders-api" in outcome.error.hint
    assert "serving" not in outcome.error.hint


# What somebody else does during the revert.


def test_code_that_somebody_else_deploys_during_the_revert_stays() -> None:
    world = _world()
    world.invocations.answer = Response(payload="{}", error="", log="")
    world.functions.before["update_code", OLD] = lambda: world.functions.serve(SOMEBODY_ELSES)
    outcome = release_image(world, _TESTED)

    assert world.functions.latest.image == SOMEBODY_ELSES
    assert (
        _message_lines(outcome)[-1]
        == f"{LATEST} runs {SOMEBODY_ELSES}: somebody else has updated it since, so it stays."
    )
    assert outcome.status is ReleaseStatus.FAILED
    assert outcome.after.latest is not None
    assert outcome.after.latest.image == SOMEBODY_ELSES


@pytest.mark.parametrize("version", ["8", "6"])
def test_an_alias_that_somebody_else_moves_during_the_revert_stays(version: str) -> None:
    world = World(
        functions=FakeFunctions(versions=[version_state("6", SOMEBODY_ELSES), version_state("7")]),
        alias=alias_state("7", description="before"),
    )
    world.alarms.there = {"errors": "OK"}
    _ring_while_traffic_is_shifted(world)
    theirs = replace(world.live, version=version, description="theirs")
    world.functions.before["point_alias", "7"] = lambda: world.aliases.put(theirs)
    outcome = release_image(world, _CANARY)

    assert (world.live.version, world.live.description) == (version, "theirs")
    assert f"The alias live points to version {version}: somebody else has moved it, so it stays." in _message_lines(
        outcome
    )
    assert outcome.after.version == version
    assert outcome.after.image == (NEW if version == "8" else SOMEBODY_ELSES)
    assert world.functions.latest.image == OLD


def test_an_alias_that_keeps_changing_ends_the_revert() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7", description="before"))
    world.alarms.there = {"errors": "OK"}
    _ring_while_traffic_is_shifted(world)
    world.functions.whenever["point_alias", "7"] = lambda: world.aliases.put(world.live)
    outcome = release_image(world, _CANARY)

    assert world.functions.calls.count("point_alias") == 6
    assert _message_lines(outcome)[-1] == "Reverting it failed too: somebody else goes on changing the function."
    assert (outcome.status, outcome.recovery) == (ReleaseStatus.FAILED, (_ALIAS_COMMAND, _CODE_COMMAND))


def test_an_alias_that_is_new_stays_with_the_code_that_it_points_to() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    world.functions.before["create_alias"] = world.clock.cancel
    outcome = release_image(world)

    assert (world.live.version, world.functions.latest.image) == ("8", NEW)
    assert _message_lines(outcome)[-1] == "The alias live is new and stays, with the code that it points to."
    assert (outcome.status, outcome.after.version, outcome.is_changed) == (ReleaseStatus.FAILED, "8", True)


@pytest.mark.parametrize("call", ["update_code", "invoke", "publish_version", "point_alias", "alarms"])
def test_a_bug_is_reverted_and_raised(call: str) -> None:
    world = _world()
    world.functions.before[call] = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        release_image(world, replace(_CANARY, smoke_test=_TESTED.smoke_test))

    assert "This is a bug in ecr-lambda-deploy: ZeroDivisionError()" in str(world.outcome.error)
    assert world.outcome.status in {ReleaseStatus.FAILED, ReleaseStatus.REVERTED}
    assert (world.outcome.is_changed, world.outcome.after.version) == (False, "7")
    _check_unchanged(world)


def test_a_version_of_a_failed_release_is_not_recorded_as_the_one_that_served() -> None:
    world = _world()
    world.functions.refusals["point_alias"] = DeployError("AccessDenied")
    release_image(world)
    world.next_run()
    release_image(world)

    assert [*world.functions.published] == ["7", "8", "9"]
    assert Record.parse(world.functions.published["9"].description).previous == "7"
    assert world.live.version == "9"


def test_without_an_alias_the_code_goes_back_too() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    world.invocations.answer = Response(payload="{}", error="", log="")
    outcome = release_image(world, FunctionTarget(name="orders-api", smoke_test=_TESTED.smoke_test))

    assert world.functions.changes == [_UPDATE, _BACK]
    assert (outcome.status, outcome.after.image, outcome.after.version) == (ReleaseStatus.REVERTED, OLD, "7")
