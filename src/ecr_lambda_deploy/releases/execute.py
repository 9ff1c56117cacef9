"""Carries out the plan of one function, step by step, and takes it back if it fails."""

from dataclasses import dataclass, field, replace
from typing import assert_never

from ecr_lambda_deploy.functions.writes import FunctionWriter
from ecr_lambda_deploy.model.errors import DeployError, RevisionError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.group import Group, GroupClock
from ecr_lambda_deploy.releases.plan import (
    CreateFunction,
    InvokeSmokeTest,
    PointAlias,
    PublishVersion,
    ReleasePlan,
    ShiftTraffic,
    Step,
    UpdateCode,
    WaitUntilUpdated,
)
from ecr_lambda_deploy.releases.revert import revert
from ecr_lambda_deploy.releases.revert_plan import plan_revert
from ecr_lambda_deploy.releases.smoke_test import run_smoke_test
from ecr_lambda_deploy.releases.traffic import check_alarms, shift_traffic


def check_executable(plan: ReleasePlan, ports: Ports, *, is_probed: bool) -> None:
    """Find out before the first change what would otherwise be found when the code has been changed.

    Args:
        plan: what is to be done.
        ports: what is asked.
        is_probed: whether permissions are found out, by requests that change nothing.

    Raises:
        DeployError: an alarm is in ALARM, or something is not allowed.
    """
    target, observed = plan.target, plan.observed
    if any(isinstance(step, ShiftTraffic) for step in plan.steps):
        check_alarms(target.alarms, ports.alarms)
    if not is_probed or observed.latest is None or not any(isinstance(step, PublishVersion) for step in plan.steps):
        return
    ports.functions.check_may_publish(target.name)
    if target.alias:
        ports.aliases.check_may_point(target.name, observed.alias, target.alias)


@dataclass(slots=True, kw_only=True)
class PlanExecution:
    """A plan that is carried out, and what has become of the function by it.

    Attributes:
        plan: what is to be done.
        reason: why.
        ports: what is asked and changed.
        group: ends it where it waits, when the run is cancelled or another release has failed.
        journal: told what has become of the function, as soon as something has.
    """

    plan: ReleasePlan
    reason: str = ""
    ports: Ports
    group: Group
    journal: Journal
    _clock: GroupClock = field(init=False)
    _writer: FunctionWriter = field(init=False)
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin with what the plan was made from."""
        plan = self.plan
        self._clock = GroupClock(clock=self.ports.clock, group=self.group)
        self._started = self._clock.now()
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
        """Whether anything was written, or may have been."""
        return self._writer.written.is_anything

    @property
    def has_moved_alias(self) -> bool:
        """Whether the alias was moved, or may have been."""
        return self._writer.written.is_of_alias

    def carry_out(self, steps: tuple[Step, ...]) -> None:
        """Carry out some of the plan's steps.

        Raises:
            RevisionError: somebody else has changed what the plan was made from, and nothing was written yet.
            CancelledError: the run was cancelled.
            DeployError: a step failed, or another release.
        """
        for step in steps:
            self.group.check()
            self._carry_out(step)
        if steps:
            self.group.check()

    def succeed(self) -> Outcome:
        """Record that everything was carried out, and return the outcome."""
        outcome = replace(Outcome.untouched(self.plan.observed), after=self._writer.now, status=self._success())
        return self._record(outcome)

    def fail(self, error: DeployError) -> None:
        """Record why it has failed, and the way back, should the process end before that is gone."""
        self._record(self._unfinished(self._writer.now, error))

    def revert(self, error: DeployError) -> Outcome:
        """Take back what was written, and record and return why and how far."""
        failed = replace(Outcome.untouched(self.plan.observed), after=self._writer.now, error=error)
        outcome = revert(
            self.plan,
            self._writer.written,
            failed,
            now=self._writer.now,
            run=self.journal.run,
            ports=self.ports,
            record=self._record,
        )
        return self._record(outcome)

    def _success(self) -> ReleaseStatus:
        if not self.plan.steps:
            return ReleaseStatus.UNCHANGED
        if self.plan.is_rollback:
            return ReleaseStatus.ROLLED_BACK
        return ReleaseStatus.CREATED if self.plan.observed.latest is None else ReleaseStatus.DEPLOYED

    def _record(self, outcome: Outcome) -> Outcome:
        seconds = self._clock.now() - self._started
        timed = replace(outcome, reason=self.reason, started=self._started, seconds=seconds)
        self.journal.record(timed)
        return timed

    def _record_change(self, now: ObservedFunction) -> None:
        """Record what serves now, and the way back, should the process end within a step."""
        self._record(self._unfinished(now))

    def _unfinished(self, now: ObservedFunction, error: DeployError | None = None) -> Outcome:
        plan = self.plan
        way = plan_revert(now, plan.observed, self._writer.written, is_kept=not plan.target.reverts)
        recovery = tuple(command(step, now) for step in way.steps)
        return replace(Outcome.untouched(plan.observed), after=now, error=error, recovery=recovery)

    def _carry_out(self, step: Step) -> None:
        writer, ports, target = self._writer, self.ports, self.plan.target
        match step:
            case WaitUntilUpdated():
                writer.wait_until_updated()
                raise RevisionError(f"another change of {target.name} has ended.")
            case CreateFunction():
                writer.create(step.image, step.architecture, step.parameters)
            case UpdateCode():
                writer.start_update(step.image, step.architecture, follows_alias=step.follows_alias)
                writer.finish_update(poll_slowly=step.follows_alias)
            case InvokeSmokeTest():
                if not target.alias and self.plan.observed.latest is not None:
                    ports.log.info(f"The new code of {target.name} serves already: no alias is given to hold it back")
                run_smoke_test(
                    step.test,
                    target.name,
                    step.qualifier,
                    invocations=ports.invocations,
                    log=ports.log,
                    clock=self._clock,
                    check=self.group.check,
                )
            case PublishVersion():
                writer.publish(step.description)
            case ShiftTraffic():
                shift_traffic(step, writer, ports.alarms)
            case PointAlias():
                version = step.version or writer.published
                if version is None:
                    raise AssertionError("there is a version to point to, or one is published before")
                writer.point_alias(version, description=step.description)
                ports.log.info(f"Alias {target.alias} of {target.name} points to version {version.version}")
            case _:
                assert_never(step)
