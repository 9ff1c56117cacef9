from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.history import Record
from ecr_lambda_deploy.model.functions import FunctionState, ObservedFunction, Status
from ecr_lambda_deploy.model.targets import FunctionTarget, SmokeTest, TrafficStep
from ecr_lambda_deploy.releases.plan import InvokeSmokeTest, PointAlias, PublishVersion, Step, UpdateCode
from ecr_lambda_deploy.rollback.plan import RollbackGoal, plan_rollback
from tests.unit.fakes.examples import (
    FAILED_UPDATE,
    INACTIVE,
    NEW,
    OLD,
    RUN,
    alias_state,
    function_state,
    image,
    observed_function,
    version_state,
)

_LIVE = FunctionTarget(name="orders-api", alias="live")
_WITHOUT = FunctionTarget(name="orders-api")
_TEST = SmokeTest(event="{}")

_RECORD_7 = Record(commit="c" * 40, repository="acme/shop", run="5/1", previous="6", workflow="deploy.yml")
_OLD_7, _NEW_8 = version_state("7", OLD, str(_RECORD_7)), version_state("8", NEW, "previous=7")
_RUNS_NEW = function_state(image=NEW)
_AT_8 = observed_function(_RUNS_NEW, _OLD_7, _NEW_8, alias=alias_state("8"))
_NO_ALIAS = observed_function(_RUNS_NEW, _OLD_7, _NEW_8)

_MOVED = str(Record.of(RUN, mode="rollback", repeats="5"))
_TO_7 = PointAlias(version=_OLD_7, description=_MOVED)
_CODE_OLD = UpdateCode(image=OLD, architecture="x86_64")
_CODE_FOLLOWS = UpdateCode(image=OLD, architecture="x86_64", follows_alias=True)
_AGAIN_7 = PublishVersion(description=str(Record.of(RUN, commit="c" * 40, previous="6", mode="rollback", repeats="5")))
_TO_NEW_VERSION = PointAlias(version=None, description=_MOVED)


def _goal(version: FunctionState = _OLD_7) -> RollbackGoal:
    return RollbackGoal(
        image=version.image or OLD,
        architecture="x86_64",
        version=version,
        record=Record.parse(version.description),
    )


_OF_IMAGE = RollbackGoal(image=image("c"), architecture="x86_64", record=Record(commit="c" * 40))
_CODE_C = UpdateCode(image=image("c"), architecture="x86_64")
_FIRST_OF_C = PublishVersion(description=str(Record.of(RUN, commit="c" * 40, previous="8", mode="rollback")))
_TO_FIRST_OF_C = PointAlias(version=None, description=str(Record.of(RUN, mode="rollback")))
_AFTER_C = observed_function(
    function_state(image=image("c")), _OLD_7, _NEW_8, version_state("9", image("c")), alias=alias_state("9")
)


@pytest.mark.parametrize(
    ("observed", "goal", "expected"),
    [
        # The alias moves first, and `$LATEST` follows.
        (_AT_8, _goal(), (_TO_7, _CODE_FOLLOWS)),
        (observed_function(None, _OLD_7, _NEW_8, alias=alias_state("8")), _goal(), (_TO_7,)),
        (observed_function(_RUNS_NEW, _OLD_7, alias=alias_state("$LATEST")), _goal(), (_TO_7, _CODE_FOLLOWS)),
        (_NO_ALIAS, _goal(), (_TO_7, _CODE_FOLLOWS)),  # the alias is missing
        # There already.
        (observed_function(None, _OLD_7, _NEW_8, alias=alias_state("7")), _goal(), ()),
        (observed_function(_RUNS_NEW, _OLD_7, _NEW_8, alias=alias_state("7")), _goal(), (_CODE_FOLLOWS,)),
        (
            observed_function(function_state(update=FAILED_UPDATE), _OLD_7, alias=alias_state("7")),
            _goal(),
            (_CODE_FOLLOWS,),
        ),
        # A release that has not ended.
        (
            observed_function(_RUNS_NEW, _OLD_7, _NEW_8, alias=alias_state("7", weights={"8": 0.1})),
            _goal(),
            (_TO_7, _CODE_FOLLOWS),
        ),
        # A version that sleeps would fail the first invocations, one that failed all.
        *(
            (_AT_8, _goal(replace(_OLD_7, state=state)), (_CODE_OLD, _AGAIN_7, _TO_NEW_VERSION))
            for state in (INACTIVE, Status(value="Failed"), Status(value="Deactivating"))
        ),
        (
            observed_function(None, replace(_OLD_7, state=INACTIVE), _NEW_8, alias=alias_state("8")),
            _goal(replace(_OLD_7, state=INACTIVE)),
            (_CODE_OLD, _AGAIN_7, _TO_NEW_VERSION),
        ),
        (  # even if it serves already
            observed_function(None, replace(_OLD_7, state=INACTIVE), alias=alias_state("7")),
            _goal(replace(_OLD_7, state=INACTIVE)),
            (_CODE_OLD, _AGAIN_7, _TO_NEW_VERSION),
        ),
        # An image without a version.
        (_AT_8, _OF_IMAGE, (_CODE_C, _FIRST_OF_C, _TO_FIRST_OF_C)),
        (_AFTER_C, _OF_IMAGE, ()),
    ],
)
def test_steps_with_an_alias(observed: ObservedFunction, goal: RollbackGoal, expected: tuple[Step, ...]) -> None:
    plan = plan_rollback(_LIVE, observed, goal, run=RUN)

    assert plan.steps == expected
    assert (plan.target, plan.observed, plan.is_rollback) == (_LIVE, observed, True)


def test_weights_that_are_left_are_cleared_even_if_the_image_serves_already() -> None:
    alias = alias_state("9", weights={"8": 0.1})
    observed = replace(_AFTER_C, alias=alias)
    plan = plan_rollback(_LIVE, observed, _OF_IMAGE, run=RUN)

    assert [step.version.version for step in plan.steps if isinstance(step, PointAlias) and step.version] == ["9"]


@pytest.mark.parametrize(
    ("observed", "goal", "expected"),
    [
        (_NO_ALIAS, _goal(), (_CODE_OLD, _AGAIN_7)),
        (_NO_ALIAS, _goal(replace(_OLD_7, state=INACTIVE)), (_CODE_OLD, _AGAIN_7)),
        (observed_function(None, _OLD_7, _NEW_8), _goal(), (_AGAIN_7,)),  # it was cut short
        (observed_function(None, _OLD_7), _goal(), ()),
        (observed_function(function_state(update=FAILED_UPDATE), _OLD_7), _goal(), (_CODE_OLD, _AGAIN_7)),
        (_NO_ALIAS, _OF_IMAGE, (_CODE_C, _FIRST_OF_C)),
        (
            observed_function(function_state(image=image("c")), _OLD_7),
            _OF_IMAGE,
            (replace(_FIRST_OF_C, description=_FIRST_OF_C.description.replace(" previous=8", "")),),
        ),
    ],
)
def test_steps_without_an_alias(observed: ObservedFunction, goal: RollbackGoal, expected: tuple[Step, ...]) -> None:
    assert plan_rollback(_WITHOUT, observed, goal, run=RUN).steps == expected


def test_without_publishing_only_the_code_comes_back() -> None:
    plan = plan_rollback(replace(_WITHOUT, publish=False), _NO_ALIAS, _goal(), run=RUN)

    assert plan.steps == (_CODE_OLD,)


@pytest.mark.parametrize(
    ("target", "goal", "expected"),
    [
        (_LIVE, _goal(), (InvokeSmokeTest(test=_TEST, qualifier="7"), _TO_7, _CODE_FOLLOWS)),
        (
            _LIVE,
            _goal(replace(_OLD_7, state=INACTIVE)),
            (_CODE_OLD, InvokeSmokeTest(test=_TEST), _AGAIN_7, _TO_NEW_VERSION),
        ),
        (_WITHOUT, _goal(), (_CODE_OLD, InvokeSmokeTest(test=_TEST), _AGAIN_7)),
    ],
)
def test_what_is_brought_back_is_tested_before_it_is_published_or_the_alias_moves(
    target: FunctionTarget, goal: RollbackGoal, expected: tuple[Step, ...]
) -> None:
    observed = _AT_8 if target.alias else _NO_ALIAS

    assert plan_rollback(replace(target, smoke_test=_TEST), observed, goal, run=RUN).steps == expected


@pytest.mark.parametrize("goal", [_goal(), _goal(replace(_OLD_7, state=INACTIVE)), _OF_IMAGE])
def test_a_rollback_shifts_no_traffic(goal: RollbackGoal) -> None:
    target = replace(_LIVE, traffic=(TrafficStep(weight=0.1, seconds=60),), alarms=("errors",))

    assert plan_rollback(target, _AT_8, goal, run=RUN).steps == plan_rollback(_LIVE, _AT_8, goal, run=RUN).steps


def test_the_architecture_comes_back_with_the_code() -> None:
    goal = replace(_goal(), architecture="arm64")

    assert plan_rollback(_WITHOUT, _NO_ALIAS, goal, run=RUN).steps[0] == UpdateCode(image=OLD, architecture="arm64")


@pytest.mark.parametrize("observed", [_AT_8, _NO_ALIAS])
def test_what_is_undone_together_says_whose_release_that_was(observed: ObservedFunction) -> None:
    target = _LIVE if observed.alias else _WITHOUT
    steps = plan_rollback(target, observed, _goal(), run=RUN, undone="9").steps

    (described,) = [step.description for step in steps if isinstance(step, PointAlias | PublishVersion)]
    assert Record.parse(described).undone == "9"
