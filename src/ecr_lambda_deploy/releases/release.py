"""Carries out releases: each one's code, smoke test and version first, then the alias; one that fails is reverted.

The releases of a deployment form one group: no canary begins before all versions are there, no alias moves before all
canaries have passed, and if one release fails, all are reverted. A rollback releases to each function for itself.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, replace

from ecr_lambda_deploy.concurrency import for_each, threads
from ecr_lambda_deploy.functions.reads import observe_function
from ecr_lambda_deploy.model.errors import CancelledError, ConsequenceError, DeployError, RevisionError, unexpected
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.model.text import first_line
from ecr_lambda_deploy.ports.functions import Aliases, Functions
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.execute import PlanExecution, checks_of
from ecr_lambda_deploy.releases.group import Group
from ecr_lambda_deploy.releases.plan import ReleasePlan, staleness
from ecr_lambda_deploy.releases.progress import Progress

_MOST_PLANS = 10  # for one function, while somebody else keeps changing it
_LONGEST_CAUSE = 300  # characters, in the log
_AT_ONCE = 128  # functions; most of the time they wait for Lambda


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The release to one function, as decided before the first change.

    Attributes:
        plan: the steps.
        plan_again: makes a new plan from what is observed, if somebody else changes the function meanwhile.
        observe: reads the function for the new plan.
        reason: why the function gets a release; the plan's own reason by default.
        is_checked: whether `checks_of` its plan have been made already.
    """

    plan: ReleasePlan
    plan_again: Callable[[ObservedFunction], ReleasePlan]
    observe: Callable[[FunctionTarget, Functions, Aliases], ObservedFunction] = observe_function
    reason: str = ""
    is_checked: bool = False


def release_all(
    releases: Sequence[Release], ports: Ports, journal: Journal, *, together: bool = True
) -> tuple[Outcome, ...]:
    """Carry out releases, side by side.

    Args:
        releases: one for each function.
        ports: everything outside.
        journal: keeps the outcome of each function, as far as it is known, at every moment.
        together: whether the releases form one group. Otherwise each goes through all its steps for itself.

    Returns:
        the outcome of each function, failures included, in any order.

    Raises:
        Exception: an unexpected one, after everything is reverted.
    """
    progress = Progress((release.plan.observed.name for release in releases), ports.log, ports.clock)
    if together:
        concluded = _release_together(releases, _Stages(ports, journal, progress, is_group=len(releases) > 1))
    else:
        concluded = for_each(
            releases, lambda release: _release_alone(release, _Stages(ports, journal, progress)), at_once=_AT_ONCE
        )
    progress.end()
    outcomes = list[Outcome]()
    for outcome in concluded:
        if isinstance(outcome, Exception):
            raise outcome
        outcomes.append(outcome)
    return tuple(outcomes)


def skip_stale(target: FunctionTarget, observed: ObservedFunction, ports: Ports, journal: Journal) -> Outcome | None:
    """Skip a function that a newer run has released, with a warning; return None for any other."""
    reason = staleness(target, observed, journal.run)
    if not reason:
        return None
    skipped = Outcome.untouched(observed, ReleaseStatus.SKIPPED)
    ports.log.warning(reason)
    journal.record(skipped)
    return skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnderWay:
    """A release that can go on.

    Attributes:
        release: with its latest plan.
        execution: of that plan.
        conflicts: somebody else's changes, each of which made a new plan necessary.
        stages: how many of the plan's stages were gone through.
    """

    release: Release
    execution: PlanExecution
    conflicts: tuple[RevisionError, ...]
    stages: int = 0

    @property
    def has_stages_left(self) -> bool:
        """Whether the plan has steps that were not carried out yet."""
        return any(self.release.plan.stages[self.stages :])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failed:
    """A release that cannot go on, and is still to be reverted.

    Attributes:
        execution: of its plan.
        error: why; an unexpected exception is raised when everything is reverted.
    """

    execution: PlanExecution
    error: Exception


_Concluded = Outcome | Exception
"""The outcome of a function or, in its place, an unexpected exception to raise when everything is reverted."""

_Attempt = _UnderWay | _Failed | _Concluded
"""How far a release has come. One that is concluded without an execution has changed nothing."""


def _release_alone(release: Release, stages: "_Stages") -> _Concluded:
    return stages.conclude(stages.go_through(stages.prepare(release)))


def _release_together(releases: Sequence[Release], stages: "_Stages") -> tuple[_Concluded, ...]:
    """Carry out the releases of one group. If one fails, each is reverted as soon as its thread stops."""
    concluding = list[Future[_Concluded]]()
    with threads(min(_AT_ONCE, len(releases))) as pool:
        stage = [pool.submit(stages.prepare, release) for release in releases]
        going_on = _await_all(stage, concluding, stages, pool)
        while any(attempt.has_stages_left for attempt in going_on):
            stage = [pool.submit(stages.go_through, attempt, 1) for attempt in going_on]
            going_on = _await_all(stage, concluding, stages, pool)
        concluding += [pool.submit(stages.conclude, attempt) for attempt in going_on]
        return tuple(future.result() for future in concluding)


def _await_all(
    stage: Iterable[Future[_Attempt]], concluding: list[Future[_Concluded]], stages: "_Stages", pool: Executor
) -> list[_UnderWay]:
    """Wait until all releases have gone through a stage, and return those that go on.

    The others are concluded as soon as they stop; those that have moved an alias first, since it decides what serves.
    """
    going_on = list[_UnderWay]()
    for future in as_completed(stage):
        stopped = list[_Attempt]()
        attempt = future.result()
        if isinstance(attempt, _UnderWay):
            going_on.append(attempt)
        else:
            stopped.append(attempt)
        if stages.group.failed:
            stopped += going_on
            going_on = []
        stopped.sort(key=lambda attempt: not _has_moved_alias(attempt))
        concluding += [pool.submit(stages.conclude, attempt) for attempt in stopped]
    return going_on


def _has_moved_alias(attempt: _Attempt) -> bool:
    return isinstance(attempt, _UnderWay | _Failed) and attempt.execution.has_moved_alias


class _Stages:
    """The stages that each release of a group goes through: those of its plan, and its conclusion."""

    def __init__(self, ports: Ports, journal: Journal, progress: Progress, *, is_group: bool = False) -> None:
        self.ports = ports
        self.journal = journal
        self.progress = progress
        self.is_group = is_group
        self.group = Group(cancelling=ports.cancelling)

    def prepare(self, release: Release) -> _Attempt:
        """Carry out everything up to the version; an alias still serves what it did.

        A release does not begin after the run was cancelled or another release of the group has failed.
        """
        try:
            self.group.check()
        except DeployError as error:
            return self._skip(release, error)
        return self.go_through(self._begin(release), 1)

    def go_through(self, attempt: _Attempt, stages: int | None = None) -> _Attempt:
        """Carry out the next stages of a release that can go on.

        Begin again with a new plan if somebody else has changed the function before this run has written anything.

        Args:
            attempt: how far it has come.
            stages: how many to carry out; None for all that are left.
        """
        until = attempt.stages + stages if isinstance(attempt, _UnderWay) and stages is not None else None
        while isinstance(attempt, _UnderWay):
            release, execution = attempt.release, attempt.execution
            try:
                if not attempt.stages and not release.is_checked:
                    for check in checks_of(release.plan, self.ports, run=self.journal.run):
                        check()
                planned = release.plan.stages[:until]
                for steps in planned[attempt.stages :]:
                    execution.carry_out(steps)
            except RevisionError as error:
                if execution.has_written:
                    return self._fail(execution, error)
                attempt = self._begin(release, (*attempt.conflicts, error))
            except Exception as error:  # noqa: BLE001 # an unexpected one is raised when everything is reverted
                return self._fail(execution, error)
            else:
                self._count(release.plan, attempt.stages, len(planned))
                return replace(attempt, stages=len(planned))
        return attempt

    def conclude(self, attempt: _Attempt) -> _Concluded:
        """Record success; or revert, if this release or another one of the group has failed."""
        try:
            match attempt:
                case _UnderWay(execution=execution) if self.group.failed and execution.plan.steps:
                    return self._revert(execution, self.group.reason())
                case _UnderWay(execution=execution):
                    return execution.succeed()
                case _Failed(execution=execution, error=error):
                    outcome = self._revert(execution, _reported(error))
                    return outcome if isinstance(error, DeployError) else error
                case _:
                    return attempt
        except Exception as bug:  # noqa: BLE001 # it is raised when all others are concluded
            return bug

    def _revert(self, execution: PlanExecution, error: DeployError) -> Outcome:
        outcome = execution.revert(error)
        if outcome.status is ReleaseStatus.REVERTED:
            self.progress.count("reverted")
        return outcome

    def _count(self, plan: ReleasePlan, before: int, done: int) -> None:
        """Count a release that has come from one number of its stages to another; from the third on it serves."""
        is_released = not any(plan.stages[done:3])
        if not before and not is_released:
            self.progress.count("prepared")
        if is_released and (not before or any(plan.stages[before:3])):
            self.progress.count("released")

    def _begin(self, release: Release, conflicts: tuple[RevisionError, ...] = ()) -> _Attempt:
        """Begin a release, unless a newer run has released the function.

        Args:
            release: with its latest plan.
            conflicts: somebody else's changes so far; after one, a new plan is made.
        """
        plan = release.plan
        try:
            if conflicts:
                plan = replace(plan, observed=self._read_again(release, conflicts[-1]))
            if skipped := skip_stale(plan.target, plan.observed, self.ports, self.journal):
                return skipped
            if conflicts:
                plan = _plan_again(release, plan.observed, conflicts)
        except Exception as error:  # noqa: BLE001 # an unexpected one is raised when everything is reverted
            return self._fail_to_begin(plan, error)
        execution = PlanExecution(
            plan=plan,
            reason=release.reason or plan.reason,
            ports=replace(self.ports, log=self.progress.log_of(plan.observed.name)),
            group=self.group,
            journal=self.journal,
        )
        return _UnderWay(release=replace(release, plan=plan), execution=execution, conflicts=conflicts)

    def _read_again(self, release: Release, conflict: RevisionError) -> ObservedFunction:
        """Read and record the function, after somebody else has changed it.

        Raises:
            DeployError: it may not be read.
        """
        self.progress.say(release.plan.observed.name, f"deciding again: {conflict.message}")
        observed = release.observe(release.plan.target, self.ports.functions, self.ports.aliases)
        self.journal.record(Outcome.untouched(observed))
        return observed

    def _fail(self, execution: PlanExecution, error: Exception) -> _Failed:
        """Record why a release cannot go on, and stop the others of its group."""
        self._stop_group(execution.plan, error)
        execution.fail(_reported(error))
        return _Failed(execution=execution, error=error)

    def _fail_to_begin(self, plan: ReleasePlan, error: Exception) -> _Concluded:
        """Record why a release that has changed nothing cannot go on, and stop the others of its group."""
        self._stop_group(plan, error)
        failed = replace(Outcome.untouched(plan.observed), error=_reported(error))
        self.journal.record(failed)
        return failed if isinstance(error, DeployError) else error

    def _stop_group(self, plan: ReleasePlan, error: Exception) -> None:
        """Print why a release cannot go on, and stop the others of its group."""
        name, reverts, reported = plan.observed.name, plan.target.reverts, _reported(error)
        if reverts:
            self.group.fail(name, reported)
        if isinstance(error, CancelledError) and reverts:
            self.progress.announce("The run was cancelled; reverting what it has changed")
        if isinstance(error, ConsequenceError | CancelledError):
            return
        whole = f"all {self.progress.total} functions" if self.is_group else "what this run has changed"
        what = f"reverting {whole}" if reverts else "it stays so: 'on-failure: keep' is set"
        self.progress.fail(name, f"{first_line(reported.message, _LONGEST_CAUSE).rstrip('.')}; {what}")

    def _skip(self, release: Release, error: DeployError) -> Outcome:
        """Record that a release did not begin."""
        is_cancelled = isinstance(error, CancelledError)
        why = "the run was cancelled" if is_cancelled else f"the release to {self.group.failed} failed"
        skipped = replace(
            Outcome.untouched(release.plan.observed, ReleaseStatus.SKIPPED),
            reason=f"{why} before this one had begun",
            error=error if is_cancelled else None,
        )
        self.journal.record(skipped)
        return skipped


def _plan_again(release: Release, observed: ObservedFunction, conflicts: Sequence[RevisionError]) -> ReleasePlan:
    """Make a new plan from what is observed.

    Raises:
        DeployError: somebody else keeps changing the function, or there is no plan from here.
    """
    if len(conflicts) >= _MOST_PLANS:
        raise DeployError(
            f"{observed.name} is changed by somebody else again and again.",
            "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
            topic="changed-by-somebody-else",
        )
    return release.plan_again(observed)


def _reported(error: Exception) -> DeployError:
    """Return an error for the log and the outcome."""
    return error if isinstance(error, DeployError) else unexpected(error)
