"""Carries out the plan of one function, step by step, and takes it back if it fails."""

from dataclasses import dataclass, field, replace
from typing import assert_never

from ecr_lambda_deploy.functions.alias_writes import point_alias
from ecr_lambda_deploy.functions.writes import FunctionChanges
from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.errors import DeployError, RevisionError
from ecr_lambda_deploy.model.functions import ObservedFunction
from ecr_lambda_deploy.model.outcomes import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.aws_cli import command
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
from ecr_lambda_deploy.releases.revert import Reverting
from ecr_lambda_deploy.releases.revert_plan import plan_revert
from ecr_lambda_deploy.releases.smoke_test import run_smoke_test
from ecr_lambda_deploy.releases.traffic import check_alarms, shift_traffic


@dataclass(slots=True, kw_only=True)
class PlanExecution:
    """A plan that is carried out.

    Attributes:
        plan: what is to be done.
        reason: why.
        ports: what is asked and changed; its clock's `sleep` is where a cancelled run ends.
        journal: told what has become of the function, as soon as something has.
    """

    plan: ReleasePlan
    reason: str = ""
    ports: Ports
    journal: Journal
    _changes: FunctionChanges = field(init=False)
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        """Begin with what the plan was made from."""
        plan = self.plan
        self._started = self.ports.clock.now()
        self._changes = FunctionChanges(
            ports=self.ports,
            clock=self.ports.clock,
            name=plan.target.name,
            run=self.journal.run,
            wait_timeout=plan.target.wait_timeout,
            alias_name=plan.target.alias,
            start=plan.observed,
            now=plan.observed,
            tell=self._tell,
        )

    @property
    def written(self) -> Written:
        """What was written, or may have been."""
        return self._changes.written

    def check_alarms(self) -> None:
        """Make sure that no alarm is in ALARM before traffic is shifted.

        Raises:
            DeployError: one is.
        """
        if any(isinstance(step, ShiftTraffic) for step in self.plan.steps):
            check_alarms(self.plan.target.alarms, self.ports.alarms)

    def check_permissions(self) -> None:
        """Find out what would otherwise be found when the code has been changed.

        Raises:
            DeployError: something is not allowed.
        """
        target, observed, ports = self.plan.target, self.plan.observed, self.ports
        if observed.latest is None or not any(isinstance(step, PublishVersion) for step in self.plan.steps):
            return
        ports.functions.check_may_publish(target.name)
        if target.alias:
            ports.aliases.check_may_point(target.name, observed.alias, target.alias)

    def carry_out(self, steps: tuple[Step, ...]) -> None:
        """Carry out some of the plan's steps, which come next.

        Raises:
            RevisionError: somebody else has changed what the plan was made from, and nothing was written yet.
            CancelledError: the run was cancelled.
            DeployError: a step failed.
        """
        for step in steps:
            self.ports.clock.sleep(0)  # a cancelled run ends here
            self._carry_out(step)
        if steps:
            self.ports.clock.sleep(0)

    def succeed(self) -> None:
        """Record that everything was carried out."""
        self._record(replace(Outcome.untouched(self.plan.observed), after=self._changes.now, status=self._status()))

    def fail(self, reason: DeployError) -> None:
        """Record why it has failed, and the way back, should the run end before that is gone."""
        self._record(self._outcome(self._changes.now, reason))

    def revert(self, reason: DeployError) -> None:
        """Take back what was written, and record why and how far."""
        failed = replace(Outcome.untouched(self.plan.observed), after=self._changes.now, error=reason)
        reverting = Reverting(
            plan=self.plan,
            changes=self._changes,
            failed=failed,
            clock=self.ports.clock.steady(),
            record=self._record,
        )
        self._record(reverting.run())

    def _status(self) -> ReleaseStatus:
        if not self.plan.steps:
            return ReleaseStatus.UNCHANGED
        if self.plan.is_rollback:
            return ReleaseStatus.ROLLED_BACK
        return ReleaseStatus.CREATED if self.plan.observed.latest is None else ReleaseStatus.DEPLOYED

    def _record(self, outcome: Outcome) -> None:
        seconds = self.ports.clock.now() - self._started
        self.journal.record(replace(outcome, reason=self.reason, started=self._started, seconds=seconds))

    def _tell(self, now: ObservedFunction) -> None:
        """Record what serves now, and the way back, should the run end within a step."""
        self._record(self._outcome(now))

    def _outcome(self, now: ObservedFunction, error: DeployError | None = None) -> Outcome:
        plan = self.plan
        way = plan_revert(now, plan.observed, self._changes.written, is_kept=not plan.target.reverts)
        recovery = tuple(command(step, now) for step in way.steps)
        return replace(Outcome.untouched(plan.observed), after=now, error=error, recovery=recovery)

    def _carry_out(self, step: Step) -> None:
        changes, ports, target = self._changes, self.ports, self.plan.target
        match step:
            case WaitUntilUpdated():
                changes.settle()
                raise RevisionError(f"another change of {target.name} has ended.")
            case CreateFunction():
                changes.create(step.image, step.architecture, step.parameters)
            case UpdateCode():
                changes.start_update(step.image, step.architecture, follows_alias=step.follows_alias)
                changes.finish_update(is_unhurried=step.follows_alias)
            case InvokeSmokeTest():
                if not target.alias and self.plan.observed.latest is not None:
                    ports.log.info(f"The new code of {target.name} serves already: no alias is given to hold it back")
                run_smoke_test(
                    step.test,
                    target.name,
                    step.qualifier,
                    invocations=ports.invocations,
                    log=ports.log,
                    clock=ports.clock,
                )
            case PublishVersion():
                changes.publish(step.description)
            case ShiftTraffic():
                shift_traffic(step, changes, ports.alarms)
            case PointAlias():
                version = step.version or changes.published
                if version is None:
                    raise AssertionError("there is a version to point to, or one is published before")
                point_alias(changes, version, description=step.description)
                ports.log.info(f"Alias {target.alias} of {target.name} points to version {version.version}")
            case _:
                assert_never(step)
