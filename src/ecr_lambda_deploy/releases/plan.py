"""Pure: what is wanted and what is observed make a plan, a tuple of steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ecr_lambda_deploy.functions.history import Record, last_release, newer_run
from ecr_lambda_deploy.model.functions import LATEST, FunctionState, ObservedFunction, ServingFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture, FunctionTarget, SmokeTest, TrafficStep


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One thing to be done.

    Attributes:
        reason: why; two steps that do the same are equal.
    """

    reason: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitUntilUpdated(_Step):
    """Wait until Lambda has finished with somebody else's change, and plan from what is there then."""


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
        architecture: that it is for.
        follows_alias: whether the alias serves the image already: `$LATEST` then gets it whatever it runs by now.
    """

    image: ImageReference
    architecture: Architecture
    follows_alias: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeSmokeTest(_Step):
    """Invoke `$LATEST`, or a version, and compare what it answers."""

    test: SmokeTest
    qualifier: str = LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishVersion(_Step):
    """Publish `$LATEST` as a version and wait until it is active."""

    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTraffic(_Step):
    """Route shares of the alias's traffic to the published version, for as long as no alarm is in ALARM."""

    steps: tuple[TrafficStep, ...]
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAlias(_Step):
    """Point the alias to a version, with all its traffic; it is created if it is missing.

    Attributes:
        version: None for the one that this plan publishes.
        description: that the alias is to have.
    """

    version: FunctionState | None
    description: str


Step = WaitUntilUpdated | CreateFunction | UpdateCode | InvokeSmokeTest | PublishVersion | ShiftTraffic | PointAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan:
    """What will be done to one function; no steps mean that nothing needs to be.

    Attributes:
        target: the function, as it was given.
        observed: what it was planned from.
        steps: in order.
        is_rollback: whether it brings back what was released before.
    """

    target: FunctionTarget
    observed: ObservedFunction
    steps: tuple[Step, ...]
    is_rollback: bool = False

    @property
    def reason(self) -> str:
        """Why anything is done: the reasons of all steps, each once; empty exactly when there are no steps."""
        return "; ".join(dict.fromkeys(step.reason for step in self.steps if step.reason))

    @property
    def preparation(self) -> tuple[Step, ...]:
        """The steps after which an alias still serves what it did."""
        return self.steps[: self._cut_over_at]

    @property
    def cut_over(self) -> tuple[Step, ...]:
        """The steps that change what an alias serves, and what follows them."""
        return self.steps[self._cut_over_at :]

    @property
    def _cut_over_at(self) -> int:
        alias = self.observed.alias
        for index, step in enumerate(self.steps):
            match step:
                case ShiftTraffic():
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
    run: WorkflowRun,
) -> ReleasePlan:
    """Plan the release of an image to a function: code, smoke test, version, traffic, alias.

    An update that failed is done again even for the same image: what then runs is not what Lambda shows.

    Args:
        target: the function.
        observed: as it is.
        image: that it is to run; without a digest as long as it is still to be built.
        architecture: that the image is for.
        run: that releases it.
    """
    if waiting := wait_steps(observed):
        return ReleasePlan(target=target, observed=observed, steps=waiting)
    # Code that nobody released may run by now: what served before it was the newest version.
    previous = observed.version or (observed.versions[-1].number if observed.versions else "")
    description = str(Record.of(run, commit=run.commit, previous=previous))
    moved = str(Record.of(run))
    serves = is_served(target, observed, image, architecture)
    reason = code_reason(observed, image, architecture) or ("" if serves else _serving_reason(target, observed))
    is_anew = not serves and is_asleep(observed.latest)
    code = tuple(code_steps(target, observed, image, architecture, is_anew=is_anew, reason=reason))
    steps = [*cleared(observed), *code]
    if not serves:
        steps += version_steps(target, observed, description, moved, reason=reason)
    elif code and target.alias:
        # Somebody who gave `$LATEST` another image may be about to move the alias: it is made sure of last.
        steps.append(PointAlias(version=observed.aliased, description=moved, reason=reason))
    return ReleasePlan(target=target, observed=observed, steps=tuple(steps))


def wait_steps(observed: ObservedFunction) -> tuple[Step, ...]:
    """Return the wait that comes before any plan, while Lambda is busy with somebody else's change."""
    if observed.latest is None or not observed.latest.is_busy:
        return ()
    return (WaitUntilUpdated(reason="another change of it is in progress"),)


def code_reason(observed: ObservedFunction, image: ImageReference, architecture: Architecture) -> str:
    """Return why a function is to be given an image; empty if what it runs is that already."""
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


def _serving_reason(target: FunctionTarget, observed: ObservedFunction) -> str:
    """Return why code that runs already is to be released."""
    if not target.alias:
        return "its code is not published"
    return f"the alias {target.alias} {'serves something else' if observed.alias else 'is new'}"


def is_served(
    target: FunctionTarget, observed: ServingFunction, image: ImageReference, architecture: Architecture
) -> bool:
    """Whether what serves is the image already, and is what is wanted to serve.

    Where the versions were not read, code that runs counts as published.
    """
    serving = observed.serving
    if serving is None or not serving.runs(image, architecture) or serving.is_broken:
        return False
    if target.alias:
        return observed.alias is not None and (observed.alias.version != LATEST or not target.publish)
    return not target.publish or not isinstance(observed, ObservedFunction) or observed.published is not None


def may_need_release(
    target: FunctionTarget, observed: ServingFunction, image: ImageReference, architecture: Architecture
) -> bool:
    """Whether a function may need a release, as far as what serves tells; where its history was read, it tells too."""
    latest = observed.latest
    is_in_place = latest is not None and not (latest.is_busy or latest.is_broken) and latest.runs(image, architecture)
    is_split = isinstance(observed, ObservedFunction) and observed.alias is not None and observed.alias.weights
    return not is_in_place or bool(is_split) or not is_served(target, observed, image, architecture)


def is_asleep(state: FunctionState | None) -> bool:
    """Whether a version published from it could be Inactive, so that invocations of it fail at first."""
    return state is not None and state.state.value == "Inactive"


def cleared(observed: ObservedFunction) -> Iterator[PointAlias]:
    """Yield what ends a release that was left half done, by a run that is dead for example."""
    if observed.alias is not None and observed.alias.weights:
        reason = f"the alias {observed.alias.name} still has routing weights"
        yield PointAlias(version=observed.aliased, description=observed.alias.description, reason=reason)


def code_steps(
    target: FunctionTarget,
    observed: ObservedFunction,
    image: ImageReference,
    architecture: Architecture,
    *,
    is_anew: bool,
    reason: str,
) -> Iterator[Step]:
    """Yield what gives a function an image, if it needs to be given; with `is_anew` it always is."""
    latest = observed.latest
    if latest is None:
        yield CreateFunction(image=image, architecture=architecture, parameters=target.creation or {}, reason=reason)
    elif is_anew or not latest.runs(image, architecture) or latest.is_broken:
        yield UpdateCode(image=image, architecture=architecture, reason=reason)


def version_steps(
    target: FunctionTarget, observed: ObservedFunction, description: str, alias_description: str, *, reason: str
) -> Iterator[Step]:
    """Yield what makes a version of the code, and has the alias serve it."""
    if target.smoke_test:
        yield InvokeSmokeTest(test=target.smoke_test, reason=reason)
    if target.publish:
        yield PublishVersion(description=description, reason=reason)
    if target.alias:
        if target.traffic and is_shiftable(observed):
            yield ShiftTraffic(steps=target.traffic, alarms=target.alarms, reason=reason)
        yield PointAlias(version=None, description=alias_description, reason=reason)


def is_shiftable(observed: ServingFunction) -> bool:
    """Whether the alias's traffic can be split: that takes a published version [AliasRoutingConfiguration]."""
    return observed.alias is not None and observed.alias.version != LATEST


def staleness(target: FunctionTarget, observed: ObservedFunction, run: WorkflowRun) -> str:
    """Return why this run must not touch a function, since a newer one has; empty if it may."""
    newer = "" if target.allows_stale else newer_run(run, last_release(observed))
    if not newer:
        return ""
    return (
        f"{observed.name} was released or rolled back by the newer run {newer}, so this older run {run.run_id} leaves "
        "it alone. To deploy it all the same, run it again, or set 'allow-stale: true'."
    )
