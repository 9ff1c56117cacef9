"""The one place that takes back what a failed release has written."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ecr_lambda_deploy.functions.reads import observe_function
from ecr_lambda_deploy.functions.writes import CONFLICT_DELAY, FunctionChanges
from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.errors import CancelledError, DeployError, InProgressError, RevisionError
from ecr_lambda_deploy.model.functions import LATEST
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.ports.runner import Clock
from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.plan import PointAlias, ReleasePlan, UpdateCode
from ecr_lambda_deploy.releases.revert_plan import RevertPlan, plan_revert

_MOST_TRIES = 5  # each after a change that somebody else has made meanwhile


@dataclass(slots=True, kw_only=True)
class Reverting:
    """Brings a function back to what was observed at the start, as far as this run has changed it.

    Attributes:
        plan: that failed.
        changes: what it has written.
        failed: the outcome so far, with the reason.
        clock: one that cancelling leaves alone.
        record: told how far it has come, should the run end within.
    """

    plan: ReleasePlan
    changes: FunctionChanges
    failed: Outcome
    clock: Clock
    record: Callable[[Outcome], None]
    _done: list[str] = field(default_factory=list)
    _written: Written = field(init=False)
    _is_alias_known: bool = field(init=False)

    def __post_init__(self) -> None:
        """Keep what was written until now apart from what reverting writes."""
        self._written = replace(self.changes.written)
        self._is_alias_known = self._written.asked is None

    def run(self) -> Outcome:
        """Revert, and return the outcome; its error tells what was reverted, and what was not."""
        if not self._written.is_anything:
            return self._looked_at()
        self.changes.clock = self.clock
        self.changes.tell = lambda _: None  # what is recorded from here on says what went wrong, too
        self.record(self._outcome("Reverting it has not ended."))
        is_alias_known, serves = self._written.asked is None, self.plan.observed.alias is None
        # Of many functions that are put back at once, those come first whose alias is known to be this run's.
        try:
            with self.changes.ports.clock.undisturbed(first=is_alias_known):
                self._repeated(self._revert_alias)
            with self.changes.ports.clock.undisturbed(first=serves):
                self._repeated(self._revert_code)
        except DeployError as error:
            return self._looked_at(f"Reverting it failed too: {error.message}")
        return self._looked_at()

    def _looked_at(self, trouble: str = "") -> Outcome:
        """Return the outcome with what serves now, whoever has seen to that.

        A run that is cancelled has no time for it: the calls that others still need to revert come first.
        """
        changes = self.changes
        if isinstance(self.failed.error, CancelledError):
            return self._outcome(trouble)
        try:
            changes.now = observe_function(self.plan.target, changes.ports.functions, changes.ports.aliases)
        except DeployError as error:
            changes.ports.log.info(f"What serves {changes.name} now is not known: {error.message}")
        return self._outcome(trouble)

    def _repeated(self, revert: Callable[[], None]) -> None:
        for _ in range(_MOST_TRIES):
            try:
                return revert()
            except (InProgressError, RevisionError) as error:  # what is there by now decides
                self.changes.ports.log.info(error.message)
                self.changes.clock.sleep(CONFLICT_DELAY)
        raise DeployError("somebody else goes on changing the function.")

    def _revert_alias(self) -> None:
        changes = self.changes
        if not self._written.is_of_alias:
            return
        if self._is_alias_known:
            self._is_alias_known = False  # if it has changed since, Lambda refuses, and it is read
        else:
            changes.now = replace(changes.now, alias=changes.ports.aliases.read(changes.name, changes.alias_name))
        alias = changes.now.alias
        for step in self._way().steps:
            if isinstance(step, PointAlias) and alias is not None and step.version is not None:
                version = step.version.version
                changes.ports.log.info(f"Putting the alias {alias.name} of {changes.name} back to version {version}")
                moved = changes.ports.aliases.point(
                    changes.name, alias, version=version, weights={}, description=step.description
                )
                changes.now = replace(changes.now, alias=moved, aliased=step.version)
                self._note(f"The alias {alias.name} points to version {version} again, with all its traffic.")

    def _revert_code(self) -> None:
        changes = self.changes
        if self._written.image is None or self._keeps:
            return
        changes.now = replace(changes.now, latest=changes.settle())
        for step in self._way().steps:
            if isinstance(step, UpdateCode):
                changes.start_update(step.image, step.architecture)
                self.record(self._outcome(f"{LATEST} is on its way back to {step.image}; Lambda goes on by itself."))
                changes.finish_update()
                self._note(f"{LATEST} runs {step.image} again.")

    def _note(self, done: str) -> None:
        self._done.append(done)
        self.record(self._outcome("Reverting it has not ended."))

    def _way(self) -> RevertPlan:
        return plan_revert(self.changes.now, self.plan.observed, self._written, is_kept=bool(self._keeps))

    @property
    def _keeps(self) -> str:
        """Why code and alias stay as they are; empty if they go back."""
        alias, before = self.changes.now.alias, self.plan.observed.alias
        if not self._written.is_anything:
            return ""
        if not self.plan.target.reverts:
            return "Code and alias stay as they are, as 'on-failure: keep' has it."
        if alias is None or not self._written.is_in_place(alias, before):
            return ""
        is_rolled_back = self.plan.is_rollback and (before is None or alias.version != before.version)
        if is_rolled_back and not isinstance(self.failed.error, CancelledError):
            return f"The alias {alias.name} stays at version {alias.version}: what was rolled back stays so."
        if before is None:
            return f"The alias {alias.name} is new and stays, with the code that it points to."
        return ""

    def _outcome(self, trouble: str = "") -> Outcome:
        """Return what became of it: the reason of the failure, what was reverted, and what is left."""
        changes, way, keeps = self.changes, self._way(), self._keeps
        created = f"The function {changes.name} is new and stays." if self._written.is_created else ""
        told = [told for told in (*self._done, *way.left, created, keeps, trouble) if told]
        reason = self.failed.error or DeployError("")
        return replace(
            self.failed,
            after=changes.now,
            status=ReleaseStatus.REVERTED if self._done and not trouble and not keeps else ReleaseStatus.FAILED,
            error=DeployError("\n".join([reason.message, *told]), reason.hint, location=reason.location),
            recovery=tuple(command(step, changes.now) for step in way.steps) if trouble else (),
        )
