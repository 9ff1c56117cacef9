"""The canary: traffic is shifted in steps, while alarms are watched."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.outcomes import ReleaseStatus
from ecr_lambda_deploy.model.targets import TrafficStep
from ecr_lambda_deploy.releases.traffic import check_alarms
from ecr_lambda_deploy.report.summary import summary
from tests.unit.fakes.examples import NEW, OLD, alias_state, version_state
from tests.unit.fakes.functions import FakeFunctions
from tests.unit.fakes.world import LIVE, World, release_image

_STEPS = (TrafficStep(weight=0.1, seconds=60), TrafficStep(weight=0.5, seconds=33))
_TARGET = replace(LIVE, traffic=_STEPS, alarms=("errors", "latency"))


def _world() -> World:
    world = World(functions=FakeFunctions(versions=[version_state("7")]), alias=alias_state("7", description="before"))
    world.alarms.there = {"errors": "OK", "latency": "INSUFFICIENT_DATA", "another": "ALARM"}
    return world


def test_traffic_is_shifted_step_by_step_and_then_the_alias_moves() -> None:
    world = _world()
    outcome = release_image(world, _TARGET)

    assert world.functions.changes == [
        ("update_code", str(NEW), "x86_64"),
        ("publish_version", "8"),
        ("point_alias", "7", "8=0.1"),
        ("point_alias", "7", "8=0.5"),
        ("point_alias", "8"),
    ]
    assert (outcome.status, outcome.after.version, outcome.after.image) == (ReleaseStatus.DEPLOYED, "8", NEW)
    assert world.live.weights == {}


def test_each_share_has_its_time() -> None:
    world = _world()
    moments: list[float] = []
    world.functions.whenever["point_alias"] = lambda: moments.append(world.clock.now())
    outcome = release_image(world, _TARGET)

    assert [later - earlier for earlier, later in pairwise(moments)] == pytest.approx([60, 33])
    assert [part.weight for part in outcome.traffic] == [0.1, 0.5]
    assert [part.seconds for part in outcome.traffic] == pytest.approx([60, 33])
    assert "| Canary |  | 10 % for 1 min, 50 % for 33 s, then all; [latency](" in summary(world.journal)


def test_while_traffic_is_shifted_the_alias_keeps_the_description_of_what_was_released() -> None:
    world = _world()
    descriptions: list[str] = []
    for move in (("7", "8=0.5"), ("8",)):
        world.functions.before["point_alias", *move] = lambda: descriptions.append(world.live.description)
    release_image(world, _TARGET)

    assert descriptions == ["before", "before"]
    assert "run=12345678901/1" in world.live.description


def test_the_alarms_are_read_before_during_and_after_each_share() -> None:
    world = _world()
    release_image(world, _TARGET)
    calls = world.functions.calls
    first, second, last = (index for index, call in enumerate(calls) if call == "point_alias")

    assert calls[first:second].count("alarms") == 13  # at once, every 5 seconds, and when its time is over
    assert calls[second:last].count("alarms") == 8
    assert calls[last - 1] == "alarms"


def test_without_alarms_none_is_read() -> None:
    world = _world()
    outcome = release_image(world, replace(_TARGET, alarms=()))

    assert outcome.status is ReleaseStatus.DEPLOYED
    assert "alarms" not in world.functions.calls


@pytest.mark.parametrize(
    ("seconds", "shares"),
    [
        (0, ["8=0.1"]),  # before its first second
        (60, ["8=0.1"]),  # after its last one
        (0, ["8=0.1", "8=0.5"]),
        (33, ["8=0.1", "8=0.5"]),
    ],
)
def test_an_alarm_ends_the_release_and_takes_everything_back(seconds: float, shares: list[str]) -> None:
    world = _world()

    def ring() -> None:
        world.alarms.there.update(latency="ALARM")

    last = ("point_alias", "7", shares[-1])
    world.functions.after[last] = lambda: world.clock.later(seconds, ring) if seconds else ring()
    outcome = release_image(world, _TARGET)

    assert world.functions.changes[2:] == [
        *(("point_alias", "7", share) for share in shares),
        ("point_alias", "7"),
        ("update_code", str(OLD), "x86_64"),
    ]
    assert (outcome.status, outcome.is_changed, outcome.after.version) == (ReleaseStatus.REVERTED, False, "7")
    assert outcome.error is not None
    assert outcome.error.message.splitlines() == [
        "The CloudWatch alarm latency is in ALARM: threshold crossed",
        "The alias live points to version 7 again, with all its traffic.",
        f"$LATEST runs {OLD} again.",
    ]
    assert (world.live.version, world.live.weights, world.live.description) == ("7", {}, "before")
    assert [part.weight for part in outcome.traffic] == [step.weight for step in _STEPS][: len(shares)]
    assert outcome.traffic[-1].seconds == pytest.approx(seconds, abs=5)
    assert "; **[latency](https://eu-west-1.console.aws.amazon.com/cloudwatch/home" in summary(world.journal)


def test_a_release_does_not_begin_while_an_alarm_is_in_alarm() -> None:
    world = _world()
    world.alarms.there.update(latency="ALARM")
    outcome = release_image(world, _TARGET)

    assert world.functions.changes == []
    assert (outcome.status, outcome.is_changed) == (ReleaseStatus.FAILED, False)
    assert "The CloudWatch alarm latency is in ALARM: threshold crossed" in str(outcome.error)


def test_an_alarm_does_not_matter_to_a_function_without_steps() -> None:
    world = _world()
    release_image(world, _TARGET)
    world.next_run()
    world.alarms.there.update(latency="ALARM")

    assert release_image(world, _TARGET).status is ReleaseStatus.UNCHANGED


def test_an_alarm_that_vanishes_ends_the_release_too() -> None:
    world = _world()
    world.functions.after["point_alias"] = lambda: world.clock.later(5, lambda: world.alarms.there.pop("errors"))
    outcome = release_image(world, _TARGET)

    assert "There is no CloudWatch alarm errors." in str(outcome.error)
    assert outcome.status is ReleaseStatus.REVERTED


def _steps(world: World) -> list[str]:
    """Return the lines of the log about the steps, without the function's name, which each begins with."""
    lines = [line for line in world.log.of_kind("info") if "step " in line]
    assert all(line.startswith("orders-api: step ") for line in lines)
    return [line.removeprefix("orders-api: ") for line in lines]


def test_the_log_shows_where_a_step_begins_and_ends_and_a_line_a_minute() -> None:
    world = _world()
    release_image(world, replace(_TARGET, traffic=(TrafficStep(weight=0.1, seconds=150), _STEPS[1])))

    alarms = "alarms: errors OK, latency INSUFFICIENT_DATA"
    assert _steps(world) == [
        f"step 1 of 2: version 8 has 10 % of the traffic of live, for 150 s; {alarms}",
        f"step 1 of 2: 90 s left; {alarms}",
        f"step 1 of 2: 30 s left; {alarms}",
        f"step 1 of 2: over after 150 s; {alarms}",
        f"step 2 of 2: version 8 has 50 % of the traffic of live, for 33 s; {alarms}",
        f"step 2 of 2: over after 33 s; {alarms}",
    ]


def test_the_log_says_when_the_state_of_an_alarm_changes_and_why_one_ends_the_release() -> None:
    world = _world()
    states = iter(["OK", "ALARM"])

    def change() -> None:
        world.alarms.there.update(latency=next(states))

    def change_twice() -> None:
        for seconds in (12, 31):
            world.clock.later(seconds, change)

    world.functions.after["point_alias", "7", "8=0.1"] = change_twice
    release_image(world, _TARGET)

    assert _steps(world)[1:] == ["step 1 of 2: alarm latency was INSUFFICIENT_DATA and is now OK (threshold crossed)"]
    (failed,) = world.log.of_kind("failure")
    cause = "The CloudWatch alarm latency is in ALARM: threshold crossed"
    assert failed == f"orders-api failed: {cause}; reverting what this run has changed"
    lines = [line for _, line in world.log.lines]
    assert lines[lines.index(failed) + 1 :][:2] == [
        "orders-api: putting the alias live back to version 7",
        f"orders-api: putting $LATEST back to {OLD.short} (x86_64)",
    ]


def test_of_many_alarms_the_log_has_the_numbers() -> None:
    world = _world()
    names = tuple(f"alarm-{number}" for number in range(7))
    world.alarms.there = dict.fromkeys(names, "OK") | {"alarm-3": "INSUFFICIENT_DATA"}
    release_image(world, replace(_TARGET, alarms=names))

    assert _steps(world)[0].endswith(", for 60 s; alarms: 6 OK, 1 INSUFFICIENT_DATA")


def test_the_log_shows_the_shares_as_they_were_given() -> None:
    world = _world()
    release_image(world, replace(_TARGET, traffic=(TrafficStep(weight=0.005, seconds=1),), alarms=()))

    assert _steps(world)[0] == "step 1 of 1: version 8 has 0.5 % of the traffic of live, for 1 s"


def test_a_share_for_no_time_goes_on_at_once() -> None:
    world = _world()
    release_image(world, replace(_TARGET, traffic=(TrafficStep(weight=0.1, seconds=0),)))

    assert world.functions.changes[-2:] == [("point_alias", "7", "8=0.1"), ("point_alias", "8")]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("nothing",), "There is no CloudWatch alarm nothing."),
        (("errors", "one", "two"), "There is no CloudWatch alarm one, two."),
        (("errors", "another"), "The CloudWatch alarm another is in ALARM: threshold crossed"),
        (("another", "nothing"), "There is no CloudWatch alarm nothing."),
    ],
)
def test_an_alarm_must_exist_and_not_be_in_alarm(names: tuple[str, ...], words: str) -> None:
    with pytest.raises(DeployError) as caught:
        check_alarms(names, _world().alarms)

    assert caught.value.message == words
    assert caught.value.hint


@pytest.mark.parametrize("names", [(), ("errors",), ("errors", "latency")])
def test_an_alarm_without_data_is_not_in_alarm(names: tuple[str, ...]) -> None:
    check_alarms(names, _world().alarms)
