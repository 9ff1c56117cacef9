from dataclasses import replace
from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

from ecr_lambda_deploy.model.functions import (
    LATEST,
    AliasPointer,
    AliasState,
    FunctionState,
    ObservedFunction,
    ServingFunction,
    Status,
)
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.releases.plan import (
    PointAlias,
    ReleasePlan,
    UpdateCode,
    WaitUntilUpdated,
    may_need_release,
    plan_release,
)
from tests.unit.fakes.examples import (
    FAILED_UPDATE,
    IN_PROGRESS,
    INACTIVE,
    NEW,
    OLD,
    RUN,
    alias_state,
    function_state,
    observed_function,
    published,
    version_state,
)

_TARGET = FunctionTarget(name="orders-api")
_LIVE = FunctionTarget(name="orders-api", alias="live")
_RELEASED = observed_function(function_state(), version_state("7"))
_RELEASED_LIVE = observed_function(function_state(), version_state("7"), alias=alias_state("7"))
_NOT_BUILT = replace(NEW, digest="")


def _plan(target: FunctionTarget, observed: ObservedFunction, image: ImageReference = OLD) -> ReleasePlan:
    return plan_release(target, observed, image=image, architecture="x86_64", run=RUN)


@pytest.mark.parametrize(
    ("target", "observed", "image", "reason"),
    [
        (_TARGET, ObservedFunction(name="orders-api", latest=None), NEW, "new function"),
        (_TARGET, _RELEASED, NEW, "another digest"),
        (_TARGET, _RELEASED, _NOT_BUILT, "its image is built anew"),
        (_LIVE, _RELEASED_LIVE, NEW, "another digest"),
        (
            _TARGET,
            observed_function(function_state(architecture="arm64"), version_state("7")),
            NEW,
            "architecture x86_64 instead of arm64",
        ),
        (
            _TARGET,
            observed_function(function_state(update=FAILED_UPDATE), version_state("7")),
            OLD,
            "its last update failed: ImageAccessDenied",
        ),
        (
            _TARGET,
            observed_function(function_state(state=Status(value="Failed")), version_state("7")),
            OLD,
            "its last update failed",
        ),
        (_TARGET, observed_function(function_state(state=INACTIVE)), OLD, "its code is not published"),
        (_TARGET, observed_function(), OLD, "its code is not published"),
        (
            _TARGET,
            observed_function(function_state(update=IN_PROGRESS), version_state("7")),
            NEW,
            "another change of it is in progress",
        ),
        (
            _TARGET,
            observed_function(function_state(state=Status(value="Pending")), version_state("7")),
            OLD,
            "another change of it is in progress",
        ),
        (_LIVE, _RELEASED, OLD, "the alias live is new"),
        (
            _LIVE,
            observed_function(function_state(), version_state("7", NEW), alias=alias_state("7")),
            OLD,
            "the alias live serves something else",
        ),
        (
            _LIVE,
            observed_function(function_state(), version_state("7"), alias=alias_state("7", weights={"8": 0.1})),
            OLD,
            "the alias live still has routing weights",
        ),
        (
            _LIVE,
            observed_function(function_state(), version_state("7"), alias=alias_state("7", weights={"8": 0.1})),
            NEW,
            "the alias live still has routing weights; another digest",
        ),
        (
            _LIVE,
            observed_function(function_state(image=NEW), version_state("7"), alias=alias_state("7")),
            OLD,
            "another digest",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_plan_says_why(
    target: FunctionTarget, observed: ObservedFunction, image: ImageReference, reason: str
) -> None:
    assert _plan(target, observed, image).reason == reason


def test_a_function_whose_last_update_failed_is_updated_though_it_shows_the_image() -> None:
    observed = observed_function(function_state(update=FAILED_UPDATE), version_state("7"), alias=alias_state("7"))
    plan = _plan(_LIVE, observed)

    assert [type(step) for step in plan.steps] == [UpdateCode, PointAlias]
    assert {step.reason for step in plan.steps} == {"its last update failed: ImageAccessDenied"}


def test_a_change_in_progress_is_waited_for_before_anything_is_planned() -> None:
    plan = _plan(_LIVE, observed_function(function_state(update=IN_PROGRESS), version_state("7")), NEW)

    assert plan.steps == (WaitUntilUpdated(),)


_STATES = some.builds(
    function_state,
    image=some.sampled_from([OLD, NEW, None]),
    architecture=some.sampled_from(["x86_64", "arm64"]),
    state=some.sampled_from([Status(value=value) for value in ("Active", "Inactive", "Pending", "Failed")]),
    update=some.sampled_from([Status(value=value) for value in ("Successful", "InProgress", "Failed")]),
)


@some.composite
def _observed(draw: some.DrawFn) -> ObservedFunction:
    """Return a function as Lambda could show it, with versions of its own image or of others."""
    latest = draw(some.none() | _STATES)
    if latest is None:
        return ObservedFunction(name="orders-api", latest=None)
    images = draw(some.lists(some.sampled_from([OLD, NEW]), max_size=3))
    states: dict[str, FunctionState] = {LATEST: latest}
    states |= {str(number): version_state(str(number), image) for number, image in enumerate(images, start=1)}
    alias: AliasState | None = None
    if draw(some.booleans()):
        version = draw(some.sampled_from(sorted(states)))
        others = sorted(states.keys() - {version, LATEST})
        shared = draw(some.none() | some.sampled_from(others)) if others else None
        weights = {shared: 0.1} if shared else {}
        alias = alias_state(version, weights=weights)
    return ObservedFunction(
        name=latest.name,
        latest=latest,
        versions=tuple(
            published(number, state.image) for number, state in states.items() if number != LATEST and state.image
        ),
        alias=alias,
        aliased=states[alias.version] if alias else None,
    )


_TARGETS = [
    FunctionTarget(name="orders-api", publish=publish, alias=alias)
    for publish, alias in product([True, False], ["", "live"])
    if publish or not alias
]


@given(some.sampled_from(_TARGETS), _observed(), some.sampled_from([OLD, NEW, _NOT_BUILT]))
def test_there_are_reasons_exactly_when_there_are_steps(
    target: FunctionTarget, observed: ObservedFunction, image: ImageReference
) -> None:
    assume(target.alias or observed.alias is None)
    plan = _plan(target, observed, image)

    assert bool(plan.reason) == bool(plan.steps)
    assert all(step.reason for step in plan.steps)


@given(some.sampled_from(_TARGETS), _observed(), some.sampled_from([OLD, NEW, _NOT_BUILT]))
def test_a_function_that_needs_a_release_may_need_one_whatever_was_read(
    target: FunctionTarget, observed: ObservedFunction, image: ImageReference
) -> None:
    """Judged by what serves alone, only an unfinished release may be missed: unpublished code, or weights."""
    assume(target.alias or observed.alias is None)
    needs_release = bool(_plan(target, observed, image).steps)
    alias = observed.alias
    serving = ServingFunction(
        name=observed.name,
        latest=observed.latest,
        alias=AliasPointer(name=alias.name, arn=alias.arn, version=alias.version) if alias else None,
        aliased=observed.aliased,
    )

    assert may_need_release(target, observed, image, "x86_64") == needs_release
    is_half_done = observed.weights or (not target.alias and target.publish and observed.published is None)
    assert may_need_release(target, serving, image, "x86_64") == needs_release or is_half_done
