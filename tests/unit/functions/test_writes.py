"""Versions that cannot serve, and functions and versions so new that Lambda does not find them yet."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError, MissingFunctionError
from ecr_lambda_deploy.model.functions import LATEST, ObservedFunction, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import (
    ACTIVE,
    INACTIVE,
    NEW,
    OLD,
    RUN,
    SOMEBODY_ELSES,
    alias_state,
    function_state,
    version_state,
)
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_FAILED = Status(value="Failed", reason_code="InternalError")
_WITHOUT = FunctionTarget(name="orders-api")
_CREATED = replace(LIVE, creation={"Role": "r"})
_UNKNOWN = MissingFunctionError("Function not found")


def _update_to(image: ImageReference) -> tuple[str, ...]:
    return ("update_code", str(image), "x86_64")


# An old version that Lambda names, since nothing has changed since.


def _world_of_a_version_that_is(state: Status) -> World:
    """Return a world in which version 7 has the code of `$LATEST`, and the alias has always been at 6."""
    versions = [version_state("6", NEW), version_state("7", OLD, state=state)]
    return World(functions=FakeFunctions(versions=versions), alias=alias_state("6"))


@pytest.mark.parametrize("state", [INACTIVE, _FAILED], ids=str)
def test_an_old_version_that_cannot_serve_is_published_again(state: Status) -> None:
    world = _world_of_a_version_that_is(state)
    outcome = release_image(world, image=OLD)

    assert world.functions.changes == [_update_to(OLD), ("publish_version", "8"), ("point_alias", "8")]
    assert world.functions.calls.count("publish_version") == 2
    assert (outcome.status, outcome.error, outcome.after.version) == (ReleaseStatus.DEPLOYED, None, "8")
    assert isinstance(outcome.after, ObservedFunction)
    assert [version.number for version in outcome.after.versions] == ["8"]  # the others were not read
    assert Record.parse(world.functions.published["8"].description) == Record.of(RUN, commit=RUN.commit, previous="6")


def test_an_old_version_that_can_serve_is_used() -> None:
    world = _world_of_a_version_that_is(ACTIVE)
    outcome = release_image(world, image=OLD)

    assert world.functions.changes == [("point_alias", "7")]
    assert (outcome.status, outcome.after.version) == (ReleaseStatus.DEPLOYED, "7")


def test_a_version_that_cannot_serve_either_ends_the_release() -> None:
    world = _world_of_a_version_that_is(INACTIVE)
    world.functions.version_state = _FAILED
    outcome = release_image(world, image=OLD)

    assert world.functions.changes == [_update_to(OLD), ("publish_version", "8")]
    assert f"Version 8 of orders-api did not become active: State {_FAILED}." in str(outcome.error)
    assert (outcome.status, outcome.is_changed, world.live.version) == (ReleaseStatus.FAILED, False, "6")


def test_a_version_of_this_run_that_cannot_serve_is_not_tried_again() -> None:
    world = _world_of_a_version_that_is(ACTIVE)
    world.functions.version_state = _FAILED
    outcome = release_image(world, image=SOMEBODY_ELSES)

    assert world.functions.changes == [_update_to(SOMEBODY_ELSES), ("publish_version", "8"), _update_to(OLD)]
    assert outcome.status is ReleaseStatus.REVERTED


def test_the_update_before_a_version_is_published_again_may_fail_too() -> None:
    world = _world_of_a_version_that_is(INACTIVE)
    world.functions.refusals["update_code"] = DeployError("AccessDenied", "allow it")
    outcome = release_image(world, image=OLD)

    assert world.functions.changes == []
    assert str(outcome.error) == "AccessDenied\nallow it"
    assert (outcome.status, outcome.is_changed) == (ReleaseStatus.FAILED, False)


# Lambda is eventually consistent: it may not find for a moment what it has just made.


def _is_unknown_for(world: World, seconds: float, made_by: str, qualifier: str = LATEST) -> None:
    """Have Lambda not find for some time what a call has just made; a version has SnapStart, so that it is read."""
    world.functions.seconds_to_activate = 0.1

    def forget() -> None:
        world.functions.refusals["read", qualifier] = _UNKNOWN
        world.clock.later(seconds, world.functions.refusals.clear)

    world.functions.after[made_by] = forget


@pytest.mark.parametrize("seconds", [0.1, 8.9])
def test_a_function_that_is_not_known_at_once_is_waited_for(seconds: float) -> None:
    world = World()
    world.functions.vanish()
    _is_unknown_for(world, seconds, "create")
    outcome = release_image(world, _CREATED)

    assert (outcome.status, outcome.error) == (ReleaseStatus.CREATED, None)
    assert seconds <= world.clock.now() - 1000 < 10


@pytest.mark.parametrize("seconds", [0.1, 8.9])
def test_a_version_that_is_not_known_at_once_is_waited_for(seconds: float) -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7"))
    _is_unknown_for(world, seconds, "publish_version", "8")
    outcome = release_image(world)

    assert (outcome.status, outcome.error, world.live.version) == (ReleaseStatus.DEPLOYED, None, "8")
    assert seconds <= outcome.seconds < 10


def test_a_version_that_is_published_again_is_waited_for_too() -> None:
    world = _world_of_a_version_that_is(INACTIVE)
    _is_unknown_for(world, 0.8, "publish_version", "8")
    outcome = release_image(world, image=OLD)

    assert (outcome.status, world.live.version) == (ReleaseStatus.DEPLOYED, "8")
    assert 0.8 <= outcome.seconds < 10


def test_a_function_that_stays_unknown_is_an_error_after_ten_seconds() -> None:
    world = World()
    world.functions.vanish()
    _is_unknown_for(world, 10_000, "create")
    outcome = release_image(world, replace(_CREATED, wait_timeout=600))

    assert outcome.status is ReleaseStatus.FAILED
    assert "Function not found" in str(outcome.error)
    assert "The function orders-api is new and stays." in str(outcome.error)
    assert 10 <= outcome.seconds < 11


def test_a_version_that_stays_unknown_is_an_error_after_ten_seconds_and_the_code_goes_back() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7"))
    _is_unknown_for(world, 10_000, "publish_version", "8")
    outcome = release_image(world, replace(LIVE, wait_timeout=600))

    assert (outcome.status, outcome.after.version) == (ReleaseStatus.REVERTED, "7")
    assert "Function not found" in str(outcome.error)
    assert 10 <= outcome.seconds < 11


def test_a_function_that_was_there_before_and_is_gone_is_not_waited_for() -> None:
    world = _world_of_a_version_that_is(ACTIVE)
    world.functions.latest = function_state(image=NEW)
    world.functions.has_changed = False
    world.functions.before["read"] = raising(_UNKNOWN)
    outcome = release_image(world, image=OLD)

    assert outcome.status in {ReleaseStatus.FAILED, ReleaseStatus.REVERTED}
    assert "Function not found" in str(outcome.error)
    assert outcome.seconds < 1
