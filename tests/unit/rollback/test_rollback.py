"""Rollbacks, with everything outside in memory."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import DeployError, RevisionError
from ecr_lambda_deploy.model.functions import AliasState, FunctionState, Status
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import EarlierRelease, FunctionTarget, Mode, SmokeTest, TrafficStep
from ecr_lambda_deploy.ports.functions import Response
from ecr_lambda_deploy.report.outputs import outputs
from ecr_lambda_deploy.report.summary import summary
from ecr_lambda_deploy.rollback.rollback import roll_back
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import (
    FAILED_UPDATE,
    IN_PROGRESS,
    INACTIVE,
    RUN,
    SOMEBODY_ELSES,
    alias_state,
    function_state,
    image,
    version_state,
)
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.world import LIVE, World, image_target

_WITHOUT = FunctionTarget(name="orders-api")
_COMMITS = {number: 40 * number for number in "12345"}
_IMAGES = {number: image(number) for number in "12345"}


def _version(number: str) -> FunctionState:
    """Return a version that was released after the one before it, by the run 10 times its number."""
    run = replace(RUN, run_id=str(10 * int(number)))
    previous = str(int(number) - 1) if number != "1" else ""
    description = str(Record.of(run, commit=_COMMITS[number], previous=previous))
    return version_state(number, _IMAGES[number], description)


def _world(*, alias: AliasState | None = None, latest: str = "4") -> World:
    """Return a world in which the versions 1 to 4 were released, one after the other."""
    versions = [_version(number) for number in "1234"]
    functions = FakeFunctions(function_state(image=_IMAGES[latest]), versions=versions)
    world = World(functions=functions, alias=alias)
    for number, reference in _IMAGES.items():
        world.registry.hold(registry_image(reference), _COMMITS[number])
    return world


def _at(number: str = "4", **others: str) -> World:
    return _world(alias=alias_state(number, description=others.get("description", "")), latest=number)


def _roll_back(world: World, to: str = "previous", target: FunctionTarget = LIVE) -> None:
    source = EarlierRelease(to=to)
    inputs = Inputs(
        mode=Mode.ROLLBACK,
        images=(image_target(source, tags=(), functions=(target,)),),
        region="eu-west-1",
        role=None,
    )
    roll_back(inputs, world.ports(), world.journal)


def _fail(world: World, to: str = "previous", target: FunctionTarget = LIVE) -> DeployError:
    with pytest.raises(DeployError) as caught:
        _roll_back(world, to, target)
    assert world.functions.changes == []
    return caught.value


def _update_to(number: str) -> tuple[str, ...]:
    return ("update_code", str(_IMAGES[number]), "x86_64")


def test_the_alias_goes_back_first_and_the_code_follows() -> None:
    world = _at()
    _roll_back(world)

    assert world.functions.changes == [("point_alias", "3"), _update_to("3")]
    assert [*world.functions.published] == ["1", "2", "3", "4"]
    assert (world.outcome.status, world.outcome.after.version) == (ReleaseStatus.ROLLED_BACK, "3")
    assert Record.parse(world.live.description) == Record.of(RUN, mode="rollback", repeats="30")
    assert world.journal.errors == ()
    assert [phase.title for phase in world.journal.phases] == ["Check", "Roll back"]
    assert world.log.groups == ["Check"]


def test_configuration_that_stays_at_latest_is_told() -> None:
    world = _at()
    world.functions.latest = replace(world.functions.latest, settings={"ImageConfig.Command": '["new"]'})
    _roll_back(world)

    (told,) = [line for line in world.log.of_kind("notice") if "keeps its configuration" in line]
    assert told.startswith("$LATEST of orders-api keeps its configuration, which differs from that of version 3 in ")
    assert "ImageConfig.Command" in told


def test_configuration_that_is_the_same_is_not_mentioned() -> None:
    world = _at()
    _roll_back(world)

    assert world.log.of_kind("notice") == []


def test_an_alias_that_is_not_there_is_not_made() -> None:
    world = _world()
    error = _fail(world)

    assert error.message == "orders-api has no alias live that could go back."
    assert "leave out 'alias' if they move none" in error.hint


def test_neither_a_builder_nor_the_registry_s_authorization_is_needed() -> None:
    world = _at()
    _roll_back(world)

    assert world.calls == ["check_available"]


@pytest.mark.parametrize("alias", ["live", ""])
def test_the_summary_shows_the_commit_that_is_back(alias: str) -> None:
    world = _at() if alias else _world()
    _roll_back(world, target=replace(LIVE, alias=alias))
    text = summary(world.journal)

    assert f"/commit/{_COMMITS['3']})" in text
    assert RUN.commit not in text
    assert f"back to version 3, commit {_COMMITS['3'][:12]}" in world.outcome.reason


def test_a_version_without_a_commit_has_none_in_the_summary() -> None:
    world = _at()
    world.functions.published["3"] = replace(world.functions.published["3"], description="by hand")
    _roll_back(world, "3")

    assert "| Commit |" not in summary(world.journal)


def test_an_image_that_no_version_has_is_recorded_with_the_commit_on_its_label() -> None:
    world = _at()
    world.registry.hold(replace(registry_image(_IMAGES["5"]), revision=40 * "d"))
    _roll_back(world, _IMAGES["5"].digest)

    assert Record.parse(world.functions.published["5"].description).commit == 40 * "d"


def test_the_url_of_the_alias_is_told_even_if_the_rollback_fails() -> None:
    world = _at("4")
    world.aliases.urls["live"] = "https://live.example/"
    world.functions.whenever["versions"] = raising(DeployError("denied"))
    _fail(world)

    assert outputs(world.journal)["function-url"] == "https://live.example/"


def test_the_outputs_of_a_rollback() -> None:
    world = _at()
    _roll_back(world)
    written = outputs(world.journal)

    assert (written["image-uri"], written["function-version"]) == (str(_IMAGES["3"]), "3")
    assert (written["previous-image-uri"], written["previous-version"]) == (str(_IMAGES["4"]), "4")
    assert written["changed"] == "true"


def _run(number: int, attempt: str = "1") -> WorkflowRun:
    return replace(RUN, run_id=str(22345678900 + number), attempt=attempt)


def test_each_rollback_goes_further_back() -> None:
    world = _at()
    went = []
    for number in range(3):
        world.next_run(_run(number))
        _roll_back(world)
        went.append(world.live.version)
        world.next_run(_run(number, "2"))
        _roll_back(world)
        assert world.functions.changes == []
        assert world.outcome.status is ReleaseStatus.UNCHANGED

    assert went == ["3", "2", "1"]
    world.next_run(_run(9))
    assert "does not record which version served before" in str(_fail(world))


def test_each_rollback_without_an_alias_goes_further_back() -> None:
    world = _world()
    for number, target in enumerate("321"):
        world.next_run(_run(number))
        _roll_back(world, target=_WITHOUT)
        assert world.functions.changes == [_update_to(target), ("publish_version", str(number + 5))]
        assert world.functions.latest.image == _IMAGES[target]
        assert world.outcome.is_changed
        world.next_run(_run(number, "2"))
        _roll_back(world, target=_WITHOUT)
        assert world.functions.changes == []
        assert world.outcome.status is ReleaseStatus.UNCHANGED

    assert Record.parse(world.functions.published["5"].description) == Record.of(
        _run(0), commit=_COMMITS["3"], previous="2", mode="rollback", repeats="30"
    )
    assert Record.parse(world.functions.published["7"].description) == Record.of(
        _run(2), commit=_COMMITS["1"], mode="rollback", repeats="10"
    )


@pytest.mark.parametrize(
    ("target", "moment"),
    [
        (LIVE, "point_alias"),
        (LIVE, "update_code"),
        (LIVE, "while it is updated"),
        (_WITHOUT, "update_code"),
        (_WITHOUT, "while it is updated"),
        (_WITHOUT, "publish_version"),
    ],
)
def test_a_rollback_that_was_killed_goes_on_where_it_was(target: FunctionTarget, moment: str) -> None:
    world = _at() if target.alias else _world()
    kill = raising(KeyboardInterrupt())
    world.functions.seconds_to_update = 2
    if moment == "while it is updated":
        world.functions.after["update_code"] = lambda: world.clock.later(1, kill)
    else:
        world.functions.before[moment] = kill
    with pytest.raises(KeyboardInterrupt):
        _roll_back(world, target=target)
    world.next_run(replace(RUN, attempt="2"))
    _roll_back(world, target=target)

    assert world.functions.latest.image == _IMAGES["3"]
    assert world.outcome.after.image == _IMAGES["3"]
    if target.alias:
        assert world.live.version == "3"
    else:
        newest = list(world.functions.published.values())[-1]
        assert newest.image == _IMAGES["3"]
        assert Record.parse(newest.description).previous == "2"


@pytest.mark.parametrize(
    ("to", "expected"),
    [
        ("2", "2"),
        (_COMMITS["2"], "2"),
        (_COMMITS["2"][:7], "2"),
        (_IMAGES["2"].digest, "2"),
        ("4", "4"),
    ],
)
def test_what_is_named_comes_back_and_going_forward_is_naming_it(to: str, expected: str) -> None:
    world = _at("3")
    _roll_back(world, to)

    assert world.functions.changes == [("point_alias", expected), _update_to(expected)]


def _claim(world: World, number: str, commit: str) -> None:
    """Have a version's description name another commit than that of its image."""
    version = world.functions.published[number]
    description = str(replace(Record.parse(version.description), commit=commit))
    world.functions.published[number] = replace(version, description=description)


@pytest.mark.parametrize("to", [_COMMITS["2"], _COMMITS["2"][:7]])
def test_rule_7_a_commit_means_the_version_whose_image_has_its_tag(to: str) -> None:
    world = _at()
    _claim(world, "3", _COMMITS["2"])
    _roll_back(world, to)

    assert world.live.version == "2"
    assert world.log.of_kind("notice") == []


def test_rule_7_the_tag_may_be_on_an_index_that_the_image_belongs_to() -> None:
    world = _at()
    _claim(world, "3", _COMMITS["2"])
    world.registry.hold_index(registry_image(_IMAGES["2"]), tag=_COMMITS["2"])
    _roll_back(world, _COMMITS["2"])

    assert world.live.version == "2"
    assert world.log.of_kind("notice") == []


@pytest.mark.parametrize("tag", ["", "5"])
def test_rule_7_a_commit_that_only_a_description_names_is_told(tag: str) -> None:
    world = _at()
    del world.orders.tags[_COMMITS["2"]]
    if tag:
        world.orders.tag(_COMMITS["2"], _IMAGES[tag].digest)
    _roll_back(world, _COMMITS["2"])

    assert world.live.version == "2"
    (notice,) = world.log.of_kind("notice")
    assert f"version 2 of orders-api is of the commit {_COMMITS['2']} is known from its description alone" in notice


def test_rule_7_a_rollback_does_not_need_to_read_the_tag() -> None:
    world = _at()
    world.fail("find_tags", DeployError("ecr:BatchGetImage: denied"))
    _roll_back(world, _COMMITS["2"])

    assert world.live.version == "2"
    assert any("is not known: ecr:BatchGetImage: denied" in line for line in world.log.of_kind("info"))
    assert len(world.log.of_kind("notice")) == 1


@pytest.mark.parametrize("to", [_COMMITS["5"], _COMMITS["5"][:7], _IMAGES["5"].digest])
def test_an_image_that_no_version_has_is_published_anew(to: str) -> None:
    world = _at()
    _roll_back(world, to)

    assert world.functions.changes == [_update_to("5"), ("publish_version", "5"), ("point_alias", "5")]
    record = Record.parse(world.functions.published["5"].description)
    assert (record.previous, record.mode) == ("4", "rollback")
    assert record.commit == (to if not to.startswith("sha256:") else "")


def test_a_commit_that_nothing_is_of_is_told_with_the_history() -> None:
    error = _fail(_at(), 40 * "9")

    assert f"No version of orders-api and no tag of the repository orders is of the commit {40 * '9'}." in str(error)
    assert "Versions of orders-api, newest first:" in error.hint


def test_the_beginning_of_several_tags_names_none() -> None:
    world = _at()
    world.orders.tags |= {"abcdef0" + 33 * "1": _IMAGES["1"].digest, "abcdef0" + 33 * "2": _IMAGES["2"].digest}

    assert "is the beginning of several tags" in str(_fail(world, "abcdef0"))


def test_several_tags_of_one_image_name_it() -> None:
    world = _at()
    world.orders.tags |= {"abcdef0" + 33 * "1": _IMAGES["5"].digest, "abcdef0" + 33 * "2": _IMAGES["5"].digest}
    _roll_back(world, "abcdef0")

    assert world.functions.latest.image == _IMAGES["5"]


@pytest.mark.parametrize("state", [INACTIVE, Status(value="Failed")])
def test_a_version_that_is_not_active_is_released_anew(state: Status) -> None:
    world = _at()
    world.functions.published["3"] = replace(world.functions.published["3"], state=state)
    _roll_back(world)

    assert world.functions.changes == [_update_to("3"), ("publish_version", "5"), ("point_alias", "5")]
    record = Record.parse(world.functions.published["5"].description)
    assert (record.commit, record.previous, record.mode) == (_COMMITS["3"], "2", "rollback")


def test_an_image_that_is_gone_is_refused() -> None:
    world = _at()
    del world.orders.images[_IMAGES["3"].digest]

    assert "does not have the image" in str(_fail(world))


def test_an_image_that_is_archived_is_refused() -> None:
    world = _at()
    world.repositories.archived.add(_IMAGES["3"].digest)

    assert "is archived" in str(_fail(world))


def test_an_image_that_nobody_may_ask_for_is_brought_back_with_a_warning() -> None:
    world = _at()
    world.repositories.may_describe = False
    _roll_back(world)

    assert world.live.version == "3"
    (warning,) = world.log.of_kind("warning")
    assert "ecr:DescribeImages" in warning


def test_a_version_whose_image_is_not_known_is_refused() -> None:
    world = _at()
    world.functions.published["3"] = replace(world.functions.published["3"], image=None)

    assert "does not say which image version 3 of orders-api runs" in str(_fail(world))


def test_a_release_that_has_not_ended_is_taken_back() -> None:
    world = _world(alias=alias_state("3", weights={"4": 0.1}))
    _roll_back(world)

    assert world.functions.changes == [("point_alias", "3"), _update_to("3")]
    assert world.live.weights == {}


@pytest.mark.parametrize("leftover", [True, False])
def test_a_release_that_failed_is_not_what_served_before(leftover: bool) -> None:
    """Version 4 was published, and had a share of the traffic for a while."""
    weights = {"4": 0.1} if leftover else {}
    world = _world(alias=alias_state("3", weights=weights), latest="3")
    _roll_back(world)

    assert world.live.version == ("3" if leftover else "2")


def test_code_that_was_never_released_is_taken_back() -> None:
    world = _world()
    world.functions.serve(SOMEBODY_ELSES)
    _roll_back(world, target=_WITHOUT)

    assert world.functions.latest.image == _IMAGES["4"]


def test_an_older_run_leaves_a_newer_run_s_release_alone() -> None:
    newer = str(Record.of(replace(RUN, run_id="12345678909")))
    world = _at(description=newer)
    _roll_back(world)

    assert world.functions.changes == []
    assert (world.outcome.status, world.journal.errors) == (ReleaseStatus.SKIPPED, ())
    assert len(world.log.of_kind("warning")) == 1


def test_a_rollback_by_hand_goes_back_from_the_last_run_and_only_older_runs_stay_away() -> None:
    world = _at("4")
    world.journal.run = replace(RUN, run_id="0.1764430000", workflow="")

    _roll_back(world)

    record = Record.parse(world.live.description)
    assert (world.live.version, record.run, record.repeats) == ("3", "40.1764430000/1", "30")
    for number, version in ((35, "3"), (40, "3"), (41, "2")):
        world.next_run(replace(RUN, run_id=str(number)))
        _roll_back(world)
        assert world.live.version == version


def test_a_function_that_was_updated_meanwhile_is_decided_on_again() -> None:
    world = _world()

    def release() -> None:
        world.functions.latest = function_state(image=_IMAGES["5"])
        world.functions.published["5"] = _version("5")
        world.functions.has_changed = False

    world.functions.before["update_code"] = release
    _roll_back(world, target=_WITHOUT)

    assert world.functions.changes == [_update_to("4"), ("publish_version", "6")]


def test_an_alias_that_was_moved_meanwhile_is_decided_on_again() -> None:
    world = _at()
    world.functions.before["point_alias"] = lambda: world.aliases.put(alias_state("2"))
    _roll_back(world)

    assert world.live.version == "1"


def test_a_move_of_the_alias_whose_answer_was_lost_is_not_a_second_rollback() -> None:
    world = _at()
    moved = alias_state("3", description=str(Record.of(RUN, mode="rollback")))
    world.functions.before["point_alias"] = lambda: world.aliases.put(moved)  # and the client asks again
    _roll_back(world)

    assert (world.live.version, world.functions.latest.image) == ("3", _IMAGES["3"])
    assert world.journal.errors == ()


def test_an_update_that_is_in_progress_is_waited_for() -> None:
    world = _at()
    world.functions.latest = replace(world.functions.latest, update=IN_PROGRESS)

    def end() -> None:
        world.functions.latest = replace(world.functions.latest, update=Status(value="Successful"))

    world.clock.later(5, end)
    _roll_back(world)

    assert world.live.version == "3"
    assert world.functions.latest.image == _IMAGES["3"]


def _breaking(world: World, number: str) -> None:
    world.functions.end_of_update = lambda state: (
        replace(state, update=FAILED_UPDATE) if state.image == _IMAGES[number] else state
    )


def test_an_alias_that_is_back_stays_there_whatever_becomes_of_the_code() -> None:
    world = _at()
    _breaking(world, "3")
    _roll_back(world)

    assert world.functions.changes == [("point_alias", "3"), _update_to("3")]
    assert (world.outcome.status, world.outcome.after.version, world.live.version) == (ReleaseStatus.FAILED, "3", "3")
    assert "The alias live stays at version 3: what was rolled back stays so." in str(world.outcome.error)
    assert "somebody else" not in str(world.outcome.error)

    world.next_run(replace(RUN, attempt="2"))
    world.functions.end_of_update = lambda state: state
    _roll_back(world)
    assert world.functions.changes == [_update_to("3")]


@pytest.mark.parametrize("takes_effect", [False, True])
def test_an_alias_that_is_back_stays_there_if_the_code_cannot_be_given(takes_effect: bool) -> None:
    world = _at()
    happening = world.functions.after if takes_effect else world.functions.before
    happening["update_code"] = raising(DeployError("no answer", "run it again"))
    _roll_back(world)

    assert world.functions.changes == [("point_alias", "3"), *([_update_to("3")] if takes_effect else [])]
    assert world.outcome.status is ReleaseStatus.FAILED
    assert (world.outcome.after.version, world.live.version, world.live.weights) == ("3", "3", {})
    assert world.outcome.error is not None
    assert world.outcome.error.message.splitlines() == [
        "no answer",
        "The alias live stays at version 3: what was rolled back stays so.",
    ]
    assert outputs(world.journal)["image-uri"] == str(_IMAGES["3"])
    assert world.outcome.after.latest is not None
    assert world.outcome.after.latest.image == world.functions.latest.image


def _calls_of_a_rollback() -> list[tuple[str, int]]:
    """Return each call of the second phase with its number."""
    world = _at()
    world.functions.seconds_to_update = 1.2  # it is first looked at after a second
    _roll_back(world)
    names = world.functions.calls
    calls = [(name, names[: index + 1].count(name)) for index, name in enumerate(names)]
    return calls[calls.index(("point_alias", 1)) :]


_CALLS = _calls_of_a_rollback()


def test_there_are_calls_to_cancel_at() -> None:
    assert [name for name, _ in _CALLS] == ["point_alias", "update_code", "read", "read", "read"]


@pytest.mark.parametrize("call", _CALLS, ids=lambda call: f"{call[0]} {call[1]}")
def test_a_rollback_that_is_cancelled_leaves_everything_as_it_was(call: tuple[str, int]) -> None:
    world = _at(description="before")
    world.functions.seconds_to_update = 1.2  # it is first looked at after a second
    world.functions.before[call] = world.clock.cancel
    _roll_back(world)

    assert (world.live.version, world.live.weights, world.live.description) == ("4", {}, "before")
    assert world.functions.latest.image == _IMAGES["4"]
    assert (world.outcome.status, world.outcome.is_changed, world.outcome.recovery) == (
        ReleaseStatus.REVERTED,
        False,
        (),
    )
    assert world.outcome.error is not None
    lines = world.outcome.error.message.splitlines()
    assert lines[:2] == ["The run was cancelled.", "The alias live points to version 4 again, with all its traffic."]
    assert "stays" not in world.outcome.error.message


def _leftover(state: Status) -> World:
    """Return a world in which version 4 serves, a dead run has given 3 a share, and 2 is in some state."""
    world = _world(alias=alias_state("4", weights={"3": 0.1}, description="before"))
    world.functions.published["2"] = replace(world.functions.published["2"], state=state)
    return world


def test_code_that_does_not_pass_goes_back_although_leftover_weights_were_cleared() -> None:
    """The alias was written, and yet not moved: there is nothing rolled back that could stay so."""
    world = _leftover(INACTIVE)
    world.invocations.answer = Response(payload="{}", error="Unhandled", log="")
    _roll_back(world, "2", replace(LIVE, smoke_test=SmokeTest(event="{}")))

    assert world.functions.changes == [("point_alias", "4"), _update_to("2"), _update_to("4")]
    assert (world.live.version, world.live.weights, world.live.description) == ("4", {}, "before")
    assert world.functions.latest.image == _IMAGES["4"]
    assert world.outcome.status is ReleaseStatus.REVERTED
    assert f"$LATEST runs {_IMAGES['4']} again." in str(world.outcome.error)
    assert "stays" not in str(world.outcome.error)


@pytest.mark.parametrize("error", [DeployError("no answer"), RevisionError("changed")], ids=str)
def test_a_rollback_whose_clearing_of_weights_takes_effect_unanswered_tells_what_is_there(error: DeployError) -> None:
    world = _leftover(INACTIVE)
    world.functions.after["point_alias"] = raising(error)
    _roll_back(world, "2")

    assert world.live.weights == {}
    assert world.outcome.after.alias == world.live
    assert (world.outcome.error is None) == isinstance(error, RevisionError)
    assert "somebody else" not in str(world.outcome.error)


def test_an_image_without_a_version_is_given_again_to_code_that_is_asleep() -> None:
    """What is published from an Inactive `$LATEST` would fail invocations at first."""
    world = _at()
    world.functions.latest = replace(function_state(image=_IMAGES["5"]), state=INACTIVE)
    _roll_back(world, _IMAGES["5"].digest)

    assert world.functions.changes == [_update_to("5"), ("publish_version", "5"), ("point_alias", "5")]
    assert world.functions.latest.state.value == "Active"
    assert (world.outcome.status, world.outcome.after.version) == (ReleaseStatus.ROLLED_BACK, "5")


def test_an_image_without_a_version_is_given_again_without_an_alias_too() -> None:
    world = _world()
    world.functions.latest = replace(function_state(image=_IMAGES["5"]), state=INACTIVE)
    _roll_back(world, _IMAGES["5"].digest, _WITHOUT)

    assert world.functions.changes == [_update_to("5"), ("publish_version", "5")]
    assert world.outcome.status is ReleaseStatus.ROLLED_BACK


def test_without_an_alias_what_served_goes_on_if_a_rollback_fails() -> None:
    world = _world()
    _breaking(world, "3")
    _roll_back(world, target=_WITHOUT)

    assert world.functions.changes == [_update_to("3"), _update_to("4")]
    assert (world.outcome.status, world.outcome.is_changed) == (ReleaseStatus.REVERTED, False)


def test_a_version_that_does_not_pass_its_test_is_not_brought_back() -> None:
    world = _at()
    world.invocations.answer = Response(payload="{}", error="Unhandled", log="")
    _roll_back(world, target=replace(LIVE, smoke_test=SmokeTest(event="{}")))

    assert world.functions.changes == []
    assert (world.outcome.status, world.live.version) == (ReleaseStatus.FAILED, "4")


def test_what_is_brought_back_is_tested_first() -> None:
    world = _at()
    _roll_back(world, target=replace(LIVE, smoke_test=SmokeTest(event="{}")))

    assert world.invocations.invoked == [("3", str(_IMAGES["3"]), "{}")]
    calls = world.functions.calls
    assert calls.index("invoke") < calls.index("point_alias")


def test_traffic_is_not_shifted_and_that_is_said() -> None:
    world = _at()
    _roll_back(world, target=replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=60),)))

    assert world.functions.changes[0] == ("point_alias", "3")
    (notice,) = world.log.of_kind("notice")
    assert notice.startswith("'traffic' is skipped")


def test_the_log_shows_the_history_and_what_was_chosen() -> None:
    world = _at()
    _roll_back(world)
    text = "\n".join(world.log.of_kind("info"))

    assert "Versions of orders-api, newest first:\n  4: serves, " in text
    assert "  3: chosen, served before, " in text
    assert f"orders-api is to serve {_IMAGES['3']}, version 3" in text


@pytest.mark.parametrize(
    ("latest", "words"),
    [
        (function_state(package_type="Zip", image=None), "package type Zip"),
        (function_state(state=Status(value="Deleting")), "is being deleted"),
    ],
)
def test_a_function_that_cannot_be_given_an_image_is_refused(latest: FunctionState, words: str) -> None:
    world = _world()
    world.functions.latest = latest

    assert words in str(_fail(world, target=_WITHOUT))
    assert world.outcome.status is ReleaseStatus.FAILED


def test_a_function_whose_image_is_not_known_has_no_repository_to_look_in() -> None:
    world = _world()
    world.functions.latest = function_state(image=None)

    assert "does not say which image orders-api runs" in str(_fail(world, 40 * "9", target=_WITHOUT))


def test_the_repository_is_the_one_of_the_image_that_serves() -> None:
    world = _at()
    theirs = ImageReference(registry=_IMAGES["4"].registry, repository="shop/orders", digest=_IMAGES["4"].digest)
    world.functions.published["4"] = replace(world.functions.published["4"], image=theirs)
    world.functions.latest = replace(world.functions.latest, image=theirs)
    found = replace(theirs, digest=_IMAGES["5"].digest)
    world.registry.hold(registry_image(found))
    _roll_back(world, _IMAGES["5"].digest)

    assert world.functions.latest.image == found
