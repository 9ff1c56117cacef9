"""The watch after the cut-over: the alias serves the new version alone, and goes back if an alarm rings."""

from dataclasses import replace
from functools import partial

import pytest

from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import TrafficStep
from ecr_lambda_deploy.releases.plan import plan_release
from ecr_lambda_deploy.releases.release import Release, release_all
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import NEW, OLD, READY, RUN, alias_state, function_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.several_functions import together
from tests.unit.fakes.world import LIVE, World, release_image

_WATCHED = TrafficStep(weight=1, seconds=60)
_TARGET = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=30), _WATCHED), alarms=("errors",))
_MOVED = ("point_alias", "8")


def _world(name: str = "orders-api") -> World:
    functions = FakeFunctions(function_state(name=name), versions=[replace(version_state("7"), name=name)])
    world = World(functions=functions, alias=alias_state("7", description="before"))
    world.alarms.there = {"errors": "OK"}
    return world


def _ring_after(world: World, seconds: float) -> None:
    """Have the alarm ring so long after the alias has moved."""

    def ring() -> None:
        world.alarms.there.update(errors="ALARM")

    world.functions.after[_MOVED] = lambda: world.clock.later(seconds, ring)


def test_the_alias_has_moved_and_the_alarms_are_watched_on_for_its_time() -> None:
    world = _world()
    moved: list[tuple[float, str]] = []
    world.functions.after[_MOVED] = lambda: moved.append((world.clock.now(), world.live.description))
    outcome = release_image(world, _TARGET)

    calls = world.functions.calls
    last_move = max(index for index, call in enumerate(calls) if call == "point_alias")
    assert calls[last_move:].count("alarms") == 13  # at once, every 5 seconds, and when its time is over
    assert world.clock.now() - moved[0][0] == pytest.approx(60)
    assert "run=12345678901/1" in moved[0][1]
    assert (outcome.status, outcome.after.version, world.live.weights) == (ReleaseStatus.DEPLOYED, "8", {})
    assert [part.weight for part in outcome.traffic] == [0.1, 1]
    assert "| Canary |  | 10 % for 30 s, all for 1 min; 1 alarm OK |" in summary(world.journal)
    assert (
        "orders-api: last step: version 8 has all the traffic of live, for 60 s; alarms: errors OK"
        in world.log.of_kind("info")
    )


@pytest.mark.parametrize("seconds", [2, 57])
@pytest.mark.parametrize("traffic", [_TARGET.traffic, (_WATCHED,)], ids=["after a canary", "alone"])
def test_an_alarm_moves_the_alias_back(seconds: float, traffic: tuple[TrafficStep, ...]) -> None:
    world = _world()
    _ring_after(world, seconds)
    outcome = release_image(world, replace(_TARGET, traffic=traffic))

    at = world.functions.changes.index(_MOVED)
    assert world.functions.changes[at + 1 :] == [("point_alias", "7"), ("update_code", str(OLD), "x86_64")]
    assert (outcome.status, outcome.is_changed, outcome.after.version) == (ReleaseStatus.REVERTED, False, "7")
    assert (world.live.version, world.live.weights, world.live.description) == ("7", {}, "before")
    assert "The CloudWatch alarm errors is in ALARM: threshold crossed" in str(outcome.error)
    assert outcome.traffic[-1].weight == 1
    assert outcome.traffic[-1].seconds == pytest.approx(seconds, abs=5)
    assert ", then none; **[errors](https://" in summary(world.journal)
    world.next_run()
    world.alarms.there.update(errors="OK")
    assert release_image(world, _TARGET).status is ReleaseStatus.DEPLOYED


def test_a_run_that_is_cancelled_meanwhile_puts_the_alias_back() -> None:
    world = _world()
    world.functions.after[_MOVED] = lambda: world.clock.later(20, world.clock.cancel)
    outcome = release_image(world, _TARGET)

    assert isinstance(outcome.error, CancelledError)
    assert (outcome.status, world.live.version, world.functions.latest.image) == (ReleaseStatus.REVERTED, "7", OLD)


def test_the_alias_gets_its_provisioned_concurrency_back_before_the_run_ends() -> None:
    world = _world()
    world.aliases.concurrency_status = READY
    _ring_after(world, 2)
    release_image(world, _TARGET)

    calls = world.functions.calls
    back = max(index for index, call in enumerate(calls) if call == "point_alias")
    assert "concurrency" in calls[back:]
    assert (world.live.version, world.live.weights) == ("7", {})


def test_with_on_failure_keep_the_new_version_goes_on_serving() -> None:
    world = _world()
    _ring_after(world, 2)
    outcome = release_image(world, replace(_TARGET, reverts=False))

    assert (outcome.status, world.live.version) == (ReleaseStatus.FAILED, "8")


def test_what_somebody_else_has_moved_meanwhile_stays() -> None:
    world = _world()

    def move() -> None:
        world.aliases.there["live"] = alias_state("7", description="by hand", revision_id="another")
        world.alarms.there.update(errors="ALARM")

    world.functions.after[_MOVED] = lambda: world.clock.later(10, move)
    release_image(world, _TARGET)

    assert (world.live.version, world.live.description) == ("7", "by hand")


def test_an_alarm_that_rings_already_lets_nothing_begin() -> None:
    world = _world()
    world.alarms.there.update(errors="ALARM")
    outcome = release_image(world, replace(_TARGET, traffic=(_WATCHED,)))

    assert (outcome.status, world.functions.changes) == (ReleaseStatus.FAILED, [])


def test_a_group_moves_its_aliases_when_all_canaries_have_passed_and_watches_together() -> None:
    worlds = {name: _world(name) for name in ("one", "two", "three")}
    targets = {"one": _TARGET, "two": replace(LIVE, traffic=(_WATCHED,)), "three": LIVE}
    alarms = worlds["one"].alarms
    moved = dict.fromkeys(worlds, 0.0)
    clock = worlds["one"].clock
    for name, world in worlds.items():
        world.functions.after[_MOVED] = lambda name=name: moved.update({name: clock.now()})  # type: ignore[misc]
    worlds["one"].functions.after["point_alias", "7", "8=0.1"] = lambda: moved.update(canary=clock.now())

    def ring() -> None:
        alarms.there.update(errors="ALARM")

    clock.later(90, ring)
    journal, releases = Journal(run=RUN), []
    for name, world in worlds.items():
        own = replace(targets[name], name=name)
        observed = world.observe(own)
        plan = partial(plan_release, own, image=NEW, architecture="x86_64", run=RUN)
        journal.outcomes += (Outcome.untouched(observed),)
        releases.append(Release(plan=plan(observed), plan_again=plan))
    release_all(releases, together(worlds), journal)

    canary = moved.pop("canary")
    assert min(moved.values()) - canary >= 30
    assert {world.live.version for world in worlds.values()} == {"7"}
    assert {outcome.status for outcome in journal.outcomes} == {ReleaseStatus.REVERTED}
    assert isinstance(next(one for one in journal.outcomes if one.function == "one").error, DeployError)
