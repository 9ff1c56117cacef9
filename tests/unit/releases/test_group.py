"""Functions that are released together succeed or are reverted together."""

from dataclasses import replace
from functools import partial
from threading import Event

import pytest

from ecr_lambda_deploy.model.errors import CancelledError, DeployError, UnsentError
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget, SmokeTest, TrafficStep
from ecr_lambda_deploy.releases.plan import plan_release
from ecr_lambda_deploy.releases.release import Release, release_all
from tests.unit.fakes.events import raising
from tests.unit.fakes.examples import NEW, OLD, RUN, alias_state, function_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.several_functions import together as one_run
from tests.unit.fakes.world import LIVE, World

_TESTED = replace(LIVE, smoke_test=SmokeTest(event="{}"))


def _world(name: str) -> World:
    functions = FakeFunctions(function_state(name=name), versions=[replace(version_state("7"), name=name)])
    return World(functions=functions, alias=alias_state("7", description="before"))


def _release(
    worlds: dict[str, World], target: FunctionTarget | dict[str, FunctionTarget] = _TESTED, *, together: bool = True
) -> dict[str, Outcome]:
    """Release an image to the function of each world, with one target or one each; return the outcomes."""
    journal = Journal(run=RUN)
    releases = []
    for name, world in worlds.items():
        own = replace(target[name] if isinstance(target, dict) else target, name=name)
        observed = world.observe(own)
        plan = partial(plan_release, own, image=NEW, architecture="x86_64", run=RUN)
        journal.outcomes += (Outcome.untouched(observed),)
        releases.append(Release(plan=plan(observed), plan_again=plan))
    release_all(releases, one_run(worlds), journal, together=together)
    return {outcome.function: outcome for outcome in journal.outcomes}


@pytest.fixture
def worlds() -> dict[str, World]:
    return {name: _world(name) for name in ("one", "two", "three")}


def test_all_are_released(worlds: dict[str, World]) -> None:
    outcomes = _release(worlds)

    assert {outcome.status for outcome in outcomes.values()} == {ReleaseStatus.DEPLOYED}
    for world in worlds.values():
        assert (world.live.version, world.functions.latest.image) == ("8", NEW)


def test_no_alias_moves_before_every_version_is_published(worlds: dict[str, World]) -> None:
    seen: list[str] = []
    for world in worlds.values():
        world.functions.before["publish_version"] = lambda: seen.extend(other.live.version for other in worlds.values())
    _release(worlds)

    assert seen == ["7"] * 9


@pytest.mark.parametrize("call", ["update_code", "invoke", "publish_version", "point_alias"])
def test_if_one_fails_all_go_back(worlds: dict[str, World], call: str) -> None:
    worlds["two"].functions.before[call] = raising(DeployError("no luck"))
    outcomes = _release(worlds)

    assert "no luck" in str(outcomes["two"].error)
    for name, world in worlds.items():
        assert (world.live.version, world.functions.latest.image) == ("7", OLD)
        assert outcomes[name].is_changed is False
        if outcomes[name].status is ReleaseStatus.SKIPPED:
            assert outcomes[name].reason == "the release to two failed before this one had begun"
            assert (name, world.functions.changes) == ("three", [])
        elif name != "two":
            assert "The release to two failed, so this one is reverted." in str(outcomes[name].error)


def test_the_log_says_at_once_what_failed(worlds: dict[str, World]) -> None:
    worlds["two"].functions.before["publish_version"] = raising(DeployError("no luck\nat all"))
    _release(worlds)
    printed = [line for _, line in worlds["one"].log.lines]
    failed = "two failed: no luck; reverting all 3 functions"

    assert printed.count(failed) == 1
    assert not any(line.startswith(("one failed", "three failed")) for line in printed)
    later = printed[printed.index(failed) :]
    back = f"two: putting $LATEST back to {OLD.short} (x86_64)"
    assert back in later
    assert not any(line.startswith("two: updating") for line in later)


@pytest.mark.parametrize("together", [True, False])
def test_of_many_functions_the_log_has_the_numbers(together: bool) -> None:
    worlds = {f"orders-{number}": _world(f"orders-{number}") for number in range(30)}
    _release(worlds, together=together)
    lines = worlds["orders-0"].log.of_kind("info")

    stages = ("prepared", "released")
    expected = [f"{count} of 30 functions {stage}" for stage in stages for count in range(3, 31, 3)]
    assert sorted(lines) == sorted(expected)
    assert lines == expected or not together


def test_if_one_of_many_fails_the_log_has_its_lines_and_how_many_are_reverted() -> None:
    worlds = {f"orders-{number}": _world(f"orders-{number}") for number in range(30)}
    worlds["orders-7"].functions.before["point_alias"] = raising(DeployError("no luck"))
    _release(worlds)
    lines = worlds["orders-0"].log.lines

    at = lines.index(("failure", "orders-7 failed: no luck; reverting all 30 functions"))
    assert lines[at + 1 :][:4] == [
        ("group", "orders-7, until it failed"),
        ("folded", f"updating to {NEW.short} (x86_64)"),
        ("folded", f"Lambda runs {NEW.short} after 0.0 s"),
        ("folded", "smoke test: invoking $LATEST"),
    ]
    assert lines[-1] == ("info", "30 of 30 functions reverted")
    assert len(lines) < 60


def test_with_on_failure_keep_the_others_are_released(worlds: dict[str, World]) -> None:
    worlds["two"].functions.before["invoke"] = raising(DeployError("no luck"))
    outcomes = _release(worlds, replace(_TESTED, reverts=False))

    assert [outcomes[name].status for name in worlds] == [
        ReleaseStatus.DEPLOYED,
        ReleaseStatus.FAILED,
        ReleaseStatus.DEPLOYED,
    ]
    assert [world.live.version for world in worlds.values()] == ["8", "7", "8"]
    assert worlds["two"].functions.latest.image == NEW


def test_a_function_without_steps_is_unchanged_even_if_another_fails(worlds: dict[str, World]) -> None:
    _release({"one": worlds["one"]})
    worlds["two"].functions.before["point_alias"] = raising(DeployError("no luck"))
    outcomes = _release(worlds)

    assert outcomes["one"].status is ReleaseStatus.UNCHANGED
    assert worlds["one"].live.version == "8"
    assert outcomes["three"].status in {ReleaseStatus.REVERTED, ReleaseStatus.FAILED}
    assert worlds["three"].live.version == "7"


def test_the_canaries_of_the_others_are_reverted_as_soon_as_one_fails(worlds: dict[str, World]) -> None:
    """Nobody waits until an hour of traffic is over."""
    worlds["two"].functions.before["point_alias", "7", "8=0.5"] = raising(DeployError("no luck"))
    started = worlds["one"].clock.now()
    step = TrafficStep(weight=0.1, seconds=1)
    outcomes = _release(
        {"two": worlds["two"]} | worlds, replace(LIVE, traffic=(step, replace(step, weight=0.5, seconds=3600)))
    )

    assert {outcome.status for outcome in outcomes.values()} == {ReleaseStatus.REVERTED}
    assert all(world.live.weights == {} for world in worlds.values())
    assert worlds["one"].clock.now() - started < 4000


def test_an_alias_that_was_moved_goes_back_although_another_call_hangs(worlds: dict[str, World]) -> None:
    moved, hangs, is_back = Event(), Event(), Event()
    worlds["one"].functions.after["point_alias"] = moved.set
    worlds["one"].functions.before["update_code", OLD] = is_back.set  # after its alias
    worlds["two"].functions.before["point_alias"] = lambda: _fail(in_time=moved.wait(5) and hangs.wait(5))

    def hang() -> None:
        hangs.set()
        _fail(in_time=is_back.wait(5))

    worlds["three"].functions.before["point_alias"] = hang
    outcomes = _release(worlds)

    assert "it was in time" in str(outcomes["three"].error)
    assert [world.live.version for world in worlds.values()] == ["7", "7", "7"]


def test_of_many_functions_a_moved_alias_goes_back_before_code() -> None:
    """The others hang until the alias is back, and they are more than can revert at once."""
    many = 150
    moved, is_back = Event(), Event()
    late: list[str] = []

    def hang(name: str) -> None:
        if not is_back.wait(5):
            late.append(name)

    def fail() -> None:
        assert moved.wait(5)
        Event().wait(0.5)  # until the others have ended, too
        raise DeployError("no luck")

    worlds = {f"code {number}": _world(f"code {number}") for number in range(many)}
    for name, world in worlds.items():
        del world.aliases.there["live"]
        world.functions.before["update_code", OLD] = partial(hang, name)
    worlds |= {"alias": _world("alias"), "fails": _world("fails")}
    worlds["alias"].functions.after["point_alias", "8"] = moved.set
    worlds["alias"].functions.after["point_alias", "7"] = is_back.set
    worlds["fails"].functions.before["point_alias", "8"] = fail
    targets = {name: replace(LIVE, alias="" if name.startswith("code") else "live") for name in worlds}
    outcomes = _release(worlds, targets)

    assert late == []
    assert {outcome.is_changed for outcome in outcomes.values()} == {False}


def _fail(*, in_time: bool) -> None:
    raise DeployError("it was in time" if in_time else "it was not")


def test_with_on_failure_keep_shares_of_traffic_are_cleared_although_another_call_hangs(
    worlds: dict[str, World],
) -> None:
    shared, is_cleared = Event(), Event()
    target = replace(LIVE, reverts=False, traffic=(TrafficStep(weight=0.5, seconds=3600),), alarms=("errors",))
    for world in worlds.values():
        world.alarms.there = {"errors": "OK"}

    def ring() -> None:
        one.alarms.there = {"errors": "ALARM"}
        shared.set()

    one = worlds["one"]
    one.functions.after["point_alias", "7", "8=0.5"] = ring
    one.functions.after["point_alias", "7"] = is_cleared.set
    worlds["two"].functions.before["point_alias"] = lambda: _fail(in_time=shared.wait(5) and is_cleared.wait(5))
    del worlds["three"]
    outcomes = _release(worlds, target)

    assert one.live.weights == {}
    assert "is in ALARM" in str(outcomes["one"].error)
    assert "it was in time" in str(outcomes["two"].error)


@pytest.mark.parametrize("together", [True, False])
def test_a_bug_in_one_revert_does_not_keep_the_others_from_ending(
    monkeypatch: pytest.MonkeyPatch, worlds: dict[str, World], *, together: bool
) -> None:
    monkeypatch.setattr("ecr_lambda_deploy.releases.release._AT_ONCE", 1)
    worlds["one"].functions.before["invoke"] = raising(DeployError("no luck"))
    worlds["one"].functions.before["update_code", OLD] = raising(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        _release(worlds, together=together)

    assert [world.live.version for world in worlds.values()] == (["7", "7", "7"] if together else ["7", "8", "8"])


@pytest.mark.parametrize("error", [CancelledError(), UnsentError()])
def test_every_function_of_a_cancelled_run_says_so(worlds: dict[str, World], error: CancelledError) -> None:
    worlds["two"].functions.before["point_alias"] = raising(error)
    outcomes = _release(worlds)

    assert {str(outcome.error) for outcome in outcomes.values()} != {"None"}
    assert all("The run was cancelled." in str(outcome.error) for outcome in outcomes.values())
    assert [world.live.version for world in worlds.values()] == ["7", "7", "7"]


def test_a_bug_is_raised_when_all_have_gone_back(worlds: dict[str, World]) -> None:
    worlds["two"].functions.before["invoke"] = raising(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        _release(worlds)
    for world in worlds.values():
        assert (world.live.version, world.functions.latest.image) == ("7", OLD)
