"""Releases to functions together: each one's code, test and version first, then what serves, and all back if one fails.

What a person reads in the middle of it is per function; what a release promises is for all of them.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial

from ecr_lambda_deploy.apply import Application
from ecr_lambda_deploy.errors import CancelledError, DeployError, RevisionError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.function_ports import Aliases, Functions
from ecr_lambda_deploy.function_reads import observe_function
from ecr_lambda_deploy.model import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.plan import ReleasePlan, staleness
from ecr_lambda_deploy.ports import Clock, Outside, RunClock
from ecr_lambda_deploy.settle import wait_until_settled
from ecr_lambda_deploy.wanted import FunctionTarget

_MOST_DECISIONS = 10
_AT_ONCE = 128  # functions; most of the time they wait for Lambda


@dataclass(slots=True, kw_only=True)
class Group:
    """Releases that stand or fall together.

    Attributes:
        failed: the function whose release failed first; empty as long as none has.
    """

    failed: str = ""

    def reason(self) -> DeployError:
        """Return why the others are taken back."""
        return DeployError(
            f"The release to {self.failed} failed, so this one is taken back.",
            "Look at the error of that function. With 'on-failure: keep' the others stay released.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupClock:
    """Time; a release ends where it sleeps when the run is cancelled, or another release of the group has failed."""

    clock: RunClock
    group: Group

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError: the run is cancelled.
            DeployError: another release has failed.
        """
        self.clock.sleep(seconds)
        if self.group.failed:
            raise self.group.reason()

    def polled(self) -> AbstractContextManager[None]:
        """Within the block cancelling is told by `sleep` alone."""
        return self.clock.polled()

    def steady(self) -> Clock:
        """Return the same time with a `sleep` that nothing cuts short."""
        return self.clock.steady()

    def undisturbed(self) -> AbstractContextManager[None]:
        """Within the block this thread's requests wait for their turn although the run is cancelled."""
        return self.clock.undisturbed()


@dataclass(slots=True, kw_only=True)
class Release:
    """The release to one function.

    Attributes:
        target: the function.
        observed: as it was read last.
        decide: makes the plan from what is observed.
        observe: reads the function once more, should somebody else change it meanwhile.
        reason: why it is released to.
        is_probed: whether permissions are found out before the first change.
        outside: what is asked and changed.
        journal: told what has become of it.
        group: what it stands or falls with.
        bug: what was raised that nobody could foresee.
    """

    target: FunctionTarget
    observed: ObservedFunction
    decide: Callable[[ObservedFunction], ReleasePlan]
    observe: Callable[[FunctionTarget, Functions, Aliases], ObservedFunction] = observe_function
    reason: str = ""
    is_probed: bool = True
    outside: Outside
    journal: Journal
    group: Group = field(default_factory=Group)
    bug: Exception | None = None
    _application: Application | None = field(default=None, init=False)

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

    def flip(self) -> None:
        """Have the alias serve what was prepared."""
        self._attempt(self._flip)

    def finish(self) -> None:
        """Do everything for this function alone."""
        self.prepare()
        self.flip()
        self.conclude()

    def conclude(self) -> None:
        """Record success; or take back what was done, if another release has failed."""
        application = self._application
        if application is None:
            return
        if self.group.failed and application.plan.steps:
            application.fail(self.group.reason())
        else:
            application.succeed()

    @property
    def _clock(self) -> GroupClock:
        return GroupClock(clock=self.outside.clock, group=self.group)

    def _leave(self, error: DeployError) -> None:
        """Record that nothing was done."""
        is_cancelled = isinstance(error, CancelledError)
        why = "the run was cancelled" if is_cancelled else f"the release to {self.group.failed} failed"
        skipped = Outcome.untouched(self.observed, ReleaseStatus.SKIPPED)
        reason = f"{why} before this one had begun"
        self.journal.record(replace(skipped, reason=reason, error=error if is_cancelled else None))

    def _attempt(self, act: Callable[[], None]) -> None:
        """Do something; a failure is taken back at once."""
        try:
            act()
        except Exception as error:  # noqa: BLE001 # a bug is raised again when everything is taken back
            reason = error if isinstance(error, DeployError) else DeployError(f"This is a bug: {error!r}")
            self.bug = None if reason is error else error
            if self.target.reverts and not self.group.failed:
                self.group.failed = self.observed.name
            application, self._application = self._application, None
            if application is not None:
                application.fail(reason)
            else:
                self.journal.record(replace(Outcome.untouched(self.observed), error=reason))

    def _prepare(self) -> None:
        for _ in range(_MOST_DECISIONS):
            self._settle()
            if skip_stale(self.target, self.observed, self.outside, self.journal):
                return None
            plan = self.decide(self.observed)
            outside = replace(self.outside, clock=self._clock)
            application = self._application = Application(
                plan=plan, reason=self.reason, outside=outside, journal=self.journal
            )
            try:
                application.check_alarms()
                if self.is_probed:
                    application.check_permissions()
                return application.carry_out(plan.preparation)
            except RevisionError as error:
                self._look_again(application, error)
        raise self._never_settled()

    def _flip(self) -> None:
        for _ in range(_MOST_DECISIONS):
            application = self._application
            if application is None:
                return
            try:
                application.carry_out(application.plan.flip)
            except RevisionError as error:
                self._look_again(application, error)
                self._prepare()
            else:
                return
        raise self._never_settled()

    def _never_settled(self) -> DeployError:
        return DeployError(
            f"{self.observed.name} is changed by somebody else again and again.",
            "Give the workflow a 'concurrency' group, and leave this function's code to one workflow.",
        )

    def _look_again(self, application: Application, error: RevisionError) -> None:
        """Read the function once more, to decide again; what was written already cannot be decided again."""
        if application.has_written:
            raise error
        self._application = None
        self.outside.log.info(f"{self.observed.name}: deciding again: {error.message}")
        self.observed = self.observe(self.target, self.outside.functions, self.outside.aliases)
        self.journal.record(Outcome.untouched(self.observed))

    def _settle(self) -> None:
        """Wait until Lambda has finished with what somebody else has begun."""
        outside, latest = self.outside, self.observed.latest
        if latest is None or latest.is_settled:
            return
        read = partial(outside.functions.read, self.target.name)
        wait_until_settled(read, clock=outside.clock, log=outside.log, timeout=self.target.wait_timeout)
        self.observed = self.observe(self.target, outside.functions, outside.aliases)


def release_all(releases: Sequence[Release], *, together: bool = True) -> None:
    """Carry out releases side by side.

    Args:
        releases: one for each function.
        together: whether they stand or fall together: aliases then move when everything else is done, and if one fails
            all go back. Else each is done for itself, as soon as it can be.

    Raises:
        Exception: a bug, when everything is taken back.
    """
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="release") as pool:
        if not together:
            list(pool.map(Release.finish, releases))
        else:
            group = Group()
            for release in releases:
                release.group = group
            list(pool.map(Release.prepare, releases))
            if not group.failed:
                list(pool.map(Release.flip, releases))
            list(pool.map(Release.conclude, releases))
    for release in releases:
        if release.bug is not None:
            raise release.bug


def skip_stale(target: FunctionTarget, observed: ObservedFunction, outside: Outside, journal: Journal) -> bool:
    """Leave a function to the newer run that has released it, if one has; and say so."""
    reason = staleness(target, observed, journal.run)
    if reason:
        outside.log.warning(reason)
        journal.record(Outcome.untouched(observed, ReleaseStatus.SKIPPED))
    return bool(reason)
