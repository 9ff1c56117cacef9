"""Releases to functions together: each one's code, test and version first, then what serves, and all back if one fails.

What a person reads in the middle of it is per function; what a release promises is for all of them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field, replace

from ecr_lambda_deploy.concurrency import for_each, threads
from ecr_lambda_deploy.functions.reads import observe_function
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, RevisionError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.targets import FunctionTarget
from ecr_lambda_deploy.ports.functions import Aliases, Functions
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.apply import PlanExecution
from ecr_lambda_deploy.releases.group import Group, GroupClock
from ecr_lambda_deploy.releases.plan import ReleasePlan, staleness

_MOST_DECISIONS = 10
_AT_ONCE = 128  # functions; most of the time they wait for Lambda


@dataclass(slots=True, kw_only=True)
class Release:
    """The release to one function.

    Attributes:
        plan: what is to be done, as it was planned last.
        plan_again: makes the plan from what is observed then.
        observe: reads the function once more, should somebody else change it meanwhile.
        reason: why it is released to; that of the plan by default.
        is_probed: whether permissions are found out before the first change.
        ports: what is asked and changed.
        journal: told what has become of it.
        group: what it stands or falls with.
        bug: what was raised that nobody could foresee.
    """

    plan: ReleasePlan
    plan_again: Callable[[ObservedFunction], ReleasePlan]
    observe: Callable[[FunctionTarget, Functions, Aliases], ObservedFunction] = observe_function
    reason: str = ""
    is_probed: bool = True
    ports: Ports
    journal: Journal
    group: Group = field(default_factory=Group)
    bug: Exception | None = None
    _execution: PlanExecution | None = field(default=None, init=False)
    _error: DeployError | None = field(default=None, init=False)

    def prepare(self) -> None:
        """Plan, and do everything up to the version: what serves by an alias stays as it is.

        A release that has not begun when another one fails, or the run is cancelled, does not begin.
        """
        try:
            self._clock.sleep(0)
        except DeployError as error:
            self._leave(error)
        else:
            self._attempt(self._prepare)

    def cut_over(self) -> None:
        """Have the alias serve what was prepared."""
        if self._error is None:
            self._attempt(self._cut_over)

    def finish(self) -> None:
        """Do everything for this function alone."""
        self.prepare()
        self.cut_over()
        self.conclude()

    def conclude(self) -> None:
        """Record success; or take back what was done, if this release has failed, or another one."""
        try:
            self._conclude()
        except Exception as error:  # noqa: BLE001 # likewise
            self.bug = error

    def _conclude(self) -> None:
        execution = self._execution
        if execution is None:
            return
        error = self._error
        if error is None and self.group.failed and execution.plan.steps:
            error = self.group.reason()
        if error is None:
            execution.succeed()
        else:
            execution.revert(error)

    @property
    def target(self) -> FunctionTarget:
        """The function, as it was given."""
        return self.plan.target

    @property
    def observed(self) -> ObservedFunction:
        """The function, as it was read last."""
        return self.plan.observed

    @property
    def has_ended(self) -> bool:
        """Whether nothing but its conclusion is left: it has failed, or another one of its group."""
        return self._error is not None or self.group.failed != ""

    @property
    def is_urgent(self) -> bool:
        """Whether it has moved an alias, so that it is taken back before others."""
        return self._execution is not None and self._execution.written.is_of_alias

    @property
    def _clock(self) -> GroupClock:
        return GroupClock(clock=self.ports.clock, group=self.group)

    def _leave(self, error: DeployError) -> None:
        """Record that nothing was done."""
        is_cancelled = isinstance(error, CancelledError)
        why = "the run was cancelled" if is_cancelled else f"the release to {self.group.failed} failed"
        skipped = Outcome.untouched(self.observed, ReleaseStatus.SKIPPED)
        reason = f"{why} before this one had begun"
        self.journal.record(replace(skipped, reason=reason, error=error if is_cancelled else None))

    def _attempt(self, act: Callable[[], None]) -> None:
        """Do something; what fails is noted, for `conclude` to take it back."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 # a bug is raised again when everything is taken back
            reason = error if isinstance(error, DeployError) else DeployError(f"This is a bug: {error!r}")
            self.bug = None if reason is error else error
            self._error = reason
            if self.target.reverts:
                self.group.fail(self.observed.name, reason)
            if self._execution is not None:
                self._execution.fail(reason)
            else:
                self.journal.record(replace(Outcome.untouched(self.observed), error=reason))

    def _prepare(self) -> None:
        for _ in range(_MOST_DECISIONS):
            if skip_stale(self.target, self.observed, self.ports, self.journal):
                return None
            execution = self._execution = PlanExecution(
                plan=self.plan,
                reason=self.reason or self.plan.reason,
                ports=replace(self.ports, clock=self._clock),
                journal=self.journal,
            )
            try:
                execution.check_alarms()
                if self.is_probed:
                    execution.check_permissions()
                return execution.carry_out(self.plan.preparation)
            except RevisionError as error:
                self._look_again(execution, error)
        raise self._never_settled()

    def _cut_over(self) -> None:
        for _ in range(_MOST_DECISIONS):
            execution = self._execution
            if execution is None:
                return
            try:
                execution.carry_out(execution.plan.cut_over)
            except RevisionError as error:
                self._look_again(execution, error)
                self._prepare()
            else:
                return
        raise self._never_settled()

    def _never_settled(self) -> DeployError:
        return DeployError(
            f"{self.observed.name} is changed by somebody else again and again.",
            "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
        )

    def _look_again(self, execution: PlanExecution, error: RevisionError) -> None:
        """Read the function once more, to decide again; what was written already cannot be decided again."""
        if execution.written.is_anything:
            raise error
        self._execution = None
        self.ports.log.info(f"{self.observed.name}: deciding again: {error.message}")
        observed = self.observe(self.target, self.ports.functions, self.ports.aliases)
        self.journal.record(Outcome.untouched(observed))
        self.plan = self.plan_again(observed)


def release_all(releases: Sequence[Release], *, together: bool = True) -> None:
    """Carry out releases side by side.

    Args:
        releases: one for each function.
        together: whether they stand or fall together: aliases then move when everything else is done, and if one fails
            all go back. Else each is done for itself, as soon as it can be.

    Raises:
        Exception: a bug, when everything is taken back.
    """
    if together:
        with threads(min(_AT_ONCE, len(releases))) as pool:
            _carry_out_together(releases, pool)
    else:
        for_each(releases, Release.finish, at_once=_AT_ONCE)
    for release in releases:
        if release.bug is not None:
            raise release.bug


def _carry_out_together(releases: Sequence[Release], pool: Executor) -> None:
    """Carry out releases of one group; one that has failed is taken back at once, and with it each other that stops."""
    group, left, concluded = Group(), list(releases), list[Future[None]]()
    for release in releases:
        release.group = group
    for act in (Release.prepare, Release.cut_over):
        stopped: list[Release] = []
        acting = {pool.submit(act, release): release for release in left}
        for future in as_completed(acting):
            future.result()
            stopped.append(acting[future])
            for release in sorted(stopped, key=lambda release: not release.is_urgent):
                if release.has_ended:
                    concluded.append(pool.submit(release.conclude))
            stopped = [release for release in stopped if not release.has_ended]
        left = stopped
    concluded += [pool.submit(release.conclude) for release in left]
    for future in concluded:
        future.result()


def skip_stale(target: FunctionTarget, observed: ObservedFunction, ports: Ports, journal: Journal) -> bool:
    """Leave a function to the newer run that has released it, if one has; and say so."""
    reason = staleness(target, observed, journal.run)
    if reason:
        ports.log.warning(reason)
        journal.record(Outcome.untouched(observed, ReleaseStatus.SKIPPED))
    return bool(reason)
