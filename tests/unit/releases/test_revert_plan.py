from dataclasses import replace

import pytest

from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.functions import LATEST, FunctionState, ObservedFunction
from ecr_lambda_deploy.releases.plan import PointAlias, UpdateCode
from ecr_lambda_deploy.releases.revert_plan import plan_revert
from tests.unit.fakes.examples import (
    FAILED_UPDATE,
    NEW,
    OLD,
    SOMEBODY_ELSES,
    alias_state,
    function_state,
    observed_function,
    version_state,
)

_OLD_7, _NEW_8, _THEIRS_9 = version_state("7"), version_state("8", NEW), version_state("9", SOMEBODY_ELSES)
_VERSIONS = (_OLD_7, _NEW_8, _THEIRS_9)
_RUNS_NEW, _RUNS_THEIRS = function_state(image=NEW), function_state(image=SOMEBODY_ELSES)
_BROKEN_OLD, _BROKEN_NEW = function_state(update=FAILED_UPDATE), replace(_RUNS_NEW, update=FAILED_UPDATE)

_START_ALIAS = alias_state("7", description="before")
_START = observed_function(None, *_VERSIONS, alias=_START_ALIAS)
_NO_ALIAS = observed_function(None, *_VERSIONS)
_AT_8, _CANARY = alias_state("8"), alias_state("7", weights={"8": 0.1})

_BACK_TO_7 = PointAlias(version=_OLD_7, description="before")
_BACK_TO_OLD = UpdateCode(image=OLD, architecture="x86_64")


def _now(latest: FunctionState | None = None, alias: object = None) -> ObservedFunction:
    return observed_function(latest, *_VERSIONS, alias=alias)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "start", "written", "expected"),
    [
        # Nothing was written, and so nothing is taken back.
        (_now(_RUNS_THEIRS, _AT_8), _START, Written(), ()),
        (_now(_RUNS_NEW, _START_ALIAS), _START, Written(), ()),
        # Code.
        (_now(_RUNS_NEW, _START_ALIAS), _START, Written(image=NEW), (_BACK_TO_OLD,)),
        (_now(_BROKEN_NEW, _START_ALIAS), _START, Written(image=NEW), (_BACK_TO_OLD,)),
        (_now(_BROKEN_OLD, _START_ALIAS), _START, Written(image=NEW), (_BACK_TO_OLD,)),
        (_now(None, _START_ALIAS), _START, Written(image=NEW), ()),
        (_now(_BROKEN_OLD), observed_function(_BROKEN_OLD), Written(image=NEW), ()),  # it was broken before
        (_now(_RUNS_NEW), observed_function(function_state(image=None)), Written(image=NEW), ()),
        (_now(_RUNS_NEW), ObservedFunction(name="orders-api", latest=None), Written(image=NEW), ()),
        # The alias.
        (_now(_RUNS_NEW, _AT_8), _START, Written(image=NEW, alias=_AT_8), (_BACK_TO_7, _BACK_TO_OLD)),
        (_now(None, _AT_8), _START, Written(alias=_AT_8), (_BACK_TO_7,)),
        (_now(_RUNS_NEW, _CANARY), _START, Written(image=NEW, alias=_CANARY), (_BACK_TO_7, _BACK_TO_OLD)),
        (_now(None, _START_ALIAS), _START, Written(alias=_START_ALIAS), ()),
        # Weights that were there before do not come back.
        (_now(None, alias_state("7")), _now(None, _CANARY), Written(alias=alias_state("7")), ()),
        # Somebody else has ended the canary: that is as it was.
        (_now(_RUNS_NEW, alias_state("7")), _START, Written(image=NEW, alias=_CANARY), (_BACK_TO_OLD,)),
        # An alias that is new has nowhere to go back to.
        (_now(None, _AT_8), _NO_ALIAS, Written(alias=_AT_8), ()),
        # Lambda's own weights, while provisioned concurrency moves.
        (_now(None, alias_state("8", weights={"7": 1.0})), _START, Written(alias=_AT_8), (_BACK_TO_7,)),
        (_now(None, alias_state("7", weights={"8": 1.0})), _START, Written(alias=_AT_8), ()),
    ],
)
def test_the_steps_of_a_revert(
    now: ObservedFunction, start: ObservedFunction, written: Written, expected: tuple[PointAlias | UpdateCode, ...]
) -> None:
    way = plan_revert(now, start, written, is_kept=False)

    assert (way.steps, way.left) == (expected, ())


def test_an_architecture_that_was_changed_goes_back_with_the_code() -> None:
    start = observed_function(function_state(architecture="arm64"))
    now = observed_function(function_state(architecture="x86_64"))
    way = plan_revert(now, start, Written(image=OLD, architecture="x86_64"), is_kept=False)

    assert way.steps == (UpdateCode(image=OLD, architecture="arm64"),)


@pytest.mark.parametrize(
    ("now", "start", "written", "steps", "left"),
    [
        (
            _now(_RUNS_THEIRS, _START_ALIAS),
            _START,
            Written(image=NEW),
            (),
            [f"{LATEST} runs {SOMEBODY_ELSES}: somebody else has updated it since, so it stays."],
        ),
        (
            _now(_RUNS_NEW, alias_state("9")),
            _START,
            Written(image=NEW, alias=_AT_8),
            (_BACK_TO_OLD,),
            ["The alias live points to version 9: somebody else has moved it, so it stays."],
        ),
        (
            _now(_RUNS_NEW, alias_state("7", weights={"8": 0.9})),
            _START,
            Written(image=NEW, alias=_CANARY),
            (_BACK_TO_OLD,),
            ["The alias live points to version 7: somebody else has moved it, so it stays."],
        ),
        (_now(_RUNS_NEW), _START, Written(image=NEW, alias=_AT_8), (_BACK_TO_OLD,), []),  # the alias was deleted
    ],
)
def test_what_somebody_else_has_changed_stays_and_the_plan_says_so(
    now: ObservedFunction,
    start: ObservedFunction,
    written: Written,
    steps: tuple[PointAlias | UpdateCode, ...],
    left: list[str],
) -> None:
    way = plan_revert(now, start, written, is_kept=False)

    assert way.steps == steps
    assert list(way.left) == left


@pytest.mark.parametrize(
    ("now", "written", "steps"),
    [
        (_now(_RUNS_NEW, _START_ALIAS), Written(image=NEW), ()),
        (_now(_RUNS_NEW, _AT_8), Written(image=NEW, alias=_AT_8), ()),
        # A share of the traffic never stays.
        (
            _now(_RUNS_NEW, replace(_CANARY, description="before")),
            Written(image=NEW, alias=replace(_CANARY, description="before")),
            (_BACK_TO_7,),
        ),
    ],
)
def test_with_on_failure_keep_all_but_shares_of_traffic_stays(
    now: ObservedFunction, written: Written, steps: tuple[PointAlias | UpdateCode, ...]
) -> None:
    assert plan_revert(now, _START, written, is_kept=True).steps == steps


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (Written(), False),
        (Written(image=NEW), True),
        (Written(alias=_AT_8), True),
        (Written(is_created=True), True),
    ],
)
def test_whether_anything_was_written(written: Written, expected: bool) -> None:
    assert written.is_anything is expected
