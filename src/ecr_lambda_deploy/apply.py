"""Carries out a plan, records what became of it, and reverts what failed."""

from dataclasses import dataclass, replace
from typing import assert_never

from ecr_lambda_deploy.alias_changes import point_alias
from ecr_lambda_deploy.aws_commands import command
from ecr_lambda_deploy.changes import FunctionChanges
from ecr_lambda_deploy.errors import DeployError, RevisionError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.model import Journal, Outcome, ReleaseStatus
from ecr_lambda_deploy.plan import (
    CreateFunction,
    InvokeSmokeTest,
    PointAlias,
    PublishVersion,
    ReleasePlan,
    ShiftTraffic,
    Step,
    UpdateCode,
)
from ecr_lambda_deploy.ports import Outside
from ecr_lambda_deploy.revert import Reverting
from ecr_lambda_deploy.revert_plan import plan_revert
from ecr_lambda_deploy.smoke_test import run_smoke_test
from ecr_lambda_deploy.traffic import check_alarms, shift_traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Releaser:
    """Applies release plans.

    Attributes:
        outside: what is asked and changed; its clock's `sleep` is where a cancelled run ends.
        journal: told what has become of a function, as soon as something has.
        wait_timeout: seconds to wait for Lambda to finish one change.
    """

    outside: Outside
    journal: Journal
    wait_timeout: float

    def apply(self, plan: ReleasePlan) -> None:
        """Carry out a plan step by step; a failure ends it, is reverted, and is part of the outcome.

        Raises:
            RevisionError: before anything was written, somebody else has changed what the plan was made from.
        """
        clock, record = self.outside.clock, self.journal.record
        started = clock.now()
        changes = self._changes(plan)
        outcome = Outcome.untouched(plan.observed)

        def tell(now: ObservedFunction) -> None:
            """Record what serves now, and the way back, should the run end within a step."""
            way = plan_revert(now, plan.observed, changes.written, is_kept=not plan.target.reverts)
            record(replace(outcome, after=now, mending=tuple(command(step, now) for step in way.steps)))

        changes.tell = tell
        try:
            self._check(plan)
            for step in plan.steps:
                clock.sleep(0)  # a cancelled run ends here
                self._carry_out(step, plan, changes)
            clock.sleep(0)
            outcome = replace(outcome, after=changes.now, status=_status(plan))
        except Exception as error:
            if isinstance(error, RevisionError) and not changes.written.is_anything:
                raise
            reason = error if isinstance(error, DeployError) else DeployError(f"This is a bug: {error!r}")
            failed = replace(outcome, after=changes.now, error=reason)
            outcome = Reverting(plan=plan, changes=changes, failed=failed, clock=clock.steady(), record=record).run()
            if reason is not error:
                record(outcome)
                raise
        record(replace(outcome, seconds=clock.now() - started))

    def _changes(self, plan: ReleasePlan) -> FunctionChanges:
        return FunctionChanges(
            outside=self.outside,
            clock=self.outside.clock,
            name=plan.target.name,
            run=self.journal.run,
            wait_timeout=self.wait_timeout,
            alias_name=plan.target.alias,
            start=plan.observed,
            now=plan.observed,
        )

    def _check(self, plan: ReleasePlan) -> None:
        """Find out now what would otherwise be found when the code has been changed."""
        if plan.observed.latest is None or not any(isinstance(step, PublishVersion) for step in plan.steps):
            return
        if any(isinstance(step, ShiftTraffic) for step in plan.steps):
            check_alarms(plan.target.alarms, self.outside.alarms)
        self.outside.functions.check_may_publish(plan.target.name)
        if plan.target.alias:
            self.outside.aliases.check_may_point(plan.target.name, plan.observed.alias, plan.target.alias)

    def _carry_out(self, step: Step, plan: ReleasePlan, changes: FunctionChanges) -> None:
        match step:
            case CreateFunction():
                changes.create(step.image, step.architecture, step.parameters)
            case UpdateCode():
                changes.start_update(step.image, step.architecture, follows_alias=step.follows_alias)
                changes.finish_update(is_unhurried=step.follows_alias)
            case InvokeSmokeTest():
                if not plan.target.alias and plan.observed.latest is not None:
                    self.outside.log.info("The new code serves already, since no alias is given to hold it back")
                run_smoke_test(
                    step.test,
                    plan.target.name,
                    step.qualifier,
                    invocations=self.outside.invocations,
                    log=self.outside.log,
                    clock=self.outside.clock,
                )
            case PublishVersion():
                changes.publish(step.description)
            case ShiftTraffic():
                shift_traffic(step, changes, self.outside.alarms)
            case PointAlias():
                version = step.version or changes.published
                if version is None:
                    raise AssertionError("there is a version to point to, or one is published before")
                point_alias(changes, version, description=step.description)
                self.outside.log.info(
                    f"Alias {plan.target.alias} of {plan.target.name} points to version {version.version}"
                )
            case _:
                assert_never(step)


def _status(plan: ReleasePlan) -> ReleaseStatus:
    if not plan.steps:
        return ReleaseStatus.UNCHANGED
    if plan.is_rollback:
        return ReleaseStatus.ROLLED_BACK
    return ReleaseStatus.CREATED if plan.observed.latest is None else ReleaseStatus.DEPLOYED
