"""Functions on Lambda Managed Instances: `$LATEST` cannot be invoked, and calls without an alias run what is published.

What `$LATEST.PUBLISHED` runs, if there is one, is `LATEST_PUBLISHED` of the published versions of a world.
"""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.functions.managed_instances import publish_latest
from ecr_lambda_deploy.functions.reads import observe_with_versions, read_serving
from ecr_lambda_deploy.functions.writes import FunctionWriter
from ecr_lambda_deploy.model.errors import DeployError, TakenOverError, VersionLimitError
from ecr_lambda_deploy.model.functions import LATEST_PUBLISHED, FunctionState, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import Expectation, FunctionTarget, SmokeTest, TrafficStep
from ecr_lambda_deploy.ports.functions import Response
from ecr_lambda_deploy.releases.plan import PublishLatest, is_served, may_need_release, plan_release
from ecr_lambda_deploy.report.undo import undo
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import (
    ACTIVE_NON_INVOCABLE,
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

_PROVIDER = "arn:aws:lambda:eu-west-1:123456789012:capacity-provider:fleet"
_TEST = SmokeTest(event="{}", expect=Expectation(value={"ok": True}))
_PLAIN = FunctionTarget(name="orders-api", wait_timeout=60)
_TESTED = replace(_PLAIN, smoke_test=_TEST)
_UNPUBLISHED = replace(_TESTED, publish=False)


def _latest(image: ImageReference = OLD) -> FunctionState:
    return function_state(image=image, state=ACTIVE_NON_INVOCABLE, capacity_provider=_PROVIDER)


def _version(number: str, image: ImageReference = OLD, description: str = "") -> FunctionState:
    return replace(version_state(number, image, description), capacity_provider=_PROVIDER)


def _world(*, serves: ImageReference | None = OLD, latest: ImageReference = OLD, alias: bool = False) -> World:
    """A function whose version 7 has the image `OLD`, and whose `$LATEST.PUBLISHED` serves an image."""
    versions = [_version("7"), *([_version(LATEST_PUBLISHED, serves)] if serves else [])]
    functions = FakeFunctions(_latest(latest), versions=versions)
    return World(functions=functions, alias=alias_state("7") if alias else None)


def _changes(world: World) -> list[str]:
    return [" ".join(change[:2] if change[0] != "update_code" else change[:1]) for change in world.functions.changes]


def _served(world: World) -> ImageReference | None:
    return world.functions.published[LATEST_PUBLISHED].image


def test_the_version_is_tested_and_then_the_alias_moves() -> None:
    world = _world(alias=True)
    outcome = release_image(world, replace(LIVE, smoke_test=_TEST))

    assert (outcome.status, outcome.after.version) == (ReleaseStatus.DEPLOYED, "8")
    assert _changes(world) == ["update_code", "publish_version 8", "point_alias 8"]
    assert world.invocations.invoked == [("8", str(NEW), "{}")]
    assert _served(world) == OLD  # calls without the alias are not ours


def test_without_an_alias_the_version_is_tested_and_then_calls_run_it() -> None:
    world = _world()
    outcome = release_image(world, _TESTED)

    assert (outcome.status, outcome.is_changed, outcome.after.version) == (ReleaseStatus.DEPLOYED, True, "8")
    assert outcome.after.image == NEW
    assert _changes(world) == ["update_code", "publish_version 8", f"publish_version {LATEST_PUBLISHED}"]
    assert world.invocations.invoked == [("8", str(NEW), "{}")]
    assert _served(world) == NEW
    assert not any("serves already" in line for line in world.log.of_kind("info"))

    world.next_run()
    assert release_image(world, _TESTED).status is ReleaseStatus.UNCHANGED
    assert world.functions.changes == []


def test_without_versions_calls_run_the_code_and_then_it_is_tested() -> None:
    world = _world()
    outcome = release_image(world, _UNPUBLISHED)

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert _changes(world) == ["update_code", f"publish_version {LATEST_PUBLISHED}"]
    assert world.invocations.invoked == [(LATEST_PUBLISHED, str(NEW), "{}")]
    assert any("serves already" in line for line in world.log.of_kind("info"))


@pytest.mark.parametrize("target", [_TESTED, _UNPUBLISHED])
def test_what_has_been_set_since_calls_run_it_is_published_although_the_image_is_the_same(
    target: FunctionTarget,
) -> None:
    world = _world()
    release_image(world, target)
    world.next_run()
    world.functions.latest = replace(world.functions.latest, description="sends orders")
    assert release_image(world, target).status is ReleaseStatus.UNCHANGED

    world.next_run()
    world.functions.latest = replace(world.functions.latest, settings={"MemorySize": "256"})
    outcome = release_image(world, target)
    assert (outcome.status, outcome.is_changed) == (ReleaseStatus.DEPLOYED, True)
    assert outcome.reason == f"its configuration is not that of {LATEST_PUBLISHED}: MemorySize"
    numbered = ["publish_version 9"] if target.publish else []
    assert _changes(world) == [*numbered, f"publish_version {LATEST_PUBLISHED}"]
    assert world.functions.published[LATEST_PUBLISHED].settings == {"MemorySize": "256"}
    world.next_run()
    assert release_image(world, target).status is ReleaseStatus.UNCHANGED


@pytest.mark.parametrize(
    ("latest", "serves", "reason"),
    [(NEW, OLD, "its code is not published"), (NEW, None, f"there is no {LATEST_PUBLISHED}")],
)
def test_calls_that_run_other_code_are_a_reason(
    latest: ImageReference, serves: ImageReference | None, reason: str
) -> None:
    world = _world(latest=latest, serves=serves)
    observed = world.observe(_PLAIN)
    assert may_need_release(_PLAIN, observed, NEW, "x86_64")
    assert not is_served(_PLAIN, observed, NEW, "x86_64")
    plan = plan_release(_PLAIN, observed, image=NEW, architecture="x86_64", run=RUN)
    assert plan.reason == reason
    release_image(world, _PLAIN)
    assert _changes(world) == ["publish_version 8", f"publish_version {LATEST_PUBLISHED}"]
    assert _served(world) == NEW


def test_calls_change_together_with_the_aliases_of_others() -> None:
    plan = plan_release(_TESTED, _world().observe(_TESTED), image=NEW, architecture="x86_64", run=RUN)
    assert [[type(step) for step in stage] for stage in plan.stages[1:]] == [[], [PublishLatest], []]


def test_a_function_that_is_created_on_managed_instances_is_known_to_be_one() -> None:
    world = World()
    world.functions.vanish()
    target = replace(_TESTED, creation={"CapacityProviderConfig": {"Provider": _PROVIDER}})
    world.functions.end_of_update = lambda state: replace(
        state, state=ACTIVE_NON_INVOCABLE, capacity_provider=_PROVIDER
    )
    outcome = release_image(world, target)

    assert (outcome.status, outcome.after.version) == (ReleaseStatus.CREATED, "1")
    assert world.invocations.invoked == [("1", str(NEW), "{}")]
    assert _served(world) == NEW


_WRONG = Response(payload="{}", error="", log="")


def test_a_version_that_fails_its_test_serves_nobody() -> None:
    world = _world()
    world.invocations.answer = _WRONG
    outcome = release_image(world, _TESTED)

    assert (outcome.status, outcome.is_changed) == (ReleaseStatus.REVERTED, False)
    assert _changes(world) == ["update_code", "publish_version 8", "update_code"]
    assert (world.functions.latest.image, _served(world)) == (OLD, OLD)


@pytest.mark.parametrize("latest", [OLD, SOMEBODY_ELSES])
def test_what_calls_ran_before_is_published_again(latest: ImageReference) -> None:
    world = _world(latest=latest)
    world.invocations.answer = _WRONG
    outcome = release_image(world, _UNPUBLISHED)

    assert (outcome.status, outcome.is_changed) == (ReleaseStatus.REVERTED, False)
    publish = f"publish_version {LATEST_PUBLISHED}"
    assert _changes(world) == ["update_code", publish, "update_code", publish]
    assert (world.functions.latest.image, _served(world)) == (OLD, OLD)
    assert f"{LATEST_PUBLISHED} runs {OLD} again." in str(outcome.error)


def test_what_cannot_be_published_again_is_left_as_commands() -> None:
    world = _world()
    world.invocations.answer = _WRONG
    world.functions.before["update_code", OLD] = raising(DeployError("denied"))
    outcome = release_image(world, _UNPUBLISHED)

    assert outcome.status is ReleaseStatus.FAILED
    assert outcome.recovery[-1] == (
        "aws lambda publish-version --region eu-west-1 --function-name orders-api --publish-to LATEST_PUBLISHED"
    )
    assert "update-function-code" in outcome.recovery[0]


def test_the_first_of_its_kind_stays() -> None:
    world = _world(serves=None)
    world.invocations.answer = _WRONG
    outcome = release_image(world, _UNPUBLISHED)

    assert outcome.status is ReleaseStatus.FAILED
    assert _changes(world) == ["update_code", f"publish_version {LATEST_PUBLISHED}"]
    assert f"{LATEST_PUBLISHED} of orders-api is new and stays" in str(outcome.error)


def test_a_version_for_which_there_are_no_instances_is_told() -> None:
    world = _world()
    world.functions.version_state = Status(value="Failed", reason_code="InsufficientCapacity", reason="no instances")
    outcome = release_image(world, _UNPUBLISHED)

    assert f"{LATEST_PUBLISHED} of orders-api did not become active: State Failed (InsufficientCapacity" in str(
        outcome.error
    )
    assert _PROVIDER in str(outcome.error)


def test_somebody_elses_code_is_not_published() -> None:
    world = _world()
    world.functions.after["publish_version"] = lambda: world.functions.serve(SOMEBODY_ELSES)
    outcome = release_image(world, _PLAIN)

    assert isinstance(outcome.error, DeployError)
    assert "somebody else updated it meanwhile" in str(outcome.error)
    assert f"publish_version {LATEST_PUBLISHED}" not in _changes(world)


def test_a_change_in_progress_is_waited_for_and_code_that_changes_meanwhile_is_not_published() -> None:
    world = _world(latest=NEW)
    observed = world.observe(_PLAIN)
    writer = FunctionWriter(
        ports=world.ports(), clock=world.clock, target=_PLAIN, run=RUN, start=observed, now=observed
    )
    world.functions.conflicts = 2
    publish_latest(writer, "a")
    assert (_served(world), writer.written.latest_published) == (NEW, True)

    world.functions.conflicts = 1
    world.functions.before["publish_version"] = lambda: world.functions.serve(SOMEBODY_ELSES)
    with pytest.raises(TakenOverError):
        publish_latest(writer, "a")
    assert _served(world) == NEW


def test_when_there_is_no_room_versions_that_nothing_needs_are_named() -> None:
    versions = [_version(str(number), description=str(Record(previous=str(number - 1)))) for number in range(1, 12)]
    functions = FakeFunctions(_latest(), versions=versions)
    world = World(functions=functions, alias=alias_state("10"))
    functions.before["publish_version"] = raising(VersionLimitError("PublishVersion failed: no more versions"))
    outcome = release_image(world)

    error = outcome.error
    assert error is not None
    assert error.message.startswith("PublishVersion failed: no more versions")
    assert "list-function-versions-by-capacity-provider --region eu-west-1 --capacity-provider-name fleet" in error.hint
    deleted = [line.rpartition(" ")[2] for line in error.hint.splitlines() if "delete-function" in line]
    assert deleted == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(("serving", "deleted"), [("1", []), ("2", []), ("3", ["1"])])
def test_what_serves_and_what_served_before_is_not_among_them(serving: str, deleted: list[str]) -> None:
    versions = [_version(str(number), description=str(Record(previous=str(number - 1)))) for number in (1, 2, 3)]
    functions = FakeFunctions(_latest(), versions=versions[: int(serving)])
    world = World(functions=functions, alias=alias_state(serving))
    functions.before["publish_version"] = raising(VersionLimitError("full"))
    error = release_image(world).error

    assert error is not None
    assert [line.rpartition(" ")[2] for line in error.hint.splitlines() if "delete-function" in line] == deleted


def test_a_function_that_is_not_managed_is_read_as_before() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    read_serving(_PLAIN, world.functions, world.aliases)
    assert world.functions.calls == ["read"]


def test_all_reads_tell_what_calls_run() -> None:
    world = _world(latest=NEW)
    for observed in (
        read_serving(_PLAIN, world.functions, world.aliases),
        read_serving(_PLAIN, world.functions, world.aliases, inspect_unfinished=True),
        world.observe(_PLAIN),
        observe_with_versions(_PLAIN, world.functions, world.aliases),
    ):
        assert observed.image == OLD
        assert observed.latest is not None
        assert observed.latest.image == NEW
    assert world.observe(_PLAIN).version == "7"
    assert world.observe(LIVE).latest_published is None


def test_a_version_of_an_alias_does_not_take_the_state_of_latest() -> None:
    observed = _world(alias=True).observe(LIVE)
    assert observed.aliased is not None
    assert observed.aliased.state.value == "Active"


def test_an_alias_of_what_calls_run_moves_to_a_version_and_back() -> None:
    world = World(functions=_world().functions, alias=alias_state(LATEST_PUBLISHED))
    world.functions.after["point_alias", "8"] = raising(DeployError("no answer"))
    target = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=60),))
    assert world.observe(target).version == ""
    outcome = release_image(world, target)

    assert outcome.status is ReleaseStatus.REVERTED
    assert [change for change in _changes(world) if "alias" in change] == [
        "point_alias 8",
        f"point_alias {LATEST_PUBLISHED}",
    ]


def test_the_summary_has_the_way_back_in_a_terminal() -> None:
    world = _world()
    before = world.observe(_PLAIN)
    release_image(world, _PLAIN)
    world.journal.outcomes = (Outcome(before=before, after=world.outcome.after, status=ReleaseStatus.DEPLOYED),)
    shown, folded = undo(world.journal)
    text = "\n".join([*shown, *folded])
    assert text.index("update-function-code") < text.index("--publish-to LATEST_PUBLISHED")
