"""Carries out a plan, records what became of it, and reverts what failed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from ecr_lambda_deploy.alias_changes import point_alias
from ecr_lambda_deploy.aws_commands import command
from ecr_lambda_deploy.changes import FunctionChanges
from ecr_lambda_deploy.errors import DeployError, RevisionError
from ecr_lambda_deploy.function_model import ObservedFunction
from ecr_lambda_deploy.function_ports import Alarms, Aliases, Functions, Invocations
from ecr_lambda_deploy.model import Outcome, ReleaseStatus, WorkflowRun
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
from ecr_lambda_deploy.ports import Log, RunClock
from ecr_lambda_deploy.revert import Reverting
from ecr_lambda_deploy.revert_plan import plan_revert
from ecr_lambda_deploy.settle import wait_until_settled
from ecr_lambda_deploy.smoke_test import run_smoke_test
from ecr_lambda_deploy.traffic import check_alarms, shift_traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Releaser:
    """Applies release plans.

    Attributes:
        functions: where they are applied.
        aliases: likewise.
        invocations: for smoke tests.
        alarms: watched while traffic is shifted.
        log: told each step.
        clock: time; its `sleep` is where a cancelled run ends.
        run: that releases.
        wait_timeout: seconds to wait for Lambda to finish one update.
        record: told what has become of a function, as soon as something has.
    """

    functions: Functions
    aliases: Aliases
    invocations: Invocations
    alarms: Alarms
    log: Log
    clock: RunClock
    run: WorkflowRun
    wait_timeout: float
    record: Callable[[Outcome], None]

    def apply(self, plan: ReleasePlan) -> None:
        """Carry out a plan step by step; a failure ends it, is reverted, and is part of the outcome.

        Raises:
            RevisionError: before anything was written, somebody else has changed what the plan was made from.
        """
        started = self.clock.now()
        changes = self._changes(plan)
        outcome = Outcome.untouched(plan.observed)

        def tell(now: ObservedFunction) -> None:
            """Record what serves now, and the way back, should the run end within a step."""
            way = plan_revert(now, plan.observed, changes.written, is_kept=not plan.target.reverts)
            self.record(replace(outcome, after=now, mending=tuple(command(step, now) for step in way.steps)))

        changes.tell = tell
        try:
            self._check(plan)
            for step in plan.steps:
                self.clock.sleep(0)  # a cancelled run ends here
                self._carry_out(step, plan, changes)
            self.clock.sleep(0)
            outcome = replace(outcome, after=changes.now, status=_status(plan))
        except Exception as error:
            if isinstance(error, RevisionError) and not changes.written.is_anything:
                raise
            reason = error if isinstance(error, DeployError) else DeployError(f"This is a bug: {error!r}")
            failed = replace(outcome, after=changes.now, error=reason)
            outcome = Reverting(
                plan=plan, changes=changes, failed=failed, clock=self.clock.steady(), record=self.record
            ).run()
            if reason is not error:
                self.record(outcome)
                raise
        self.record(replace(outcome, seconds=self.clock.now() - started))

    def settle(self, name: str) -> None:
        """Wait until Lambda has finished with what somebody else has begun.

        Raises:
            DeployError: it has not in time.
        """
        wait_until_settled(lambda: self.functions.read(name), clock=self.clock, log=self.log, timeout=self.wait_timeout)

    def _changes(self, plan: ReleasePlan) -> FunctionChanges:
        return FunctionChanges(
            functions=self.functions,
            aliases=self.aliases,
            log=self.log,
            clock=self.clock,
            name=plan.target.name,
            run=self.run,
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
            check_alarms(plan.target.alarms, self.alarms)
        self.functions.check_may_publish(plan.target.name)
        if plan.target.alias:
            self.aliases.check_may_point(plan.target.name, plan.observed.alias, plan.target.alias)

    def _carry_out(self, step: Step, plan: ReleasePlan, changes: FunctionChanges) -> None:
        match step:
            case CreateFunction():
                changes.create(step.image, step.architecture, step.parameters)
            case UpdateCode():
                changes.start_update(step.image, step.architecture, follows_alias=step.follows_alias)
                changes.finish_update(is_unhurried=step.follows_alias)
            case InvokeSmokeTest():
                if not plan.target.alias and plan.observed.latest is not None:
                    self.log.info("The new code serves already, since no alias is given to hold it back")
                run_smoke_test(
                    step.test,
                    plan.target.name,
                    step.qualifier,
                    invocations=self.invocations,
                    log=self.log,
                    clock=self.clock,
                )
            case PublishVersion():
                changes.publish(step.description)
            case ShiftTraffic():
                shift_traffic(step, changes, self.alarms)
            case PointAlias():
                version = step.version or changes.published
                if version is None:
                    raise AssertionError("there is a version to point to, or one is published before")
                point_alias(changes, version, description=step.description)
                self.log.info(f"Alias {plan.target.alias} of {plan.target.name} points to version {version.version}")
            case _:
                assert_never(step)


def _status(plan: ReleasePlan) -> ReleaseStatus:
    if not plan.steps:
        return ReleaseStatus.UNCHANGED
    if plan.is_rollback:
        return ReleaseStatus.ROLLED_BACK
    return ReleaseStatus.CREATED if plan.observed.latest is None else ReleaseStatus.DEPLOYED
