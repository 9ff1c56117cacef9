"""Carries out the plan of one function, step by step, and records what has become of the function."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import assert_never

from ecr_lambda_deploy.functions.history import has_moved_alias, has_published
from ecr_lambda_deploy.functions.managed_instances import naming_superfluous_versions, publish_latest
from ecr_lambda_deploy.functions.writes import FunctionWriter
from ecr_lambda_deploy.model.error_rates import LEAST_INVOCATIONS, ErrorRates
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, RevisionError
from ecr_lambda_deploy.model.functions import LATEST, LONGEST_TIMEOUT, Status, is_number
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import TrafficStep
from ecr_lambda_deploy.ports.functions import Alarms
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.error_watch import ErrorWatch
from ecr_lambda_deploy.releases.group import Group, GroupClock
from ecr_lambda_deploy.releases.plan import (
    CreateFunction,
    InvokeSmokeTest,
    PointAlias,
    PublishLatest,
    PublishVersion,
    ReleasePlan,
    ShiftTraffic,
    Step,
    UpdateCode,
    WaitUntilUpdated,
    WatchTraffic,
)
from ecr_lambda_deploy.releases.revert import revert
from ecr_lambda_deploy.releases.revert_plan import plan_revert, reason_to_keep
from ecr_lambda_deploy.releases.smoke_test import run_smoke_test
from ecr_lambda_deploy.releases.traffic import check_alarms, check_alarms_exist, shift_traffic, watch_traffic


def checks_of(
    plan: ReleasePlan, ports: Ports, *, run: WorkflowRun, is_probed: bool = True
) -> Iterator[Callable[[], object]]:
    """Yield what checks before the first change what would otherwise fail after the code was changed.

    Each raises a DeployError: an alarm is missing or in ALARM, or the credentials lack a permission. A permission that
    an earlier run of this action has made use of is not checked: each check is a refused call in CloudTrail.

    Args:
        plan: the steps.
        ports: everything outside.
        run: the run that wants to know, for which some records do not count.
        is_probed: whether to check permissions, by requests that change nothing.
    """
    target, observed = plan.target, plan.observed
    if plan.is_watched:
        yield partial(check_alarms, target.alarms, ports.alarms)
        if target.max_error_rate is not None:
            yield ports.metrics.check_may_read
    elif not plan.is_rollback:
        yield partial(check_alarms_exist, target.alarms, ports.alarms)
    # While another change is waited for, the plan that follows is not known.
    is_published = target.publish and any(isinstance(step, PublishVersion | WaitUntilUpdated) for step in plan.steps)
    if not is_probed or not is_published or observed.latest is None:
        return
    if not has_published(observed, run):
        yield partial(ports.functions.check_may_publish, target.name)
    if target.alias and not has_moved_alias(observed, run):
        yield partial(ports.aliases.check_may_point, target.name, observed.alias, target.alias)


class _RememberedAlarms:
    """Alarms, of which the state that each had last is kept for the report."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self.last: dict[str, Status] = {}

    def states(self, names: Sequence[str]) -> Mapping[str, Status]:
        """Ask, and remember the answer."""
        states = self._alarms.states(names)
        self.last |= states
        return states


@dataclass(slots=True, kw_only=True)
class PlanExecution:
    """The execution of one plan: carries out steps, and then either succeeds, or fails and is reverted.

    Attributes:
        plan: the steps.
        reason: why the function gets a release.
        ports: everything outside; the log is that for what is done to this function.
        group: ends a wait when the run is cancelled or another release has failed.
        journal: keeps the outcome so far, at every moment.
    """

    plan: ReleasePlan
    reason: str = ""
    ports: Ports
    group: Group
    journal: Journal
    _clock: GroupClock = field(init=False)
    _writer: FunctionWriter = field(init=False)
    _started: float = field(init=False)
    _shares: list[TrafficStep] = field(default_factory=list, init=False)
    _errors: ErrorWatch | None = field(default=None, init=False)
    _answer: str = field(default="", init=False)
    _alarms: "_RememberedAlarms" = field(init=False)

    def __post_init__(self) -> None:
        """Start from the state that the plan was made from."""
        plan = self.plan
        self._clock = GroupClock(clock=self.ports.clock, group=self.group)
        self._started = self._clock.now()
        self._alarms = _RememberedAlarms(self.ports.alarms)
        self._writer = FunctionWriter(
            ports=self.ports,
            clock=self._clock,
            target=plan.target,
            run=self.journal.run,
            start=plan.observed,
            now=plan.observed,
            on_change=self._record_change,
        )

    @property
    def has_written(self) -> bool:
        """Whether this run has changed the function, or may have."""
        return self._writer.written.is_anything

    @property
    def has_moved_alias(self) -> bool:
        """Whether this run has moved the alias, or may have."""
        return self._writer.written.is_of_alias

    def carry_out(self, steps: tuple[Step, ...]) -> None:
        """Carry out some of the plan's steps.

        Raises:
            RevisionError: somebody else has changed the function since the plan was made.
            CancelledError: the run was cancelled.
            DeployError: a step failed, or another release of the group.
        """
        for step in steps:
            self.group.check()
            self._carry_out(step)
        if steps:
            self.group.check()

    def _carry_out(self, step: Step) -> None:
        writer, ports, target = self._writer, self.ports, self.plan.target
        match step:
            case WaitUntilUpdated():
                writer.wait_until_updated()
                raise RevisionError(f"another change of {target.name} has ended.")
            case CreateFunction():
                writer.create(step.image, step.architecture, step.parameters)
            case UpdateCode():
                ports.log.info(f"updating to {step.image.short} ({step.architecture})")
                writer.start_update(step.image, step.architecture, follows_alias=step.follows_alias)
                writer.finish_update(poll_slowly=step.follows_alias)
            case InvokeSmokeTest():
                self._smoke_test(step)
            case PublishVersion():
                with naming_superfluous_versions(writer):
                    writer.publish(step.description)
            case PublishLatest():
                with naming_superfluous_versions(writer):
                    publish_latest(writer, step.description)
            case ShiftTraffic():
                shift_traffic(step, writer, self._alarms, self._error_watch(step), passed=self._shares.append)
            case PointAlias():
                self._point_alias(step)
            case WatchTraffic():
                watch_traffic(step, writer, self._alarms, self._error_watch(step), passed=self._shares.append)
            case _:
                assert_never(step)

    def _smoke_test(self, step: InvokeSmokeTest) -> None:
        target, ports, latest = self.plan.target, self.ports, self._writer.now.latest
        published = self._writer.published.version if self._writer.published else LATEST
        qualifier = step.qualifier or published
        if not target.alias and self.plan.observed.latest is not None and not is_number(qualifier):
            ports.log.info("the new code serves already: no alias is given to hold it back")
        self._answer = run_smoke_test(
            step.test,
            target.name,
            qualifier,
            timeout=latest.timeout if latest else LONGEST_TIMEOUT,
            invocations=ports.invocations,
            log=ports.log,
            clock=self._clock,
            check=self.group.check,
        )

    def _error_watch(self, step: ShiftTraffic | WatchTraffic) -> ErrorWatch | None:
        """Return what checks the error rates, which begins when it is first needed; None without a limit."""
        writer, before = self._writer, self.plan.observed.version
        if self._errors is None and step.max_error_rate is not None and writer.published is not None:
            rates = ErrorRates(limit=step.max_error_rate, new_version=writer.published.version, old_version=before)
            self._errors = ErrorWatch(
                function=writer.now.name,
                alias=self.plan.target.alias,
                rates=rates,
                metrics=self.ports.metrics,
                clock=self._clock,
            )
        return self._errors

    def _point_alias(self, step: PointAlias) -> None:
        target, version = self.plan.target, step.version or self._writer.published
        if version is None:
            raise AssertionError("a plan names the version, or publishes one before")
        self._writer.point_alias(version, description=step.description)
        self.ports.log.info(f"the alias {target.alias} points to version {version.version}")

    def succeed(self) -> Outcome:
        """Record that all steps were carried out, and return the outcome."""
        if self._errors and not self._errors.rates.is_judged:
            self.ports.log.warning(
                f"The error rate of {self._errors.function} was not judged: {self._errors.rates}. It needs "
                f"{LEAST_INVOCATIONS} invocations of the new version, which CloudWatch shows a minute or two late: "
                "give it more time or traffic in the input 'traffic', or watch 'alarms'."
            )
        outcome = replace(Outcome.untouched(self.plan.observed), after=self._writer.now, status=self._success)
        return self._record(outcome)

    def fail(self, error: DeployError) -> None:
        """Record why it failed, with the recovery commands, since the process may be killed before the revert."""
        self._record(self._unfinished(error))

    def revert(self, error: DeployError) -> Outcome:
        """Revert what was written; record and return the outcome, with the error and what was reverted."""
        failed = replace(
            Outcome.untouched(self.plan.observed),
            after=self._writer.now,
            error=error,
            has_moved_alias=self.has_moved_alias,
        )
        outcome = revert(
            self.plan,
            self._writer.written,
            failed,
            now=self._writer.now,
            run=self.journal.run,
            concurrency=self._writer.concurrency.status,
            ports=self.ports,
            record=self._record,
        )
        return self._record(outcome)

    @property
    def _success(self) -> ReleaseStatus:
        if not self.plan.steps:
            return ReleaseStatus.UNCHANGED
        if self.plan.is_rollback:
            return ReleaseStatus.ROLLED_BACK
        return ReleaseStatus.CREATED if self.plan.observed.latest is None else ReleaseStatus.DEPLOYED

    def _record(self, outcome: Outcome) -> Outcome:
        seconds = self._clock.now() - self._started
        timed = replace(
            outcome,
            reason=self.reason,
            started=self._started,
            seconds=seconds,
            smoke_test=self._answer,
            traffic=tuple(self._shares),
            error_rates=self._errors.rates if self._errors else None,
            alarms=dict(self._alarms.last),
        )
        self.journal.record(timed)
        return timed

    def _record_change(self) -> None:
        """Record what serves now, with the recovery commands, since the process may be killed within a step."""
        self._record(self._unfinished())

    def _unfinished(self, error: DeployError | None = None) -> Outcome:
        plan, now = self.plan, self._writer.now
        # Without an error the process ends within a step only because the run was cancelled.
        kept = reason_to_keep(plan, now, self._writer.written, error=error or CancelledError())
        back = plan_revert(now, plan.observed, self._writer.written, is_kept=bool(kept))
        recovery = tuple(command(step, now) for step in back.steps)
        return replace(Outcome.untouched(plan.observed), after=now, error=error, recovery=recovery)
