"""Pure: what is wanted and what is observed make a plan, a tuple of steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ecr_lambda_deploy.functions.history import Record, last_release, newer_run
from ecr_lambda_deploy.model.functions import LATEST, FunctionState, ObservedFunction
from ecr_lambda_deploy.model.images import ImageReference
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Architecture, FunctionTarget, SmokeTest, TrafficStep


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateFunction:
    """Create the function with an image and wait until it is active."""

    image: ImageReference
    architecture: Architecture
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCode:
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
class InvokeSmokeTest:
    """Invoke `$LATEST`, or a version, and compare what it answers."""

    test: SmokeTest
    qualifier: str = LATEST


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishVersion:
    """Publish `$LATEST` as a version and wait until it is active."""

    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftTraffic:
    """Route shares of the alias's traffic to the published version, for as long as no alarm is in ALARM."""

    steps: tuple[TrafficStep, ...]
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointAlias:
    """Point the alias to a version, with all its traffic; it is created if it is missing.

    Attributes:
        version: None for the one that this plan publishes.
        description: that the alias is to have.
    """

    version: FunctionState | None
    description: str


Step = CreateFunction | UpdateCode | InvokeSmokeTest | PublishVersion | ShiftTraffic | PointAlias


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
    """
    # Code that nobody released may run by now: what served before it was the newest version.
    previous = observed.version or (observed.versions[-1].number if observed.versions else "")
    description = str(Record.of(run, commit=run.commit, previous=previous))
    serves = is_served(target, observed, image, architecture)
    alias_description = str(Record.of(run))
    is_anew = not serves and is_asleep(observed.latest)
    code = tuple(code_steps(target, observed, image, architecture, is_anew=is_anew))
    steps = [*cleared(observed), *code]
    if not serves:
        steps += version_steps(target, observed, description, alias_description)
    elif code and target.alias:
        # Whoever has given `$LATEST` another image may be about to move the alias: it is made sure of last.
        steps.append(PointAlias(version=observed.aliased, description=alias_description))
    return ReleasePlan(target=target, observed=observed, steps=tuple(steps))


def is_served(
    target: FunctionTarget, observed: ObservedFunction, image: ImageReference, architecture: Architecture
) -> bool:
    """Whether what serves is the image already, and is what is wanted to serve.

    Where the versions were not read, code that runs counts as published.
    """
    serving = observed.serving
    if serving is None or not serving.runs(image, architecture) or serving.is_broken:
        return False
    if target.alias:
        return observed.alias is not None and (observed.alias.version != LATEST or not target.publish)
    return not target.publish or not observed.has_history or observed.published is not None


def is_asleep(state: FunctionState | None) -> bool:
    """Whether a version published from it could be Inactive, so that invocations of it fail at first."""
    return state is not None and state.state.value == "Inactive"


def cleared(observed: ObservedFunction) -> Iterator[PointAlias]:
    """Yield what ends a release that was left half done, by a run that is dead for example."""
    if observed.alias is not None and observed.alias.weights:
        yield PointAlias(version=observed.aliased, description=observed.alias.description)


def code_steps(
    target: FunctionTarget,
    observed: ObservedFunction,
    image: ImageReference,
    architecture: Architecture,
    *,
    is_anew: bool,
) -> Iterator[Step]:
    """Yield what gives a function an image, if it needs to be given; with `is_anew` it always is."""
    latest = observed.latest
    if latest is None:
        yield CreateFunction(image=image, architecture=architecture, parameters=target.creation or {})
    elif is_anew or not latest.runs(image, architecture) or latest.is_broken:
        yield UpdateCode(image=image, architecture=architecture)


def version_steps(
    target: FunctionTarget, observed: ObservedFunction, description: str, alias_description: str
) -> Iterator[Step]:
    """Yield what makes a version of the code, and has the alias serve it."""
    if target.smoke_test:
        yield InvokeSmokeTest(test=target.smoke_test)
    if target.publish:
        yield PublishVersion(description=description)
    if target.alias:
        if target.traffic and is_shiftable(observed):
            yield ShiftTraffic(steps=target.traffic, alarms=target.alarms)
        yield PointAlias(version=None, description=alias_description)


def is_shiftable(observed: ObservedFunction) -> bool:
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
