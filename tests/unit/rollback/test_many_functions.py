"""Rollbacks of a manifest's functions: those that the last run released go back, the others stay."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.inputs.parse import Inputs
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import FunctionState
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import EarlierRelease, FunctionTarget, Mode
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.undo import undo
from ecr_lambda_deploy.rollback.rollback import roll_back
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import NEW, OLD, RUN, alias_state, function_state, image, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.registries import registry_image
from tests.unit.fakes.several_functions import together
from tests.unit.fakes.world import LIVE, World, image_target

_FIRST, _LAST, _BACK, _AGAIN, _ONCE_MORE = (replace(RUN, run_id=f"{number}00") for number in range(1, 6))
_NAMES = ("orders", "stock", "mail")


def _world(name: str, run: WorkflowRun) -> World:
    """Return a function whose version 3 a run has released; 2 and 1 served before."""
    old, new = replace(version_state("1"), name=name), replace(version_state("2", NEW), name=name)
    versions = [
        replace(old, description=str(Record.of(_FIRST))),
        replace(new, description=str(Record.of(_FIRST, previous="1"))),
        replace(old, version="3", description=str(Record.of(run, previous="2"))),
    ]
    functions = FakeFunctions(function_state(name=name), versions=versions)
    world = World(functions=functions, alias=alias_state("3", description=str(Record.of(run))))
    world.registry.hold(registry_image(NEW), "new")
    return world


@pytest.fixture
def worlds() -> dict[str, World]:
    """The last run has released `orders` and `mail`."""
    return {"orders": _world("orders", _LAST), "stock": _world("stock", _FIRST), "mail": _world("mail", _LAST)}


def _roll_back(
    worlds: Mapping[str, World], run: WorkflowRun = _BACK, *, to: str = "previous", function: FunctionTarget = LIVE
) -> dict[str, Outcome]:
    journal = worlds["orders"].journal = Journal(run=run, mode=Mode.ROLLBACK)
    images = tuple(
        replace(image_target(EarlierRelease(to=to), tags=(), functions=(replace(function, name=name),)), name=name)
        for name in worlds
    )
    inputs = Inputs(mode=Mode.ROLLBACK, images=images, manifest="deploy.yaml", region="eu-west-1", role=None)
    roll_back(inputs, together(worlds), journal)
    return {outcome.function: outcome for outcome in journal.outcomes}


def _served(worlds: Mapping[str, World]) -> list[str]:
    return [world.live.version for world in worlds.values()]


def test_rule_7_a_made_up_run_is_not_the_last_that_released(worlds: dict[str, World]) -> None:
    forged = f"run={int(_BACK.run_id) + 10**9 + 1}/1 repository=acme/shop"
    worlds["stock"].aliases.put(alias_state("3", description=forged))
    _roll_back(worlds)

    assert _served(worlds) == ["2", "3", "2"]
    (warning,) = worlds["orders"].log.of_kind("warning")
    assert "A description of stock names the run" in warning


_COMMIT, _OTHER = 40 * "d", 40 * "e"


def _version(number: str, run: WorkflowRun, commit: str, **facts: str) -> FunctionState:
    reference = OLD if int(number) % 2 else NEW
    previous = str(int(number) - 1) if number != "1" else ""
    return version_state(number, reference, str(Record.of(run, previous=previous, commit=commit, **facts)))


def _released(name: str, *versions: FunctionState) -> World:
    """Return a function that an alias serves the last of some versions of."""
    versions = tuple(replace(version, name=name) for version in versions)
    functions = FakeFunctions(function_state(name=name, image=versions[-1].image), versions=versions)
    world = World(functions=functions, alias=alias_state(versions[-1].version))
    world.registry.hold(registry_image(NEW), "new")
    return world


@pytest.mark.parametrize("to", [_COMMIT, _COMMIT[:7]])
@pytest.mark.parametrize("repeats", ["", "200"])
def test_what_a_commit_s_run_did_not_release_goes_back_to_what_served_when_it_had_ended(to: str, repeats: str) -> None:
    first, later = 40 * "f", _version("3", _ONCE_MORE, _OTHER)
    again = {"mode": "rollback", "repeats": repeats} if repeats else {}
    worlds = {
        "orders": _released(
            "orders",
            _version("1", _FIRST, first),
            _version("2", _AGAIN if repeats else _LAST, _COMMIT, **again),
            later,
        ),
        "stock": _released("stock", _version("1", _FIRST, first), _version("2", _BACK, _OTHER), later),
        "mail": _released("mail", _version("1", _BACK, _OTHER)),
        "kept": _released("kept", _version("1", _FIRST, first)),
    }
    outcomes = _roll_back(worlds, replace(RUN, run_id="600"), to=to)

    assert _served(worlds) == ["2", "1", "1", "1"]
    back, stays = ReleaseStatus.ROLLED_BACK, ReleaseStatus.UNCHANGED
    assert [outcomes[name].status for name in worlds] == [back, back, stays, stays]
    (warning,) = worlds["orders"].log.of_kind("warning")
    assert warning.startswith("mail stays as it is: nothing had been released to it when run 200, of the commit")


def test_a_commit_that_no_function_records_is_refused(worlds: dict[str, World]) -> None:
    with pytest.raises(DeployError, match=f"of the commit {_COMMIT}"):
        _roll_back(worlds, to=_COMMIT)
    assert _served(worlds) == ["3", "3", "3"]


def test_a_commit_of_another_repository_s_run_is_no_guide(worlds: dict[str, World]) -> None:
    others = replace(_LAST, repository="acme/other")
    worlds["orders"].functions.published["3"] = replace(_version("3", others, _COMMIT), name="orders")
    with pytest.raises(DeployError, match=f"No version of stock and no tag .* is of the commit {_COMMIT}"):
        _roll_back(worlds, to=_COMMIT)


def test_what_the_last_run_released_goes_back_and_the_rest_stays(worlds: dict[str, World]) -> None:
    outcomes = _roll_back(worlds)

    back, stays = ReleaseStatus.ROLLED_BACK, ReleaseStatus.UNCHANGED
    assert [outcomes[name].status for name in _NAMES] == [back, stays, back]
    assert _served(worlds) == ["2", "3", "2"]
    assert [world.functions.latest.image for world in worlds.values()] == [NEW, OLD, NEW]
    moved = Record.of(_BACK, mode="rollback", undone="200", repeats="100")
    assert Record.parse(worlds["mail"].live.description) == moved
    assert "To be taken back: orders, mail; run 200 was the last that released to them" in worlds["orders"].log.of_kind(
        "info"
    )


def test_versions_are_listed_of_what_goes_back_alone(worlds: dict[str, World]) -> None:
    _roll_back(worlds)

    assert [world.functions.calls.count("versions") for world in worlds.values()] == [1, 0, 1]
    assert worlds["stock"].functions.calls == ["read", "read", "read_alias"]


def test_the_next_rollback_takes_back_all_that_the_run_before_had_released(worlds: dict[str, World]) -> None:
    _roll_back(worlds)
    _roll_back(worlds, _AGAIN)

    assert _served(worlds) == ["1", "2", "1"]


def test_a_canary_that_was_left_under_way_is_taken_back_and_nothing_else(worlds: dict[str, World]) -> None:
    orders = worlds["orders"]
    dead = replace(version_state("4", NEW), name="orders", description=str(Record.of(replace(RUN, run_id="250"))))
    orders.functions.published["4"] = dead
    orders.aliases.put(replace(orders.live, weights={"4": 0.1}))
    outcomes = _roll_back(worlds)

    assert (_served(worlds), orders.live.weights) == (["3", "3", "3"], {})
    moved = Record.of(_BACK, mode="rollback", undone="250", repeats="200")
    assert Record.parse(orders.live.description) == moved
    assert [outcomes[name].status for name in _NAMES] == [
        ReleaseStatus.ROLLED_BACK,
        ReleaseStatus.UNCHANGED,
        ReleaseStatus.UNCHANGED,
    ]
    _roll_back(worlds, _AGAIN)
    assert _served(worlds) == ["2", "3", "2"]


@pytest.mark.parametrize("creation", [None, {}])
def test_a_function_that_is_not_there_yet_stays_out_of_it(
    worlds: dict[str, World], creation: Mapping[str, object] | None
) -> None:
    worlds["stock"].functions.vanish()
    outcomes = _roll_back(worlds, function=replace(LIVE, creation=creation))

    assert _served(worlds) == ["2", "3", "2"]
    assert (outcomes["stock"].status, outcomes["stock"].reason) == (
        ReleaseStatus.SKIPPED,
        "there is no such function",
    )
    assert worlds["orders"].log.of_kind("warning") == ["stock stays as it is: there is no such function."]


def test_where_what_to_go_back_to_is_named_every_function_must_be_there(worlds: dict[str, World]) -> None:
    worlds["stock"].functions.vanish()

    with pytest.raises(DeployError, match="no Lambda function stock"):
        _roll_back(worlds, to="1")
    assert _served(worlds) == ["3", "3", "3"]


def test_each_function_that_cannot_be_read_is_in_the_results_with_why(worlds: dict[str, World]) -> None:
    worlds["stock"].functions.refusals["read"] = DeployError("denied")

    with pytest.raises(DeployError, match="denied"):
        _roll_back(worlds)
    outcomes = {outcome.function: outcome for outcome in worlds["orders"].journal.outcomes}
    assert [(name, str(outcomes[name].error)) for name in _NAMES] == [
        ("orders", "None"),
        ("stock", "denied"),
        ("mail", "None"),
    ]
    assert outcomes["mail"].after.version == "3"


def test_without_a_history_a_function_stays(worlds: dict[str, World]) -> None:
    with pytest.raises(DeployError, match="None of these functions was released"):
        _roll_back(worlds, function=FunctionTarget(name="", publish=False))
    assert [str(outcome.reason) for outcome in worlds["orders"].journal.outcomes] == 3 * [
        "with 'publish: false' there is no history"
    ]


def test_a_rollback_that_is_run_again_takes_nothing_further_back(worlds: dict[str, World]) -> None:
    _roll_back(worlds)
    for world in worlds.values():
        world.functions.changes.clear()
    _roll_back(worlds, replace(_BACK, attempt="2"))

    assert _served(worlds) == ["2", "3", "2"]
    assert [world.functions.changes for world in worlds.values()] == [[], [], []]


@pytest.mark.parametrize("run", [replace(_BACK, attempt="2"), _AGAIN], ids=["the same run", "another run"])
def test_a_rollback_that_was_cut_short_is_gone_on_with(worlds: dict[str, World], run: WorkflowRun) -> None:
    orders = worlds["orders"]
    orders.aliases.put(
        replace(
            orders.live,
            version="2",
            description=str(Record.of(_BACK, mode="rollback", undone="200", repeats="100")),
        )
    )
    _roll_back(worlds, run)

    assert _served(worlds) == ["2", "3", "2"]


def test_what_is_named_goes_back_everywhere(worlds: dict[str, World]) -> None:
    _roll_back(worlds, to="1")

    assert _served(worlds) == ["1", "1", "1"]


def test_a_function_that_was_released_for_the_first_time_stays(worlds: dict[str, World]) -> None:
    _release_first(worlds["mail"])
    outcomes = _roll_back(worlds)

    assert (outcomes["mail"].status, outcomes["mail"].reason) == (
        ReleaseStatus.SKIPPED,
        "there was no release before",
    )
    assert _served(worlds) == ["2", "3", "3"]
    assert worlds["orders"].log.of_kind("warning") == ["mail stays as it is: there was no release before."]


def _release_first(world: World) -> None:
    published = world.functions.published
    published["3"] = replace(published["3"], description=str(Record.of(_LAST)))


def test_the_next_rollbacks_go_past_a_function_that_was_released_for_the_first_time(worlds: dict[str, World]) -> None:
    _release_first(worlds["mail"])
    for run, served in ((_BACK, ["2", "3", "3"]), (_AGAIN, ["1", "2", "3"]), (_ONCE_MORE, ["1", "1", "3"])):
        if run is _ONCE_MORE:
            worlds["orders"].functions.published["1"] = replace(
                worlds["orders"].functions.published["1"], description=str(Record.of(_FIRST, previous=""))
            )
        _roll_back(worlds, run)
        assert _served(worlds) == served


@pytest.mark.parametrize("run", [replace(_BACK, attempt="2"), _AGAIN], ids=["the same run", "another run"])
def test_unpublished_code_that_one_rollback_could_not_take_back_the_next_one_does(run: WorkflowRun) -> None:
    worlds = {name: _without_alias(name) for name in ("orders", "mail")}
    worlds["mail"].functions.before["update_code"] = raising(DeployError("denied"))
    without = FunctionTarget(name="")
    assert _roll_back(worlds, function=without)["mail"].status is ReleaseStatus.FAILED
    assert [world.functions.latest.image for world in worlds.values()] == [NEW, image("c")]
    _roll_back(worlds, run, function=without)

    assert [world.functions.latest.image for world in worlds.values()] == [NEW, NEW]


def _without_alias(name: str) -> World:
    """Return a function without an alias that runs code which was never published; version 2 was released last."""
    versions = (
        version_state("1", OLD, str(Record.of(_FIRST))),
        version_state("2", NEW, str(Record.of(_LAST, previous="1"))),
    )
    world = World(
        functions=FakeFunctions(
            function_state(name=name, image=image("c")), versions=[replace(version, name=name) for version in versions]
        )
    )
    world.registry.hold(registry_image(NEW), "new")
    return world


def test_the_step_that_the_summary_shows_leads_from_a_rollback_to_where_it_came_from() -> None:
    first, last = 40 * "f", 40 * "e"
    names = ("orders", "stock", "mail")
    worlds = {name: _released(name, _version("1", _FIRST, first), _version("2", _LAST, last)) for name in names}
    _roll_back(worlds)
    assert _served(worlds) == ["1", "1", "1"]
    shown, _ = undo(replace(worlds["orders"].journal, manifest="deploy.yaml"))
    assert f'mode: rollback, manifest: deploy.yaml, rollback-to: "{last}" }}' in shown[1]
    outcomes = _roll_back(worlds, _AGAIN, to=last)

    assert _served(worlds) == ["2", "2", "2"]
    assert {outcome.status for outcome in outcomes.values()} == {ReleaseStatus.ROLLED_BACK}
    assert headline(worlds["orders"].journal) == "Released eeeeeee again to 3 functions, in 3 s"


def test_what_was_undone_by_hand_is_not_undone_once_more(worlds: dict[str, World]) -> None:
    """The summary's command leaves the alias without a description: the version's own record counts."""
    orders = worlds["orders"]
    orders.aliases.put(replace(orders.live, version="2", description=""))
    _roll_back(worlds)

    assert _served(worlds) == ["2", "3", "2"]


def test_where_nothing_was_released_before_to_any_that_is_an_error(worlds: dict[str, World]) -> None:
    for name in ("orders", "mail"):
        _release_first(worlds[name])

    with pytest.raises(DeployError, match="nothing was released to them before") as caught:
        _roll_back(worlds)
    assert "'rollback-to'" in caught.value.hint
    assert _served(worlds) == ["3", "3", "3"]
    assert worlds["orders"].log.of_kind("warning") == []  # the error says it


@pytest.mark.parametrize(
    ("number", "names"), [(2, "new-0, new-1"), (12, f"{', '.join(f'new-{at}' for at in range(10))} and 2 more")]
)
def test_functions_that_stay_for_the_same_reason_have_one_warning(
    worlds: dict[str, World], number: int, names: str
) -> None:
    new = {f"new-{at}": _world(f"new-{at}", _LAST) for at in range(number)}
    for world in new.values():
        _release_first(world)
    _roll_back({**worlds, **new})

    warnings = worlds["orders"].log.of_kind("warning")
    assert warnings == [f"{names} stay as they are: there was no release before."]


@pytest.mark.parametrize("names", [("orders", "mail"), ("mail",)])
def test_what_cannot_go_back_is_told_before_anything_has(worlds: dict[str, World], names: tuple[str, ...]) -> None:
    for name in names:
        del worlds[name].functions.published["2"]

    with pytest.raises(DeployError) as caught:
        _roll_back(worlds)
    assert all(f"Version 2 of {name}, which served before, has been deleted" in str(caught.value) for name in names)
    assert _served(worlds) == ["3", "3", "3"]
    assert bool(worlds["orders"].log.of_kind("notice")) is (names == ("mail",))  # of the way to take the other back


@pytest.mark.parametrize("name", ["orders", "mail"])
@pytest.mark.parametrize("call", ["point_alias", "update_code"])
def test_one_that_fails_keeps_none_of_the_others_from_going_back(
    worlds: dict[str, World], name: str, call: str
) -> None:
    worlds[name].functions.before[call] = raising(DeployError("denied"))
    outcomes = _roll_back(worlds)
    (other,) = {"orders", "mail"} - {name}

    assert (worlds[other].live.version, outcomes[other].status) == ("2", ReleaseStatus.ROLLED_BACK)
    assert outcomes[other].error is None
    assert worlds[other].functions.latest.image == NEW
    assert outcomes[name].status is ReleaseStatus.FAILED
    assert "denied" in str(outcomes[name].error)
    assert worlds[name].live.version == ("3" if call == "point_alias" else "2")
