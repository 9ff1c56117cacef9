"""Checks what a release needs besides its image, before anything is built or changed."""

from collections.abc import Collection, Sequence
from contextlib import suppress

from ecr_lambda_deploy.functions.history import Record, last_release
from ecr_lambda_deploy.model.errors import DeployError, MissingFunctionError
from ecr_lambda_deploy.model.functions import ObservedFunction, ServingFunction
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build, FunctionTarget, ImageTarget
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.plan import ReleasePlan, is_shiftable

_MOST_RUNS = 3  # in a sentence
_KNOWN_LATE = 180  # seconds until CloudWatch surely has something of a step
_IN_COMMON = ("DeadLetterConfig.TargetArn", "Role")  # [Lambda Developer Guide, weighted alias]


def check_release(target: FunctionTarget, ports: Ports) -> None:
    """Make sure that the function could be created, and may be invoked.

    Raises:
        DeployError: with what is missing.
    """
    if target.creation is not None:
        ports.functions.check_creation(target.name, target.creation)
    if target.smoke_test is not None:
        with suppress(MissingFunctionError):  # it will be created, or reading it failed already
            ports.invocations.check_may_invoke(target.name)


def check_traffic(target: FunctionTarget, observed: ObservedFunction) -> None:
    """Make sure that Lambda could split the traffic between the version that serves and one of `$LATEST`.

    Raises:
        DeployError: they differ in what both must have in common.
    """
    is_split = any(step.is_split for step in target.traffic)
    if not is_split or not is_shiftable(observed) or observed.latest is None or observed.aliased is None:
        return
    different = [name for name in observed.latest.settings_unlike(observed.aliased) if name in _IN_COMMON]
    if different:
        raise DeployError(
            f"The traffic of the alias {target.alias} of {observed.name} cannot be shifted: $LATEST has another "
            f"{' and '.join(different)} than version {observed.version}. Lambda splits an alias's traffic only between "
            "versions with the same execution role and dead-letter queue.",
            "Release once without the input 'traffic' and what goes with it, or set back what differs.",
            topic="traffic-not-shiftable",
        )


def notice_other_commits(images: Sequence[ImageTarget], ports: Ports, run: WorkflowRun) -> None:
    """Log once for each commit that is checked out and built although the run is for another."""
    commits = {image.source.commit: image.name for image in reversed(images) if isinstance(image.source, Build)}
    for commit, name in sorted(commits.items()):
        if commit not in {"", run.commit} and run.commit:
            what = f"for the image {name}" if name else "here"
            ports.log.notice(
                f"The commit {commit} is checked out {what}, not {run.commit}, which this run is for: what is built is "
                "labelled, tagged and recorded as what is checked out."
            )


def notice_skipped_traffic(target: FunctionTarget, observed: ObservedFunction, ports: Ports) -> None:
    """Log that `traffic` is skipped, where the alias has no version whose traffic could be shifted."""
    if target.traffic and not is_shiftable(observed):
        pointer = f"points to {observed.alias.version}" if observed.alias else "is new"
        ports.log.notice(
            f"'traffic' is skipped: the alias {target.alias} of {observed.name} {pointer}, so there is no version "
            "whose traffic could be shifted."
        )


def notice_short_steps(plans: Sequence[ReleasePlan], ports: Ports) -> None:
    """Log once that CloudWatch knows little of a step that is short, where error rates are watched."""
    short = {
        plan.observed.name: step
        for plan in plans
        if plan.target.max_error_rate is not None and plan.is_watched
        for step in plan.target.traffic
        if step.seconds < _KNOWN_LATE
    }
    if short:
        step = next(iter(short.values()))
        ports.log.notice(
            f"'max-error-rate' knows little of a short step, such as {step.weight * 100:g}% for {step.seconds:.0f} s "
            f"of {_first_of(short)}: CloudWatch has Lambda's metrics a minute or two late. What comes late counts in "
            "the steps that follow."
        )


def notice_rollbacks(plans: Sequence[ReleasePlan], ports: Ports, run: WorkflowRun) -> None:
    """Log once which functions were rolled back last: what was taken away may be what this run releases again."""
    records = {plan.observed.name: last_release(plan.observed, run) for plan in plans}
    rolled_back = {name: record.by or "a run" for name, record in records.items() if record.mode == "rollback"}
    if rolled_back:
        runs = [*dict.fromkeys(rolled_back.values())]
        by = " and ".join(runs[:_MOST_RUNS]) + (" and others" if len(runs) > _MOST_RUNS else "")
        ports.log.notice(
            f"{_first_of(rolled_back)} had been rolled back by {by}. This run is to release again: if what had to go "
            "is neither mended nor reverted in it, roll back once more."
        )


def _first_of(names: Collection[str]) -> str:
    """Return the first of some names, and how many others there are, such as `orders-api and 2 others`."""
    others = len(names) - 1
    return next(iter(names)) + (f" and {others} other{'s' if others > 1 else ''}" if others else "")


def notice_ignored_creation(target: FunctionTarget, observed: ServingFunction, ports: Ports) -> None:
    """Log which parameters of `create-function` an existing function has with other values."""
    if target.creation is None or observed.latest is None:
        return
    if others := ports.functions.differences(observed.latest, target.creation):
        ports.log.notice(
            f"'create-function' is ignored, since {observed.name} exists, and differs in {', '.join(others)}. "
            "The configuration of a function that exists belongs to infrastructure code."
        )


def warn_of_bypasses(target: FunctionTarget, observed: ObservedFunction, ports: Ports) -> None:
    """Warn, at the first release by alias, of triggers that go on invoking the function without the alias.

    Args:
        target: the function.
        observed: the function at the start of the run.
        ports: Lambda is asked for policies and event sources.
    """
    if not target.alias or (observed.alias is not None and Record.parse(observed.alias.description).run):
        return
    try:
        bypasses = ports.aliases.bypasses(target.name)
    except DeployError as error:
        ports.log.info(f"Whether anything invokes {observed.name} without the alias is not known: {error.message}")
        return
    if bypasses:
        listed = "".join(f"\n- {bypass}" for bypass in bypasses)
        ports.log.warning(
            f"The alias {target.alias} of {observed.name} is moved from now on, but what follows invokes the function "
            f"without it, and so runs code before its smoke test and without 'traffic':{listed}\n"
            f"Point it to the alias's ARN, which ends in {observed.name}:{target.alias}."
        )
