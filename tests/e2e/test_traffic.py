"""Traffic goes over in steps, and an alarm takes it back at once."""

from collections.abc import Iterator

import pytest

from sandbox.runner import StepResult
from tests.e2e.releases import Releases, error, notices, status, until

_INTERVAL = 5  # seconds between two looks at the alarms
_STEPS = "10% 3s, 25% 3s\n50% 3s"


@pytest.fixture
def alarm(releases: Releases) -> Iterator[str]:
    """An alarm that is quiet."""
    releases.put_alarm(releases.job.name)
    yield releases.job.name
    releases.aws.client("cloudwatch").delete_alarms(AlarmNames=[releases.job.name])


def _weights(releases: Releases) -> dict[str, float]:
    alias = releases.aws.client("lambda").get_alias(FunctionName=releases.job.name, Name="live")
    weights: dict[str, float] = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    return weights


def test_each_step_has_its_weight_and_then_all_traffic_goes_over(releases: Releases, alarm: str) -> None:
    assert releases.deploy(1).exit_code == 0
    with releases.deploying(2, {"traffic": _STEPS, "alarms": alarm}) as step:
        for weight in (0.1, 0.25, 0.5):
            until(lambda weight=weight: _weights(releases) == {"2": weight})  # type: ignore[misc]
            assert releases.alias()["FunctionVersion"] == "1"
        result = step.wait()

    assert result.exit_code == 0, result.log
    assert (releases.alias()["FunctionVersion"], _weights(releases)) == ("2", {})
    assert "greeting 2" in releases.answer()
    for share in ("10 %", "25 %", "50 %"):
        assert f"version 2 has {share} of the traffic of live, for 3 s; alarms: {alarm} OK" in result.log


def test_an_alarm_in_step_two_takes_the_traffic_back_within_one_interval(releases: Releases, alarm: str) -> None:
    assert releases.deploy(1).exit_code == 0
    before = releases.aws.snapshot()
    with releases.deploying(2, {"traffic": "10% 1s, 50% 5m", "alarms": alarm}) as step:
        until(lambda: _weights(releases) == {"2": 0.5})
        releases.set_alarm(alarm, "ALARM")
        took = until(lambda: not _weights(releases))
        result = step.wait()

    assert took <= _INTERVAL + 1
    assert (result.exit_code, status(result)) == (1, "reverted")
    assert f"The CloudWatch alarm {alarm} is in ALARM: a test" in error(result)
    name, lines = releases.job.name, result.log.splitlines()
    second = lines.index(
        f"{name}: step 2 of 2: version 2 has 50 % of the traffic of live, for 300 s; alarms: {alarm} OK"
    )
    assert lines[second - 1] == f"{name}: step 1 of 2: over after 1 s; alarms: {alarm} OK"
    assert lines[second + 1 : second + 3] == [
        f"{name} failed: The CloudWatch alarm {alarm} is in ALARM: a test; reverting what this run has changed",
        f"{name}: putting the alias live back to version 1",
    ]
    after = releases.aws.snapshot()
    assert after.aliases == before.aliases
    assert after.functions == before.functions
    assert result.outputs["image-uri"] == releases.images[1]


def test_an_alarm_after_the_alias_has_moved_moves_it_back(releases: Releases, alarm: str) -> None:
    assert releases.deploy(1).exit_code == 0
    before = releases.aws.snapshot()
    with releases.deploying(2, {"traffic": "10% 1s, 100% 5m", "alarms": alarm}) as step:
        until(lambda: releases.alias()["FunctionVersion"] == "2")
        assert _weights(releases) == {}
        releases.set_alarm(alarm, "ALARM")
        took = until(lambda: releases.alias()["FunctionVersion"] == "1")
        result = step.wait()

    assert took <= _INTERVAL + 1
    assert (result.exit_code, status(result)) == (1, "reverted")
    assert f"The CloudWatch alarm {alarm} is in ALARM" in error(result)
    after = releases.aws.snapshot()
    assert (after.aliases, after.functions) == (before.aliases, before.functions)

    releases.set_alarm(alarm, "OK")
    again = releases.deploy(2, {"traffic": "100% 1s", "alarms": alarm})
    assert (status(again), releases.served()) == ("deployed", releases.images[2])
    assert f"last step: version 3 has all the traffic of live, for 1 s; alarms: {alarm} OK" in again.log


def _refused(releases: Releases, alarms: str) -> StepResult:
    assert releases.deploy(1).exit_code == 0
    before = releases.aws.snapshot()
    releases.aws.forget_calls()
    result = releases.deploy(2, {"traffic": _STEPS, "alarms": alarms})
    assert result.exit_code == 1
    assert releases.aws.snapshot() == before
    assert releases.job.changing_calls() == []
    return result


def test_an_alarm_that_does_not_exist_is_found_before_anything_changes(releases: Releases, alarm: str) -> None:
    assert "There is no CloudWatch alarm nobody-has-me." in error(_refused(releases, f"{alarm}\nnobody-has-me"))


def test_an_alarm_that_rings_already_lets_nothing_begin(releases: Releases, alarm: str) -> None:
    releases.set_alarm(alarm, "ALARM")
    assert "is in ALARM" in error(_refused(releases, alarm))
    unchanged = releases.deploy(1, {"traffic": _STEPS, "alarms": alarm})
    assert (unchanged.exit_code, status(unchanged)) == (0, "unchanged")
    releases.set_alarm(alarm, "OK")
    releases.aws.put_log_alarm(f"{alarm}-lines", "ALARM")
    lines = releases.deploy(2, {"traffic": _STEPS, "alarms": f"{alarm}\n{alarm}-lines"})
    assert f"The CloudWatch alarm {alarm}-lines is in ALARM" in error(lines)


def test_a_new_alias_has_no_traffic_to_shift(releases: Releases) -> None:
    result = releases.deploy(1, {"traffic": "10% 1h"})
    assert result.exit_code == 0
    assert "'traffic' is skipped: the alias live" in notices(result)
    assert (releases.alias()["FunctionVersion"], releases.weights()) == ("1", {})


@pytest.mark.parametrize("number", [1, 2], ids=["nothing else to do", "another release"])
def test_weights_that_a_dead_run_has_left_are_cleared_by_the_next(releases: Releases, number: int) -> None:
    assert releases.deploy(1).exit_code == 0
    with releases.deploying(2, {"traffic": "10% 1h"}) as step:
        until(lambda: _weights(releases) == {"2": 0.1})
        step.kill()
        step.wait()
    assert _weights(releases) == {"2": 0.1}

    result = releases.deploy(number, run_id="2000")

    assert result.exit_code == 0
    assert _weights(releases) == {}
    assert releases.served() == releases.latest() == releases.images[number]


def test_provisioned_concurrency_is_waited_for_and_its_failure_reverts(releases: Releases) -> None:
    assert releases.deploy(1).exit_code == 0
    releases.aws.client("lambda").put_provisioned_concurrency_config(
        FunctionName=releases.job.name, Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    with releases.aws.updates_taking(2):
        result = releases.deploy(2)
    assert result.exit_code == 0
    assert "waiting for the provisioned concurrency" in result.log
    assert _weights(releases) == {}
    assert releases.served() == releases.images[2]

    releases.aws.fail_provisioned_concurrency(releases.job.name, "FUNCTION_ERROR_INIT_FAILURE")
    back = releases.roll_back(run=3000)
    assert back.exit_code == 1
    assert "to version 1: FAILED (FUNCTION_ERROR_INIT_FAILURE). The version before serves." in error(back)
    assert "The alias live points to version 2 again" in error(back)
    assert (releases.alias()["FunctionVersion"], _weights(releases)) == ("2", {})

    with releases.aws.updates_taking(2), releases.deploying(1, run_id="4000") as step:
        until(lambda: _weights(releases) == {"2": 1.0})
        step.signal("SIGINT")
        cancelled = step.wait()
    assert cancelled.exit_code == 1
    assert "The alias live points to version 2 again" in error(cancelled)
    assert (releases.alias()["FunctionVersion"], _weights(releases)) == ("2", {})
    assert "greeting 2" in releases.answer()
