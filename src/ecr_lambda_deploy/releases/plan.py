"""Pure: compares a function as observed with what is wanted, and returns the plan of a release: a tuple of steps.

A new step needs a class here and in `Step`, a place in `code_steps`, `version_steps` or `serving_steps`, and a case in
`PlanExecution._carry_out`, which mypy demands. `plan_rollback` in `rollback/plan.py` uses the same steps. If it changes
the function, the change is a method of `FunctionWriter`; if it changes what an alias serves, `ReleasePlan.stages` must
know it; if a failure must undo it, so must `Written` and `plan_revert`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ecr_lambda_deploy.functions.history import Record, last_release, newer_run, run_named
from ecr_lambda_deploy.model.functions import (
    LATEST,
    LATEST_PUBLISHED,
    FunctionState,
    ObservedFunction,
    ServingFunction,
    is_number,
)
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture, FunctionTarget, SmokeTest, TrafficStep

_MOST_NAMED = 10  # settings, in a reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One step of a plan.

    Attributes:
        reason: why it is necessary; not compared, so that two steps that do the same are equal.
    """

    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntilUpdated(_Step):
    """Wait until Lambda has finished with somebody else's change; then a new plan is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFunction(_Step):
    """Create the function with an image and wait until it is active."""

    image: ImageReference
    architecture: Architecture
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCode(_Step):
    """Give `$LATEST` an image and wait until it runs.

    Attributes:
        image: by digest.
        architecture: of the image.
        follows_alias: whether the alias serves the image already: `$LATEST` then gets it even if somebody else has
            updated the code meanwhile.
    """

    image: ImageReference
    architecture: Architecture
    follows_alias: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeSmokeTest(_Step):
    """Invoke `$LATEST` or a version, and compare the response with the expected one.

    Attributes:
        qualifier: None for the version that this plan publishes.
    """

    test: SmokeTest
    qualifier: str | None = LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishVersion(_Step):
    """Publish `$LATEST` as a version and wait until it is active."""

    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTraffic(_Step):
    """Route shares of the alias's traffic to the published version, for as long as nothing speaks against it."""

    steps: tuple[TrafficStep, ...]
    alarms: tuple[str, ...]
    max_error_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAlias(_Step):
    """Point the alias to a version, with all its traffic; create the alias if it is missing.

    Attributes:
        version: None for the version that this plan publishes.
        description: the alias's new description.
    """

    version: FunctionState | None
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchTraffic(_Step):
    """Watch the version that the alias points to by now, with all its traffic."""

    share: TrafficStep
    alarms: tuple[str, ...]
    max_error_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishLatest(_Step):
    """Publish `$LATEST` as `$LATEST.PUBLISHED`, which calls without a qualifier run on managed instances.

    Attributes:
        description: of `$LATEST.PUBLISHED`.
    """

    description: str


Step = (
    WaitUntilUpdated
    | CreateFunction
    | UpdateCode
    | InvokeSmokeTest
    | PublishVersion
    | ShiftTraffic
    | PointAlias
    | WatchTraffic
    | PublishLatest
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """The steps for one function; no steps mean that nothing needs to be done.

    Attributes:
        target: the function and its settings.
        observed: the state that the plan was made from.
        steps: in order.
        is_rollback: whether the plan goes back to an earlier release.
    """

    target: FunctionTarget
    observed: ObservedFunction
    steps: tuple[Step, ...]
    is_rollback: bool = False

    @property
    def reason(self) -> str:
        """Why the function needs the steps: the reasons of all, each once; empty exactly when there are no steps."""
        return "; ".join(dict.fromkeys(step.reason for step in self.steps if step.reason))

    @property
    def is_watched(self) -> bool:
        """Whether alarms or error rates decide how the release ends."""
        return any(isinstance(step, ShiftTraffic | WatchTraffic) for step in self.steps)

    @property
    def stages(self) -> tuple[tuple[Step, ...], ...]:
        """The steps by stage: preparation, canary, cut-over, watch. Those of a group begin each stage together.

        During the preparation an alias, or `$LATEST.PUBLISHED`, still serves what it did.
        """
        cut_over, steps = self._cut_over_at, self.steps
        after_canary = cut_over + any(isinstance(step, ShiftTraffic) for step in steps[cut_over:])
        watch = len(steps) - any(isinstance(step, WatchTraffic) for step in steps)
        return steps[:cut_over], steps[cut_over:after_canary], steps[after_canary:watch], steps[watch:]

    @property
    def _cut_over_at(self) -> int:
        """The index of the first step that shifts traffic, points the alias elsewhere, or has other code serve."""
        alias = self.observed.alias
        for index, step in enumerate(self.steps):
            match step:
                case ShiftTraffic() | PublishLatest():
                    return index
                case PointAlias(version=version) if not (alias and version and version.version == alias.version):
                    return index
                case _:
                    pass
        return len(self.steps)


def plan_release(
    target: FunctionTarget,
    observed: ObservedFunction,
    *,
    image: ImageReference,
    architecture: Architecture,
    commit: str = "",
    run: WorkflowRun,
) -> ReleasePlan:
    """Plan the release of an image to a function: code, smoke test, version, traffic, alias.

    An update that failed is repeated even for the same image: Lambda then shows one image and runs another.

    Args:
        target: the function.
        observed: its current state.
        image: the image that it is to run; without a digest as long as the image is not built.
        architecture: of the image.
        commit: that the image is of; empty if that is not known.
        run: the run that releases it.
    """
    if waiting := wait_steps(observed):
        return ReleasePlan(target=target, observed=observed, steps=waiting)
    # Code that nobody released may run now: the newest version is then what served before it.
    previous = observed.version or (observed.versions[-1].number if observed.versions else "")
    version_description = str(Record.of(run, commit=commit, previous=previous))
    alias_description = str(Record.of(run))
    is_image_served = is_served(target, observed, image, architecture)
    changed = changed_settings(target, observed) if is_image_served else ()
    serves = is_image_served and not changed
    reason = _code_reason(observed, image, architecture)
    reason = reason or ("" if serves else _serving_reason(target, observed, changed))
    is_repeated = not serves and is_inactive(observed.latest)
    code = tuple(code_steps(target, observed, image, architecture, always=is_repeated, reason=reason))
    steps = [*clearing_steps(observed), *code]
    if not serves:
        steps += version_steps(target, observed, version_description, reason=reason)
        steps += serving_steps(target, observed, alias_description, reason=reason)
    elif code and target.alias:
        # Somebody who gave `$LATEST` another image may be about to move the alias: moving it last overrides that.
        steps.append(PointAlias(version=observed.aliased, description=alias_description, reason=reason))
    return ReleasePlan(target=target, observed=observed, steps=tuple(steps))


def wait_steps(observed: ObservedFunction) -> tuple[Step, ...]:
    """Return the wait that comes before any plan, while Lambda is busy with somebody else's change."""
    if observed.latest is None or not observed.latest.is_busy:
        return ()
    return (WaitUntilUpdated(reason="another change of it is in progress"),)


def clearing_steps(observed: ObservedFunction) -> Iterator[PointAlias]:
    """Yield the step that ends an unfinished canary, such as one of a run that was killed, if there is one."""
    if observed.alias is not None and observed.alias.weights:
        reason = f"the alias {observed.alias.name} still has routing weights"
        yield PointAlias(version=observed.aliased, description=observed.alias.description, reason=reason)


def code_steps(
    target: FunctionTarget,
    observed: ObservedFunction,
    image: ImageReference,
    architecture: Architecture,
    *,
    always: bool,
    reason: str,
) -> Iterator[Step]:
    """Yield the step that gives `$LATEST` an image, if it does not run that image, or `always`."""
    latest = observed.latest
    if latest is None:
        yield CreateFunction(image=image, architecture=architecture, parameters=target.creation or {}, reason=reason)
    elif always or not latest.runs(image, architecture) or latest.is_broken:
        yield UpdateCode(image=image, architecture=architecture, reason=reason)


def version_steps(
    target: FunctionTarget, observed: ObservedFunction, description: str, *, reason: str
) -> Iterator[Step]:
    """Yield the steps that test the code of `$LATEST` and publish it: an alias still serves what it did.

    On managed instances nothing but a published version can be invoked, so that is what is tested.
    """
    is_managed = runs_on_managed_instances(target, observed)
    if target.smoke_test and not is_managed:
        yield InvokeSmokeTest(test=target.smoke_test, reason=reason)
    if target.publish:
        yield PublishVersion(description=description, reason=reason)
    if target.smoke_test and target.publish and is_managed:
        yield InvokeSmokeTest(test=target.smoke_test, qualifier=None, reason=reason)


def serving_steps(
    target: FunctionTarget, observed: ObservedFunction, description: str, *, reason: str
) -> Iterator[Step]:
    """Yield the steps that have the alias, or `$LATEST.PUBLISHED`, serve what was published."""
    if runs_on_managed_instances(target, observed) and not target.alias:
        yield PublishLatest(description=description, reason=reason)
        if target.smoke_test and not target.publish:
            yield InvokeSmokeTest(test=target.smoke_test, qualifier=LATEST_PUBLISHED, reason=reason)
    if target.alias:
        traffic = target.traffic if is_shiftable(observed) else ()
        alarms, limit = target.alarms, target.max_error_rate
        if shares := tuple(step for step in traffic if step.is_split):
            yield ShiftTraffic(steps=shares, alarms=alarms, max_error_rate=limit, reason=reason)
        yield PointAlias(version=None, description=description, reason=reason)
        if traffic and not traffic[-1].is_split:
            yield WatchTraffic(share=traffic[-1], alarms=alarms, max_error_rate=limit, reason=reason)


def is_served(
    target: FunctionTarget, function: ServingFunction, image: ImageReference, architecture: Architecture
) -> bool:
    """Whether a function serves the image already, and in the way that is wanted: by a version, by the alias.

    Where the versions were not read, code that runs counts as published.
    """
    serving = function.serving
    if serving is None or not serving.runs(image, architecture) or serving.is_broken:
        return False
    if target.alias:
        return function.alias is not None and (is_number(function.alias.version) or not target.publish)
    if runs_on_managed_instances(target, function) and function.latest_published is None:
        return False
    return not target.publish or not isinstance(function, ObservedFunction) or function.published is not None


def changed_settings(target: FunctionTarget, function: ServingFunction) -> tuple[str, ...]:
    """Return the names of the settings that `$LATEST` has otherwise than the version which serves.

    That is the alias's or, without an alias, `$LATEST.PUBLISHED`. Nobody is served by `$LATEST` then, so what has been
    set reaches nobody until a version is published.
    """
    latest, serving = function.latest, function.aliased if target.alias else function.latest_published
    if latest is None or serving is None or serving.version == LATEST:
        return ()
    return latest.settings_unlike(serving)


def may_need_release(
    target: FunctionTarget, function: ServingFunction, image: ImageReference, architecture: Architecture
) -> bool:
    """Whether a function may need a release, judged by what serves and, where it was read, by its history."""
    latest = function.latest
    is_in_place = latest is not None and not (latest.is_busy or latest.is_broken) and latest.runs(image, architecture)
    is_as_set = is_served(target, function, image, architecture) and not changed_settings(target, function)
    return not (is_in_place and is_as_set) or bool(function.weights)


def is_shiftable(function: ServingFunction) -> bool:
    """Whether the alias's traffic can be split: that needs a published version [AliasRoutingConfiguration]."""
    return function.alias is not None and is_number(function.alias.version)


def runs_on_managed_instances(target: FunctionTarget, function: ServingFunction) -> bool:
    """Whether a function runs on managed instances, or will when it is created."""
    if function.latest is not None:
        return function.latest.is_managed
    return "CapacityProviderConfig" in (target.creation or {})


def is_inactive(state: FunctionState | None) -> bool:
    """Whether a version that is published from this code may be Inactive, so that its first invocations fail."""
    return state is not None and state.state.value == "Inactive"


def staleness(target: FunctionTarget, observed: ObservedFunction, run: WorkflowRun) -> str:
    """Return why this run must not touch a function that a newer run has released; empty if it may."""
    newer = "" if target.allows_stale else newer_run(run, last_release(observed, run))
    if not newer:
        return ""
    return (
        f"{observed.name} was released or rolled back by the newer {run_named(newer)}, so this older run {run.run_id} "
        "leaves it alone. To deploy it all the same, run it again, or set 'allow-stale: true'."
    )


def _code_reason(observed: ObservedFunction, image: ImageReference, architecture: Architecture) -> str:
    """Return why a function needs the image; empty if it runs that image already."""
    latest = observed.latest
    if latest is None:
        return "new function"
    if latest.architecture != architecture:
        return f"architecture {architecture} instead of {latest.architecture}"
    if not image.digest:
        return "its image is built anew"
    if not image.is_same_image(latest.image):
        return "another digest"
    if latest.is_broken:
        code = latest.update.reason_code or latest.state.reason_code
        return f"its last update failed: {code}" if code else "its last update failed"
    return ""


def _serving_reason(target: FunctionTarget, observed: ObservedFunction, changed: Sequence[str]) -> str:
    """Return why code that runs already needs a release."""
    if changed:
        names = ", ".join(changed[:_MOST_NAMED]) + (" and others" if len(changed) > _MOST_NAMED else "")
        served = f"version {observed.version}" if target.alias else LATEST_PUBLISHED
        return f"its configuration is not that of {served}: {names}"
    if not target.alias:
        is_missing = runs_on_managed_instances(target, observed) and observed.latest_published is None
        return f"there is no {LATEST_PUBLISHED}" if is_missing else "its code is not published"
    return f"the alias {target.alias} {'serves something else' if observed.alias else 'is new'}"
