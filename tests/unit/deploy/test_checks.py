from dataclasses import replace

import pytest

from ecr_lambda_deploy.deploy.checks import (
    check_release,
    check_traffic,
    notice_ignored_creation,
    notice_rollbacks,
    notice_short_steps,
    notice_skipped_traffic,
    warn_of_bypasses,
)
from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.functions import LATEST, AliasState, ObservedFunction
from ecr_lambda_deploy.model.targets import FunctionTarget, SmokeTest, TrafficStep
from ecr_lambda_deploy.releases.plan import plan_release
from tests.unit.fakes.examples import NEW, RUN, alias_state, function_state, observed_function, version_state
from tests.unit.fakes.world import LIVE, World

_TRAFFIC = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=60),), alarms=("errors",))
_TESTED = replace(LIVE, smoke_test=SmokeTest(event="{}"))
_CREATED = replace(LIVE, creation={"Role": "r", "MemorySize": 512})


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (LIVE, []),
        (_TESTED, ["check_may_invoke"]),
        (_CREATED, ["check_creation"]),
    ],
)
def test_only_what_is_needed_is_checked(target: FunctionTarget, expected: list[str]) -> None:
    world = World()
    check_release(target, world.ports())

    assert world.functions.calls == expected


@pytest.mark.parametrize(("target", "call"), [(_TESTED, "check_may_invoke"), (_CREATED, "check_creation")])
def test_what_is_denied_ends_the_run_too(target: FunctionTarget, call: str) -> None:
    world = World()
    world.functions.refusals[call] = DeployError("denied")

    with pytest.raises(DeployError, match="denied"):
        check_release(target, world.ports())


def test_a_function_that_is_still_to_be_created_may_be_missing() -> None:
    world = World()
    world.functions.vanish()
    check_release(replace(_CREATED, smoke_test=_TESTED.smoke_test), world.ports())

    assert world.functions.calls == ["check_creation", "check_may_invoke"]


@pytest.mark.parametrize(
    ("alias", "words"),
    [
        (None, "'traffic' is skipped: the alias live of orders-api is new"),
        (alias_state(LATEST), "'traffic' is skipped: the alias live of orders-api points to $LATEST"),
        (alias_state("7"), ""),
    ],
)
def test_traffic_that_cannot_be_shifted_is_told(alias: AliasState | None, words: str) -> None:
    world = World()
    notice_skipped_traffic(_TRAFFIC, observed_function(None, version_state("7"), alias=alias), world.ports())

    notices = world.log.of_kind("notice")
    assert len(notices) == bool(words)
    assert all(notice.startswith(words) for notice in notices)


@pytest.mark.parametrize(
    ("seconds", "limit", "alias", "is_told"),
    [(179, 0.01, "7", True), (180, 0.01, "7", False), (3, None, "7", False), (3, 0.01, LATEST, False)],
)
def test_a_step_that_is_too_short_for_error_rates_is_told_once(
    seconds: float, limit: float | None, alias: str, is_told: bool
) -> None:
    world = World()
    target = replace(LIVE, traffic=(TrafficStep(weight=0.1, seconds=seconds),), max_error_rate=limit)
    names = ("one", "two", "three")
    latest = [function_state(name=name) for name in names]
    states = [observed_function(one, version_state("7"), alias=alias_state(alias)) for one in latest]
    plans = [plan_release(target, state, image=NEW, architecture="x86_64", run=RUN) for state in states]
    notice_short_steps(plans, world.ports())

    words = f"'max-error-rate' knows little of a short step, such as 10% for {seconds} s of one and 2 others:"
    told = world.log.of_kind("notice")
    assert [line.startswith(words) for line in told] == [True] * is_told


def test_a_release_after_a_rollback_says_so_once() -> None:
    world = World()
    back = f"{replace(Record.of(RUN, mode='rollback', repeats='5'), run='9/1')}"
    records = {"one": back, "two": "run=8/1", "three": back.replace("9/1", "10/2")}
    states = [
        observed_function(function_state(name=name), version_state("7"), alias=alias_state("7", description=record))
        for name, record in records.items()
    ]
    plans = [plan_release(LIVE, state, image=NEW, architecture="x86_64", run=RUN) for state in states]
    notice_rollbacks(plans, world.ports(), RUN)
    notice_rollbacks(plans[1:2], world.ports(), RUN)

    (told,) = world.log.of_kind("notice")
    assert told.startswith("one and 1 other had been rolled back by run 9/1 and run 10/2. This run is to release again")


@pytest.mark.parametrize(
    ("target", "setting", "is_refused"),
    [
        (_TRAFFIC, "Role", True),
        (_TRAFFIC, "DeadLetterConfig.TargetArn", True),
        (_TRAFFIC, "MemorySize", False),
        (replace(LIVE, traffic=(TrafficStep(weight=1, seconds=60),)), "Role", False),
        (LIVE, "Role", False),
    ],
)
def test_traffic_that_lambda_would_not_split_is_told_before_anything_is_built(
    target: FunctionTarget, setting: str, is_refused: bool
) -> None:
    latest = function_state(settings={setting: '"secret"'})
    observed = observed_function(latest, version_state("7"), alias=alias_state("7"))
    told = ""
    try:
        check_traffic(target, observed)
    except DeployError as error:
        told = str(error)

    assert (f"$LATEST has another {setting} than version 7" in told) == is_refused
    assert ("'traffic'" in told) == is_refused
    assert "secret" not in told


@pytest.mark.parametrize(
    ("others", "is_there", "words"),
    [
        ((), True, ""),
        (("MemorySize",), True, "differs in MemorySize."),
        (("MemorySize", "Role"), True, "differs in MemorySize, Role."),
        (("MemorySize",), False, ""),
    ],
)
def test_parameters_of_a_creation_that_a_function_has_otherwise_are_named(
    others: tuple[str, ...], is_there: bool, words: str
) -> None:
    world = World()
    world.functions.others = others
    observed = observed_function() if is_there else ObservedFunction(name="orders-api", latest=None)
    notice_ignored_creation(_CREATED, observed, world.ports())

    notices = world.log.of_kind("notice")
    assert len(notices) == bool(words)
    assert all("'create-function' is ignored, since orders-api exists, and " in notice for notice in notices)
    assert all(words in notice for notice in notices)


_TRIGGERS = ("the function URL https://example.lambda-url", "the event source mapping 1 of a queue")


@pytest.mark.parametrize(
    ("target", "alias", "is_warned"),
    [
        (LIVE, None, True),
        (LIVE, alias_state("7", description="by hand"), True),
        (LIVE, alias_state("7", description=str(Record.of(RUN))), False),  # it was told with the first release
        (FunctionTarget(name="orders-api"), None, False),
    ],
)
def test_what_invokes_the_function_without_the_alias_is_told_with_the_first_release(
    target: FunctionTarget, alias: AliasState | None, is_warned: bool
) -> None:
    world = World()
    world.aliases.bypassing = _TRIGGERS
    warn_of_bypasses(target, observed_function(None, version_state("7"), alias=alias), world.ports())

    warnings = world.log.of_kind("warning")
    assert len(warnings) == is_warned
    assert all(f"\n- {trigger}" in warning for warning in warnings for trigger in _TRIGGERS)
    assert all("orders-api:live" in warning for warning in warnings)
    assert bool(world.functions.calls) is is_warned


def test_a_function_that_nothing_invokes_without_the_alias_has_no_warning() -> None:
    world = World()
    warn_of_bypasses(LIVE, observed_function(), world.ports())

    assert world.log.lines == []


def test_triggers_that_may_not_be_read_stop_nothing() -> None:
    world = World()
    world.functions.refusals["bypasses"] = DeployError("lambda:GetPolicy denied")
    warn_of_bypasses(LIVE, observed_function(), world.ports())

    ((kind, message),) = world.log.lines
    assert (kind, "lambda:GetPolicy denied" in message) == ("info", True)
