"""Releases to functions together: each one's code, test and version first, then what serves, and all back if one fails.

What a person reads in the middle of it is per function; what a release promises is for all of them.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, replace

from ecr_lambda_deploy.concurrency import for_each, threads
from ecr_lambda_deploy.functions.reads import observe_function
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, RevisionError, unexpected
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.ports.functions import Aliases, Functions
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.execute import PlanExecution, check_executable
from ecr_lambda_deploy.releases.group import Group
from ecr_lambda_deploy.releases.plan import ReleasePlan, staleness

_MOST_DECISIONS = 10
_AT_ONCE = 128  # functions; most of the time they wait for Lambda


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The release to one function, as it is decided before the first change.

    Attributes:
        plan: what is to be done.
        plan_again: plans from what is observed then, should somebody else change the function meanwhile.
        observe: reads the function once more for that.
        reason: why it is released to; that of the plan by default.
        is_probed: whether permissions are found out before the first change.
    """

    plan: ReleasePlan
    plan_again: Callable[[ObservedFunction], ReleasePlan]
    observe: Callable[[FunctionTarget, Functions, Aliases], ObservedFunction] = observe_function
    reason: str = ""
    is_probed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attempt:
    """How far a release has come.

    Attributes:
        release: with the plan that it was begun by last.
        execution: of the plan; None if nothing was begun.
        left: the outcome of a function that was left alone; None for one that was begun.
        conflicts: what somebody else has changed, so that the plan had to be made again.
        error: why it cannot go on; None if it can.
        bug: an unexpected exception that is the reason; it is raised when everything is taken back.
    """

    release: Release
    execution: PlanExecution | None = None
    left: Outcome | None = None
    conflicts: tuple[RevisionError, ...] = ()
    error: DeployError | None = None
    bug: Exception | None = None

    @property
    def has_ended(self) -> bool:
        """Whether it does not go on by itself."""
        return self.error is not None or self.left is not None

    @property
    def is_urgent(self) -> bool:
        """Whether it has moved an alias, so that it is taken back before others."""
        return self.execution is not None and self.execution.has_moved_alias


def release_all(
    releases: Sequence[Release], ports: Ports, journal: Journal, *, together: bool = True
) -> tuple[Outcome, ...]:
    """Carry out releases side by side.

    Args:
        releases: one for each function.
        ports: what is asked and changed.
        journal: told what has become of each, as soon as something has.
        together: whether they stand or fall together: aliases then move when everything else is done, and if one fails
            all go back. Else each is done for itself, as soon as it can be.

    Returns:
        what has become of each, failures included, in no certain order.

    Raises:
        Exception: a bug, when everything is taken back.
    """
    if together:
        concluded = _release_together(releases, _Releasing(ports, journal))
    else:
        concluded = for_each(releases, lambda release: _release_alone(release, ports, journal), at_once=_AT_ONCE)
    for _, bug in concluded:
        if bug is not None:
            raise bug
    return tuple(outcome for outcome, _ in concluded if outcome is not None)


_Concluded = tuple[Outcome | None, Exception | None]
"""What has become of a function, and a bug that came up."""


def _release_alone(release: Release, ports: Ports, journal: Journal) -> _Concluded:
    releasing = _Releasing(ports, journal)
    return releasing.conclude(releasing.cut_over(releasing.prepare(release)))


def _release_together(releases: Sequence[Release], releasing: "_Releasing") -> tuple[_Concluded, ...]:
    """Carry out releases of one group; one that has failed is taken back at once, and with it each other that stops."""
    concluding = list[Future[_Concluded]]()
    with threads(min(_AT_ONCE, len(releases))) as pool:
        preparing = [pool.submit(releasing.prepare, release) for release in releases]
        prepared = _await_all(preparing, concluding, releasing, pool)
        cutting_over = [pool.submit(releasing.cut_over, attempt) for attempt in prepared]
        done = _await_all(cutting_over, concluding, releasing, pool)
        concluding += [pool.submit(releasing.conclude, attempt) for attempt in done]
        return tuple(future.result() for future in concluding)


def _await_all(
    acting: Iterable[Future[_Attempt]],
    concluding: list[Future[_Concluded]],
    releasing: "_Releasing",
    pool: Executor,
) -> list[_Attempt]:
    """Return the attempts that go on, when all have come so far; the others are concluded as soon as they stop.

    Those that have moved an alias are concluded first.
    """
    waiting = list[_Attempt]()
    for future in as_completed(acting):
        waiting.append(future.result())
        is_failed = releasing.group.failed != ""
        ended = [attempt for attempt in waiting if is_failed or attempt.has_ended]
        ended.sort(key=lambda attempt: not attempt.is_urgent)
        concluding += [pool.submit(releasing.conclude, attempt) for attempt in ended]
        waiting = [] if is_failed else [attempt for attempt in waiting if not attempt.has_ended]
    return waiting


class _Releasing:
    """What the releases of one group do, each on a thread of its own."""

    def __init__(self, ports: Ports, journal: Journal) -> None:
        self.ports = ports
        self.journal = journal
        self.group = Group(cancelling=ports.cancelling)

    def prepare(self, release: Release) -> _Attempt:
        """Do everything up to the version: what serves by an alias stays as it is.

        A release that has not begun when another one fails, or the run is cancelled, does not begin.
        """
        try:
            self.group.check()
        except DeployError as error:
            return _Attempt(release=release, left=self._leave(release, error))
        return self._carry_on(_Attempt(release=release), is_whole=False)

    def cut_over(self, prepared: _Attempt) -> _Attempt:
        """Have the alias serve what was prepared."""
        return prepared if prepared.has_ended else self._carry_on(prepared, is_whole=True)

    def conclude(self, attempt: _Attempt) -> _Concluded:
        """Record success; or take back what was done, if this release has failed, or another one."""
        execution, error = attempt.execution, attempt.error
        if execution is None:
            return attempt.left, attempt.bug
        if error is None and self.group.failed and execution.plan.steps:
            error = self.group.reason()
        try:
            return (execution.succeed() if error is None else execution.revert(error)), attempt.bug
        except Exception as bug:  # noqa: BLE001 # it is raised when all others are concluded
            return None, bug

    def _carry_on(self, attempt: _Attempt, *, is_whole: bool) -> _Attempt:
        """Go on with a release; decide again if somebody else has interfered before anything was written."""
        while True:
            try:
                if attempt.execution is None:
                    attempt = self._looked_again(attempt)
                    attempt = self._begun(attempt)
                    if attempt.execution is None:
                        return attempt
                    check_executable(attempt.release.plan, self.ports, is_probed=attempt.release.is_probed)
                    attempt.execution.carry_out(attempt.release.plan.preparation)
                if is_whole:
                    attempt.execution.carry_out(attempt.release.plan.cut_over)
            except RevisionError as error:
                if attempt.execution is None or attempt.execution.has_written:
                    return self._failed(attempt, error)
                attempt = _Attempt(release=attempt.release, conflicts=(*attempt.conflicts, error))
            except Exception as error:  # noqa: BLE001 # a bug is raised again when everything is taken back
                return self._failed(attempt, error)
            else:
                return attempt

    def _looked_again(self, attempt: _Attempt) -> _Attempt:
        """Read the function once more, if somebody else has changed it since the plan was made.

        Raises:
            DeployError: it may not be read.
        """
        if not attempt.conflicts:
            return attempt
        plan, ports = attempt.release.plan, self.ports
        ports.log.info(f"{plan.observed.name}: deciding again: {attempt.conflicts[-1].message}")
        observed = attempt.release.observe(plan.target, ports.functions, ports.aliases)
        self.journal.record(Outcome.untouched(observed))
        return replace(attempt, release=replace(attempt.release, plan=replace(plan, observed=observed)))

    def _begun(self, attempt: _Attempt) -> _Attempt:
        """Return a release that is begun, or left to the newer run that has released the function; nothing is changed.

        Raises:
            DeployError: others interfere again and again, or there is no plan any more.
        """
        release, observed = attempt.release, attempt.release.plan.observed
        if stale := skip_stale(release.plan.target, observed, self.ports, self.journal):
            return replace(attempt, left=stale)
        if len(attempt.conflicts) >= _MOST_DECISIONS:
            raise DeployError(
                f"{observed.name} is changed by somebody else again and again.",
                "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
            )
        if attempt.conflicts:
            release = replace(release, plan=release.plan_again(observed))
        execution = PlanExecution(
            plan=release.plan,
            reason=release.reason or release.plan.reason,
            ports=self.ports,
            group=self.group,
            journal=self.journal,
        )
        return replace(attempt, release=release, execution=execution)

    def _failed(self, attempt: _Attempt, error: Exception) -> _Attempt:
        """Record why a release cannot go on, and stop those that fall with it."""
        plan = attempt.release.plan
        reason = error if isinstance(error, DeployError) else unexpected(error)
        if plan.target.reverts:
            self.group.fail(plan.observed.name, reason)
        left = None
        if attempt.execution is not None:
            attempt.execution.fail(reason)
        else:
            left = replace(Outcome.untouched(plan.observed), error=reason)
            self.journal.record(left)
        return replace(attempt, left=left, error=reason, bug=None if reason is error else error)

    def _leave(self, release: Release, error: DeployError) -> Outcome:
        """Record that nothing was done."""
        is_cancelled = isinstance(error, CancelledError)
        why = "the run was cancelled" if is_cancelled else f"the release to {self.group.failed} failed"
        skipped = replace(
            Outcome.untouched(release.plan.observed, ReleaseStatus.SKIPPED),
            reason=f"{why} before this one had begun",
            error=error if is_cancelled else None,
        )
        self.journal.record(skipped)
        return skipped


def skip_stale(target: FunctionTarget, observed: ObservedFunction, ports: Ports, journal: Journal) -> Outcome | None:
    """Leave a function to the newer run that has released it, if one has, and say so."""
    reason = staleness(target, observed, journal.run)
    if not reason:
        return None
    skipped = Outcome.untouched(observed, ReleaseStatus.SKIPPED)
    ports.log.warning(reason)
    journal.record(skipped)
    return skipped
