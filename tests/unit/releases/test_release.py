"""New plans, and functions that are left alone, when somebody else has changed a function."""

from dataclasses import replace
from itertools import cycle

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError, RevisionError
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import (
    IN_PROGRESS,
    NEW,
    OLD,
    RUN,
    SOMEBODY_ELSES,
    alias_state,
    function_state,
    image,
    version_state,
)
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_NEWER = str(Record.of(replace(RUN, run_id="12345678909")))


def _world(description: str = "before") -> World:
    return World(
        functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7", description=description)
    )


@pytest.mark.parametrize("times", [1, 5, 9])
def test_after_somebody_else_s_change_a_new_plan_is_made(times: int) -> None:
    world = _world()
    others = [image("cdef"[number % 4]) for number in range(times)]

    def update() -> None:
        if others:
            world.functions.serve(others.pop())

    world.functions.whenever["update_code"] = update
    outcome = release_image(world)

    assert world.functions.changes == [
        ("update_code", str(NEW), "x86_64"),
        ("publish_version", "8"),
        ("point_alias", "8"),
    ]
    assert outcome.status is ReleaseStatus.DEPLOYED
    assert len([line for line in world.log.of_kind("info") if line.startswith("orders-api: deciding again: ")]) == times


def test_a_step_that_somebody_else_has_done_is_not_repeated() -> None:
    world = _world()

    def release() -> None:
        world.functions.serve(NEW)
        world.functions.published["8"] = version_state("8", NEW)
        world.functions.has_changed = False
        world.aliases.put(alias_state("8", description="theirs"))
        raise RevisionError("changed")

    world.functions.before["update_code"] = release
    outcome = release_image(world)

    assert outcome.status in {ReleaseStatus.DEPLOYED, ReleaseStatus.UNCHANGED}
    assert world.functions.changes in ([], [("point_alias", "8")])
    assert world.live.version == "8"


def test_a_version_that_somebody_else_has_published_is_not_said_to_be_the_run_s() -> None:
    world = _world()
    published = version_state("8", NEW)

    def publish() -> None:
        world.functions.published["8"] = published
        world.functions.has_changed = False

    world.functions.whenever["publish_version"] = publish
    release_image(world)

    said = world.log.of_kind("info")
    assert "orders-api: version 8 has this code already" in said
    assert "orders-api: published version 8" not in said


def test_a_function_that_is_changed_again_and_again_ends_the_run() -> None:
    world = _world()
    others = cycle(image(digit) for digit in "cdef")
    world.functions.whenever["update_code"] = lambda: world.functions.serve(next(others))
    outcome = release_image(world)

    assert outcome.error is not None
    assert "is changed by somebody else again and again" in outcome.error.message
    assert "'concurrency'" in outcome.error.hint
    assert world.functions.changes == []
    assert outcome.status is ReleaseStatus.FAILED
    assert outcome.after.latest == world.functions.latest


def test_an_older_run_leaves_a_newer_run_s_release_alone() -> None:
    world = _world(_NEWER)
    outcome = release_image(world)

    assert world.functions.calls == []
    assert (outcome.status, outcome.error, outcome.is_changed) == (ReleaseStatus.SKIPPED, None, False)
    (warning,) = world.log.of_kind("warning")
    assert "newer run 12345678909" in warning
    assert world.journal.errors == ()


@pytest.mark.parametrize(
    ("target", "run"),
    [(replace(LIVE, allows_stale=True), RUN), (LIVE, replace(RUN, attempt="2"))],
)
def test_an_older_run_that_may_replace_a_newer_one_does(target: FunctionTarget, run: object) -> None:
    world = _world(_NEWER)
    world.journal.run = replace(RUN, attempt="2") if run is not RUN else RUN
    outcome = release_image(world, target)

    assert (outcome.status, world.live.version) == (ReleaseStatus.DEPLOYED, "8")


def test_the_new_plan_leaves_a_newer_run_s_release_alone() -> None:
    world = _world()

    def overtake() -> None:
        world.functions.serve(SOMEBODY_ELSES)
        world.functions.published["8"] = version_state("8", SOMEBODY_ELSES, _NEWER)
        world.aliases.put(alias_state("8", description=_NEWER))

    world.functions.before["update_code"] = overtake
    outcome = release_image(world)

    assert world.functions.changes == []
    assert (outcome.status, outcome.after.version, outcome.after.image) == (
        ReleaseStatus.SKIPPED,
        "8",
        SOMEBODY_ELSES,
    )
    assert outcome.is_changed is False


def test_without_an_alias_the_newest_version_records_the_last_run() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7", OLD, _NEWER)]))
    outcome = release_image(world, FunctionTarget(name="orders-api"))

    assert (outcome.status, world.functions.changes) == (ReleaseStatus.SKIPPED, [])


def test_a_change_in_progress_is_waited_for_and_then_planned_from() -> None:
    world = _world()
    world.functions.latest = function_state(update=IN_PROGRESS)

    def end() -> None:
        world.functions.latest = function_state(image=NEW)

    world.clock.later(1, end)
    outcome = release_image(world)

    assert ("update_code", str(NEW), "x86_64") not in world.functions.changes
    assert (outcome.status, world.live.version) == (ReleaseStatus.DEPLOYED, "8")


def test_an_error_while_reading_again_ends_the_release() -> None:
    world = _world()
    world.functions.before["update_code"] = raising(RevisionError("changed"))
    world.functions.before["read_alias"] = raising(DeployError("lambda:GetAlias denied"))
    world.functions.before["read"] = lambda: world.functions.serve(SOMEBODY_ELSES)

    outcome = release_image(world)

    assert "denied" in str(outcome.error)
    assert world.functions.changes == []
