"""Plans of a release to an alias."""

from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.functions import LATEST, FunctionState, ObservedFunction
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import FunctionTarget, SmokeTest, TrafficStep
from ecr_lambda_deploy.releases.plan import (
    CreateFunction,
    InvokeSmokeTest,
    PointAlias,
    PublishVersion,
    ShiftTraffic,
    Step,
    UpdateCode,
    is_shiftable,
    may_need_release,
    plan_release,
    staleness,
)
from tests.unit.fakes.examples import (
    FAILED_UPDATE,
    INACTIVE,
    NEW,
    OLD,
    RUN,
    alias_state,
    function_state,
    observed_function,
    version_state,
)

_LIVE = FunctionTarget(name="orders-api", alias="live")
_TEST = SmokeTest(event="{}")
_STEPS = (TrafficStep(weight=0.1, seconds=60),)
_EVERYTHING = replace(_LIVE, smoke_test=_TEST, traffic=_STEPS, alarms=("errors",))

_OLD_7, _NEW_8 = version_state("7"), version_state("8", NEW)
_AT_7 = observed_function(None, _OLD_7, alias=alias_state("7", description="by hand"))
_RUNS_NEW = function_state(image=NEW)


def _short(step: Step) -> str:
    match step:
        case UpdateCode(image=wanted) | CreateFunction(image=wanted):
            return f"{type(step).__name__} {'NEW' if wanted == NEW else 'OLD'}"
        case PointAlias(version=None):
            return "PointAlias"
        case PointAlias(version=FunctionState(version=version)):
            return f"PointAlias {version}"
        case _:
            return type(step).__name__


_RELEASE = ["UpdateCode NEW", "PublishVersion", "PointAlias"]


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        # Another image.
        (_AT_7, _RELEASE),
        (observed_function(None, _OLD_7), _RELEASE),  # the alias is missing
        (observed_function(), _RELEASE),
        (observed_function(None, alias=alias_state(LATEST)), _RELEASE),
        (observed_function(None, _OLD_7, _NEW_8, alias=alias_state("7")), _RELEASE),  # 8 was rolled back
        # The same image, and nothing or not all to do.
        (observed_function(_RUNS_NEW, _OLD_7, _NEW_8, alias=alias_state("8")), []),
        (observed_function(_RUNS_NEW, _OLD_7, _NEW_8, alias=alias_state("7")), ["PublishVersion", "PointAlias"]),
        (observed_function(_RUNS_NEW, _OLD_7, _NEW_8), ["PublishVersion", "PointAlias"]),
        (observed_function(_RUNS_NEW), ["PublishVersion", "PointAlias"]),
        (observed_function(_RUNS_NEW, alias=alias_state(LATEST)), ["PublishVersion", "PointAlias"]),
        # `$LATEST` was left somewhere else, and what serves is right: unless somebody is about to move the alias.
        (observed_function(None, _OLD_7, _NEW_8, alias=alias_state("8")), ["UpdateCode NEW", "PointAlias 8"]),
        # Not as it must be.
        (
            observed_function(replace(_RUNS_NEW, update=FAILED_UPDATE), _OLD_7, _NEW_8, alias=alias_state("8")),
            ["UpdateCode NEW", "PointAlias 8"],
        ),
        (
            observed_function(replace(_RUNS_NEW, update=FAILED_UPDATE), _OLD_7, alias=alias_state("7")),
            _RELEASE,
        ),
        (
            observed_function(_RUNS_NEW, replace(_NEW_8, state=FAILED_UPDATE), alias=alias_state("8")),
            ["PublishVersion", "PointAlias"],
        ),
        # A version of what sleeps would sleep too.
        (observed_function(replace(_RUNS_NEW, state=INACTIVE), _OLD_7, alias=alias_state("7")), _RELEASE),
        (observed_function(replace(_RUNS_NEW, state=INACTIVE)), _RELEASE),
        (observed_function(replace(_RUNS_NEW, state=INACTIVE), _NEW_8, alias=alias_state("8")), []),
        # Weights that a release has left.
        (
            observed_function(_RUNS_NEW, _OLD_7, _NEW_8, alias=alias_state("7", weights={"8": 0.1})),
            ["PointAlias 7", "PublishVersion", "PointAlias"],
        ),
        (
            observed_function(None, _OLD_7, _NEW_8, alias=alias_state("7", weights={"8": 0.1})),
            ["PointAlias 7", *_RELEASE],
        ),
        (
            observed_function(_RUNS_NEW, _OLD_7, _NEW_8, alias=alias_state("8", weights={"7": 0.1})),
            ["PointAlias 8"],
        ),
    ],
)
def test_steps(observed: ObservedFunction, expected: list[str]) -> None:
    plan = plan_release(_LIVE, observed, image=NEW, architecture="x86_64", run=RUN)

    assert [_short(step) for step in plan.steps] == expected
    assert (plan.target, plan.observed, plan.is_rollback) == (_LIVE, observed, False)


def test_code_is_tested_before_it_is_published_and_traffic_is_shifted_before_the_alias_moves() -> None:
    plan = plan_release(_EVERYTHING, _AT_7, image=NEW, architecture="arm64", commit=RUN.commit, run=RUN)

    assert plan.steps == (
        UpdateCode(image=NEW, architecture="arm64"),
        InvokeSmokeTest(test=_TEST, qualifier=LATEST),
        PublishVersion(description=str(Record.of(RUN, commit=RUN.commit, previous="7"))),
        ShiftTraffic(steps=_STEPS, alarms=("errors",)),
        PointAlias(version=None, description=str(Record.of(RUN))),
    )


def test_leftover_weights_are_cleared_and_the_alias_keeps_its_description() -> None:
    alias = alias_state("7", weights={"8": 0.1}, description="repository=acme/shop run=5/1")
    observed = observed_function(None, _OLD_7, _NEW_8, alias=alias)
    plan = plan_release(_LIVE, observed, image=NEW, architecture="x86_64", run=RUN)

    assert plan.steps[0] == PointAlias(version=_OLD_7, description="repository=acme/shop run=5/1")
    (publish,) = (step for step in plan.steps if isinstance(step, PublishVersion))
    assert Record.parse(publish.description).previous == "7"


@pytest.mark.parametrize("observed", [observed_function(), observed_function(None, alias=alias_state(LATEST))])
def test_traffic_is_not_shifted_unless_a_version_has_it(observed: ObservedFunction) -> None:
    plan = plan_release(_EVERYTHING, observed, image=NEW, architecture="x86_64", run=RUN)

    assert [_short(step) for step in plan.steps] == [
        "UpdateCode NEW",
        "InvokeSmokeTest",
        "PublishVersion",
        "PointAlias",
    ]
    assert not is_shiftable(observed)
    assert is_shiftable(_AT_7)


def test_a_function_that_is_not_there_is_created() -> None:
    target = replace(_EVERYTHING, creation={"Role": "r"})
    observed = ObservedFunction(name="orders-api", latest=None)
    plan = plan_release(target, observed, image=NEW, architecture="arm64", commit=RUN.commit, run=RUN)

    assert plan.steps == (
        CreateFunction(image=NEW, architecture="arm64", parameters={"Role": "r"}),
        InvokeSmokeTest(test=_TEST),
        PublishVersion(description=str(Record.of(RUN, commit=RUN.commit))),
        PointAlias(version=None, description=str(Record.of(RUN))),
    )


def test_a_version_that_serves_is_not_tested_again() -> None:
    observed = observed_function(None, _OLD_7, _NEW_8, alias=alias_state("8"))
    plan = plan_release(_EVERYTHING, observed, image=NEW, architecture="x86_64", run=RUN)

    assert [_short(step) for step in plan.steps] == ["UpdateCode NEW", "PointAlias 8"]


_SET = {"MemorySize": "128", "Environment.Variables.LEVEL": '"debug"'}


@pytest.mark.parametrize(
    ("latest", "expected"),
    [
        (_SET, ""),
        (_SET | {"MemorySize": "256"}, "MemorySize"),
        ({"MemorySize": "128"}, "Environment.Variables.LEVEL"),
        (_SET | {"Timeout": "3", "Role": '"r"'}, "Role, Timeout"),
        (_SET | {f"Environment.Variables.V{n}": "1" for n in range(10, 25)}, "Environment.Variables.V19 and others"),
        ({"MemorySize": "128", "Environment.Error.ErrorCode": '"AccessDenied"'}, ""),
        ({"MemorySize": "1", "Environment.Error.ErrorCode": '"AccessDenied"'}, "MemorySize"),
    ],
)
def test_what_has_been_set_since_the_version_is_published(latest: dict[str, str], expected: str) -> None:
    version = replace(_OLD_7, settings=_SET, description="run=1/1")
    observed = observed_function(function_state(settings=latest, description="for orders"), version)
    observed = replace(observed, alias=alias_state("7"), aliased=version)
    plan = plan_release(_EVERYTHING, observed, image=OLD, architecture="x86_64", run=RUN)

    released = ["InvokeSmokeTest", "PublishVersion", "ShiftTraffic", "PointAlias"] if expected else []
    assert [_short(step) for step in plan.steps] == released
    assert plan.reason.startswith("its configuration is not that of version 7: ") == bool(expected)
    assert plan.reason.endswith(expected)
    assert "debug" not in plan.reason
    assert may_need_release(_EVERYTHING, observed, OLD, "x86_64") == bool(expected)
    assert plan_release(replace(_LIVE, alias=""), observed, image=OLD, architecture="x86_64", run=RUN).steps == ()


def test_another_image_is_the_reason_before_another_configuration() -> None:
    observed = observed_function(function_state(settings={"MemorySize": "1"}), _OLD_7, alias=alias_state("7"))

    assert plan_release(_LIVE, observed, image=NEW, architecture="x86_64", run=RUN).reason == "another digest"


def test_without_publishing_the_code_is_tested_too() -> None:
    target = FunctionTarget(name="orders-api", publish=False, smoke_test=_TEST)
    plan = plan_release(target, observed_function(), image=NEW, architecture="x86_64", run=RUN)

    assert [_short(step) for step in plan.steps] == ["UpdateCode NEW", "InvokeSmokeTest"]


def test_without_publishing_code_that_runs_is_not_tested_again() -> None:
    target = FunctionTarget(name="orders-api", publish=False, smoke_test=_TEST)

    assert plan_release(target, observed_function(), image=OLD, architecture="x86_64", run=RUN).steps == ()


_NEWER = str(Record.of(replace(RUN, run_id="12345678909")))


@pytest.mark.parametrize(
    ("target", "run", "observed", "is_stale"),
    [
        (_LIVE, RUN, observed_function(None, _OLD_7, alias=alias_state("7", description=_NEWER)), True),
        (
            replace(_LIVE, allows_stale=True),
            RUN,
            observed_function(None, _OLD_7, alias=alias_state("7", description=_NEWER)),
            False,
        ),
        (
            _LIVE,
            replace(RUN, attempt="2"),
            observed_function(None, _OLD_7, alias=alias_state("7", description=_NEWER)),
            False,
        ),
        (_LIVE, RUN, _AT_7, False),
        (_LIVE, RUN, ObservedFunction(name="orders-api", latest=None), False),
        (FunctionTarget(name="orders-api"), RUN, observed_function(None, version_state("7", OLD, _NEWER)), True),
        (FunctionTarget(name="orders-api"), RUN, observed_function(None, _OLD_7), False),
    ],
)
def test_an_older_run_leaves_a_function_alone(
    target: FunctionTarget, run: WorkflowRun, observed: ObservedFunction, is_stale: bool
) -> None:
    reason = staleness(target, observed, run)

    assert bool(reason) is is_stale
    if is_stale:
        assert "orders-api was released or rolled back by the newer run 12345678909" in reason
        assert "run 12345678901" in reason
        assert "'allow-stale: true'" in reason
