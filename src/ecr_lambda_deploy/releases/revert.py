"""The one place that takes back what a failed release has written.

The alias goes back first: it alone decides what serves, and it goes back in one call. Code follows, and takes seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ecr_lambda_deploy.functions.writes import CONFLICT_DELAY, FunctionWriter
from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, InProgressError, RevisionError
from ecr_lambda_deploy.model.functions import LATEST, ObservedFunction
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.plan import PointAlias, ReleasePlan, UpdateCode
from ecr_lambda_deploy.releases.revert_plan import RevertPlan, plan_revert

_MOST_TRIES = 5  # each after a change that somebody else has made meanwhile


def revert(
    plan: ReleasePlan,
    written: Written,
    failed: Outcome,
    *,
    now: ObservedFunction,
    run: WorkflowRun,
    ports: Ports,
    record: Callable[[Outcome], object],
) -> Outcome:
    """Bring a function back to what was observed at the start, as far as this run has changed it.

    Args:
        plan: that failed.
        written: what the run has written.
        failed: the outcome so far, with the reason of the failure.
        now: the function as it was read and written last.
        run: that takes it back.
        ports: what is asked and changed; cancelling ends none of it.
        record: called with the outcome so far, should the process end meanwhile.

    Returns:
        the outcome; its error tells what was reverted, and what was not.
    """
    writer = FunctionWriter(
        ports=ports,
        clock=ports.clock,
        target=plan.target,
        run=run,
        start=plan.observed,
        now=now,
    )
    return _Reverting(plan=plan, written=written, failed=failed, writer=writer, ports=ports, record=record).run()


@dataclass(slots=True, kw_only=True)
class _Reverting:
    """A revert under way; see `revert`."""

    plan: ReleasePlan
    written: Written
    failed: Outcome
    writer: FunctionWriter
    ports: Ports
    record: Callable[[Outcome], object]
    done: list[str] = field(default_factory=list)

    def run(self) -> Outcome:
        if not self.written.is_anything:
            return self._looked_at()
        self.record(self._outcome("Reverting it has not ended."))
        # Of many functions that are put back at once, those come first whose alias is known to be this run's.
        is_alias_known, code_serves = self.written.asked is None, self.plan.observed.alias is None
        cancelling, priority = self.ports.cancelling, self.ports.priority
        try:
            with cancelling.shield(), priority.raised(first=is_alias_known):
                self._repeated(lambda is_again: self._revert_alias(is_read=is_again or not is_alias_known))
            with cancelling.shield(), priority.raised(first=code_serves):
                self._repeated(lambda _: self._revert_code())
        except DeployError as error:
            return self._looked_at(f"Reverting it failed too: {error.message}")
        return self._looked_at()

    def _looked_at(self, trouble: str = "") -> Outcome:
        """Return the outcome with what serves now, no matter who has changed it.

        A run that is cancelled has no time for it: the calls that others still need to revert come first.
        """
        if isinstance(self.failed.error, CancelledError):
            return self._outcome(trouble)
        try:
            self.writer.read()
        except DeployError as error:
            self.ports.log.info(f"What serves {self.writer.name} now is not known: {error.message}")
        return self._outcome(trouble)

    def _repeated(self, attempt: Callable[[bool], None]) -> None:
        """Try until nobody else interferes.

        Args:
            attempt: told whether it is another one than the first.
        """
        for number in range(_MOST_TRIES):
            try:
                return attempt(number > 0)
            except (InProgressError, RevisionError) as error:  # what is there by now decides
                self.ports.log.info(error.message)
                self.writer.clock.sleep(CONFLICT_DELAY)
        raise DeployError("somebody else goes on changing the function.")

    def _revert_alias(self, *, is_read: bool) -> None:
        """Put the alias back.

        Args:
            is_read: whether it is read first. Where it is known as it was written last that is needless: if it has
                changed since, Lambda refuses.
        """
        if not self.written.is_of_alias:
            return
        if is_read:
            self.writer.read_alias()
        alias = self.writer.now.alias
        for step in self._way().steps:
            if isinstance(step, PointAlias) and alias is not None and step.version is not None:
                version = step.version.version
                self.ports.log.info(f"Putting the alias {alias.name} of {self.writer.name} back to version {version}")
                self.writer.put_alias_back(step.version, description=step.description)
                self._note(f"The alias {alias.name} points to version {version} again, with all its traffic.")

    def _revert_code(self) -> None:
        if self.written.image is None or self._keeps:
            return
        self.writer.wait_until_updated()
        for step in self._way().steps:
            if isinstance(step, UpdateCode):
                self.writer.start_update(step.image, step.architecture)
                self.record(self._outcome(f"{LATEST} is on its way back to {step.image}; Lambda goes on by itself."))
                self.writer.finish_update()
                self._note(f"{LATEST} runs {step.image} again.")

    def _note(self, done: str) -> None:
        self.done.append(done)
        self.record(self._outcome("Reverting it has not ended."))

    def _way(self) -> RevertPlan:
        return plan_revert(self.writer.now, self.plan.observed, self.written, is_kept=bool(self._keeps))

    @property
    def _keeps(self) -> str:
        """Why code and alias stay as they are; empty if they go back."""
        alias, before = self.writer.now.alias, self.plan.observed.alias
        if not self.written.is_anything:
            return ""
        if not self.plan.target.reverts:
            return "Code and alias stay as they are, as 'on-failure: keep' has it."
        if alias is None or not self.written.is_in_place(alias, before):
            return ""
        is_rolled_back = self.plan.is_rollback and (before is None or alias.version != before.version)
        if is_rolled_back and not isinstance(self.failed.error, CancelledError):
            return f"The alias {alias.name} stays at version {alias.version}: what was rolled back stays so."
        if before is None:
            return f"The alias {alias.name} is new and stays, with the code that it points to."
        return ""

    def _outcome(self, trouble: str = "") -> Outcome:
        """Return what became of it: the reason of the failure, what was reverted, and what is left."""
        now, way, keeps = self.writer.now, self._way(), self._keeps
        created = f"The function {self.writer.name} is new and stays." if self.written.is_created else ""
        lines = [line for line in (*self.done, *way.left, created, keeps, trouble) if line]
        reason = self.failed.error or DeployError("")
        return replace(
            self.failed,
            after=now,
            status=ReleaseStatus.REVERTED if self.done and not trouble and not keeps else ReleaseStatus.FAILED,
            error=DeployError("\n".join([reason.message, *lines]), reason.hint, location=reason.location),
            recovery=tuple(command(step, now) for step in way.steps) if trouble else (),
        )
