"""Releases to an alias: the order of calls, and what somebody else does meanwhile."""

from dataclasses import replace
from functools import partial

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError, InProgressError
from ecr_lambda_deploy.model.functions import AliasState, ObservedFunction
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget, SmokeTest, TrafficStep
from tests.unit.fakes.examples import NEW, OLD, RUN, SOMEBODY_ELSES, alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_WITHOUT = FunctionTarget(name="orders-api")
_TESTED = replace(LIVE, smoke_test=SmokeTest(event="{}"))
_CANARY = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=10), TrafficStep(weight=0.5, seconds=10)))
_UPDATE, _PUBLISH = ("update_code", str(NEW), "x86_64"), ("publish_version", "8")


def _world(alias: AliasState | None = None) -> World:
    functions = FakeFunctions(versions=[version_state("7")])
    return World(functions=functions, alias=alias or alias_state("7", description="before"))


def test_everything_is_read_and_allowed_before_the_first_change_and_the_alias_moves_last() -> None:
    world = _world()
    outcome = release_image(world, _TESTED)

    assert [call for call in world.functions.calls if call != "concurrency"] == [
        "check_may_publish",
        "check_may_point",
        "update_code",
        "read",
        "invoke",
        "publish_version",
        "point_alias",
    ]
    assert world.functions.calls.count("concurrency") == 1  # beside another call
    assert world.functions.calls.index("concurrency") > world.functions.calls.index("invoke")
    assert world.functions.changes == [_UPDATE, _PUBLISH, ("point_alias", "8")]
    assert world.invocations.invoked == [("$LATEST", str(NEW), "{}")]
    assert (outcome.status, outcome.is_changed, outcome.error) == (ReleaseStatus.DEPLOYED, True, None)
    assert (outcome.after.image, outcome.after.version) == (NEW, "8")


def test_version_and_alias_say_which_run_it_was() -> None:
    world = _world()
    release_image(world)

    assert Record.parse(world.functions.published["8"].description) == Record.of(RUN, commit=RUN.commit, previous="7")
    assert Record.parse(world.live.description) == Record.of(RUN)


@pytest.mark.parametrize("seconds", [0.05, 5])
def test_lambda_is_waited_for_after_each_change(seconds: float) -> None:
    world = _world()
    world.functions.seconds_to_update = world.functions.seconds_to_activate = seconds
    begun: dict[str, float] = {}
    for call in ("update_code", "invoke", "publish_version", "point_alias"):
        world.functions.whenever[call] = partial(lambda call: begun.update({call: world.clock.now()}), call)
    release_image(world, _TESTED)

    assert world.functions.changes == [_UPDATE, _PUBLISH, ("point_alias", "8")]
    assert begun["invoke"] - begun["update_code"] == pytest.approx(seconds, abs=2)
    assert begun["invoke"] >= begun["update_code"] + seconds
    assert begun["point_alias"] >= begun["publish_version"] + seconds
    assert not world.log.of_kind("info")[1].endswith("waiting")


def test_the_log_says_what_is_done() -> None:
    world = _world()
    release_image(world)

    assert world.log.of_kind("info") == [
        f"orders-api: updating to {NEW.short} (x86_64)",
        f"orders-api: Lambda runs {NEW.short} after 0.0 s",
        "orders-api: published version 8",
        "orders-api: the alias live points to version 8",
    ]


def test_an_alias_that_is_missing_is_created() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))
    outcome = release_image(world)

    assert world.functions.changes[-1] == ("point_alias", "8")
    assert "create_alias" in world.functions.calls
    assert outcome.after.alias == world.live
    assert world.live.version == "8"


def test_an_alias_at_the_right_version_is_left_alone() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7"))
    outcome = release_image(world, image=OLD)

    assert world.functions.calls == []
    assert (outcome.status, outcome.is_changed, outcome.after.version) == (ReleaseStatus.UNCHANGED, False, "7")


def test_nothing_is_published_twice_and_the_description_stays() -> None:
    functions = FakeFunctions(versions=[version_state("7", description="of an earlier run")])
    world = World(functions=functions)
    outcome = release_image(world, image=OLD)

    assert world.functions.changes == [("point_alias", "7")]
    assert outcome.after.version == "7"
    assert isinstance(outcome.after, ObservedFunction)
    assert [version.description for version in outcome.after.versions] == ["of an earlier run"]


def test_leftover_weights_are_cleared_first() -> None:
    functions = FakeFunctions(versions=[version_state("7"), version_state("8", SOMEBODY_ELSES)])
    world = World(functions=functions, alias=alias_state("7", weights={"8": 0.1}, description="before"))
    release_image(world)

    assert world.functions.changes == [("point_alias", "7"), _UPDATE, ("publish_version", "9"), ("point_alias", "9")]


@pytest.mark.parametrize("call", ["check_may_publish", "check_may_point"])
def test_a_missing_permission_is_found_before_anything_changes(call: str) -> None:
    world = _world()
    world.functions.refusals[call] = DeployError("denied", "allow it")
    outcome = release_image(world)

    assert world.functions.changes == []
    assert (outcome.status, str(outcome.error)) == (ReleaseStatus.FAILED, "denied\nallow it")


# What somebody else does, and just before which call of ours.


def _others_update(world: World) -> None:
    world.functions.serve(SOMEBODY_ELSES)


def _others_configuration(world: World) -> None:
    world.functions.latest = world.functions.latest


@pytest.mark.parametrize("call", ["update_code", "publish_version"])
def test_somebody_else_s_change_of_the_configuration_does_not_fail_the_release(call: str) -> None:
    world = _world()
    world.functions.before[call] = lambda: _others_configuration(world)
    outcome = release_image(world)

    assert world.functions.changes == [_UPDATE, _PUBLISH, ("point_alias", "8")]
    assert outcome.status is ReleaseStatus.DEPLOYED


@pytest.mark.parametrize("call", ["update_code", "publish_version"])
def test_somebody_else_s_change_in_progress_is_waited_for(call: str) -> None:
    world = _world()
    world.functions.seconds_to_update = 0.5

    def begin() -> None:
        world.functions.conflicts = 2

    world.functions.before[call] = begin
    outcome = release_image(world)

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert world.log.of_kind("info").count("orders-api: somebody else is changing it; waiting") == 2


def test_an_update_whose_answer_was_lost_is_not_made_twice() -> None:
    world = _world()

    def carry_out() -> None:
        revision = world.functions.latest.revision_id
        world.functions.update_code("orders-api", NEW, "x86_64", revision_id=revision)

    world.functions.before["update_code"] = carry_out  # and the client repeats the request
    outcome = release_image(world)

    assert world.functions.changes == [_UPDATE, _PUBLISH, ("point_alias", "8")]
    assert outcome.status is ReleaseStatus.DEPLOYED


@pytest.mark.parametrize(
    ("move", "weights", "description"),
    [
        (("point_alias", "7", "8=0.1"), {"8": 0.1}, "before"),
        (("point_alias", "7", "8=0.5"), {"8": 0.5}, "before"),
        (("point_alias", "8"), {}, str(Record.of(RUN))),
    ],
)
def test_a_move_of_the_alias_whose_answer_was_lost_is_the_run_s_own(
    move: tuple[str, ...], weights: dict[str, float], description: str
) -> None:
    world = _world()

    def carry_out() -> None:
        world.aliases.put(replace(world.live, version=move[1], weights=weights, description=description))

    world.functions.before[move] = carry_out  # and the client repeats the request
    outcome = release_image(world, _CANARY)

    assert (outcome.status, outcome.error) == (ReleaseStatus.DEPLOYED, None)
    assert (world.live.version, world.live.weights) == ("8", {})


def test_a_creation_of_the_alias_whose_answer_was_lost_is_the_run_s_own() -> None:
    world = World(functions=FakeFunctions(versions=[version_state("7")]))

    def carry_out() -> None:
        world.aliases.put(alias_state("8", description=str(Record.of(RUN))))

    world.functions.before["create_alias"] = carry_out  # and the client repeats the request
    outcome = release_image(world)

    assert (outcome.status, outcome.error, world.live.version) == (ReleaseStatus.DEPLOYED, None, "8")


def test_an_update_of_somebody_else_s_is_decided_on_again() -> None:
    world = _world()
    world.functions.before["update_code"] = lambda: _others_update(world)
    outcome = release_image(world)

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert outcome.before.latest is not None
    assert outcome.before.latest.image == SOMEBODY_ELSES
    assert any(line.startswith("orders-api: deciding again: ") for line in world.log.of_kind("info"))


@pytest.mark.parametrize("call", ["read", "invoke", "publish_version"])
def test_code_of_somebody_else_s_is_neither_published_nor_taken_away(call: str) -> None:
    world = _world()
    world.functions.before[call] = lambda: _others_update(world)
    outcome = release_image(world, _TESTED)

    assert [*world.functions.published] == ["7"]
    assert world.live.version == "7"
    assert world.functions.latest.image == SOMEBODY_ELSES
    assert outcome.status is ReleaseStatus.FAILED
    assert "somebody else updated it meanwhile" in str(outcome.error)
    assert f"$LATEST runs {SOMEBODY_ELSES}: somebody else has updated it since, so it stays." in str(outcome.error)
    assert outcome.after.latest is not None
    assert outcome.after.latest.image == SOMEBODY_ELSES


def test_code_of_somebody_else_s_that_comes_after_the_version_is_no_concern_of_the_alias() -> None:
    world = _world()
    world.functions.before["point_alias"] = lambda: _others_update(world)
    outcome = release_image(world)

    assert (outcome.status, world.live.version) == (ReleaseStatus.DEPLOYED, "8")


@pytest.mark.parametrize("seconds", [0.5, 4.5])
def test_a_role_that_is_too_new_is_tried_again(seconds: float) -> None:
    world = World()
    world.functions.vanish()
    world.functions.refusals["create"] = InProgressError("The role cannot be assumed by Lambda")
    world.clock.later(seconds, world.functions.refusals.clear)
    outcome = release_image(world, replace(LIVE, creation={"Role": "r"}))

    assert outcome.status is ReleaseStatus.CREATED
    assert world.functions.calls.count("create") == round(seconds + 0.5) + 1  # once a second


def test_a_role_that_cannot_be_assumed_is_told_in_time() -> None:
    world = World()
    world.functions.vanish()
    world.functions.refusals["create"] = InProgressError("The role cannot be assumed by Lambda", "Fix its policy")
    outcome = release_image(world, replace(LIVE, creation={"Role": "r"}, wait_timeout=600))

    assert str(outcome.error) == "The role cannot be assumed by Lambda\nFix its policy"
    assert outcome.status is ReleaseStatus.FAILED
    assert 60 <= outcome.seconds < 62


def test_a_function_is_created_tested_published_and_given_its_alias() -> None:
    world = World()
    world.functions.vanish()
    world.functions.seconds_to_update = 0.2
    outcome = release_image(world, replace(_TESTED, creation={"Role": "r"}))

    assert world.functions.changes == [
        ("create", str(NEW), "x86_64", "Role"),
        ("publish_version", "1"),
        ("point_alias", "1"),
    ]
    assert not {"check_may_publish", "check_may_point", "update_code"} & {*world.functions.calls}
    assert (outcome.status, outcome.is_changed, outcome.after.version) == (ReleaseStatus.CREATED, True, "1")


def test_a_function_that_somebody_else_creates_meanwhile_is_updated() -> None:
    world = World()
    world.functions.vanish()

    def create() -> None:
        world.functions.create("orders-api", SOMEBODY_ELSES, "x86_64", {})

    world.functions.before["create"] = create
    outcome = release_image(world, replace(LIVE, creation={"Role": "r"}))

    assert world.functions.changes[1:] == [_UPDATE, ("publish_version", "1"), ("point_alias", "1")]
    assert outcome.status is ReleaseStatus.DEPLOYED


def test_the_smoke_test_says_when_the_code_serves_already() -> None:
    world = _world()
    release_image(world, replace(_WITHOUT, smoke_test=_TESTED.smoke_test))
    assert any("serves already" in line for line in world.log.of_kind("info"))

    world = _world()
    release_image(world, _TESTED)
    assert not any("serves already" in line for line in world.log.of_kind("info"))
