"""Takes back what a failed release has written, in the `ORDER` of `revert_plan.py`, which says why, and what stays."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from ecr_lambda_deploy.functions.managed_instances import publish_latest
from ecr_lambda_deploy.functions.waits import CONFLICT_DELAY
from ecr_lambda_deploy.functions.writes import FunctionWriter
from ecr_lambda_deploy.functions.written import Written
from ecr_lambda_deploy.model.errors import CancelledError, ConsequenceError, DeployError, InProgressError, RevisionError
from ecr_lambda_deploy.model.functions import LATEST, LATEST_PUBLISHED, ObservedFunction, Status
from ecr_lambda_deploy.model.outcomes import Outcome, ReleaseStatus
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.ports.ports import Ports
from ecr_lambda_deploy.releases.aws_cli import command
from ecr_lambda_deploy.releases.plan import ReleasePlan
from ecr_lambda_deploy.releases.revert_plan import ORDER, RevertPlan, plan_revert, reason_to_keep

_MOST_TRIES = 5  # each after somebody else has changed the function meanwhile


def revert(
    release: ReleasePlan,
    written: Written,
    failed: Outcome,
    *,
    now: ObservedFunction,
    run: WorkflowRun,
    concurrency: Status | None,
    ports: Ports,
    record: Callable[[Outcome], object],
) -> Outcome:
    """Bring a function back to what was observed at the start, as far as this run has changed it.

    Args:
        release: the plan that failed.
        written: what the run has written.
        failed: the outcome so far, with the reason of the failure.
        now: the function as it was last read or written.
        run: the run that reverts.
        concurrency: status of the alias's provisioned concurrency, as the release has read it.
        ports: everything outside. Cancelling the run does not end the revert.
        record: called with the outcome so far, since the process may be killed meanwhile.

    Returns:
        the outcome; its error says what was reverted, and what was not.
    """
    writer = FunctionWriter(
        ports=ports, clock=ports.clock, target=release.target, run=run, start=release.observed, now=now
    )
    writer.concurrency.status = concurrency
    return _Revert(release=release, written=written, failed=failed, writer=writer, ports=ports, record=record).run()


@dataclass(slots=True, kw_only=True)
class _Revert:
    """A revert under way; the attributes are the arguments of `revert`.

    Attributes:
        writer: changes the function back.
        done: what was put back: one sentence each.
        has_moved_back: whether the alias has got its earlier version back.
    """

    release: ReleasePlan
    written: Written
    failed: Outcome
    writer: FunctionWriter
    ports: Ports
    record: Callable[[Outcome], object]
    done: list[str] = field(default_factory=list)
    has_moved_back: bool = False

    def run(self) -> Outcome:
        """Put each part back, in order. Each is planned when its turn has come, from what is there then."""
        if not self.written.is_anything:
            return self._outcome_as_read()
        self.record(self._outcome("Reverting it has not ended."))
        # Many functions may revert at once: the requests for what is known to serve this run's release go first.
        serves_code = self.release.observed.alias is None
        is_urgent = {"alias": self.written.asked is None, "code": serves_code, "latest_published": serves_code}
        revert_part = {
            "alias": self._revert_alias,
            "code": self._revert_code,
            "latest_published": self._revert_latest_published,
        }
        try:
            with self.ports.cancelling.shield():
                for part in ORDER:
                    with self.ports.priority.raised(is_urgent=is_urgent[part]):
                        self._retry_conflicts(revert_part[part])
                self._finish_alias()
        except DeployError as error:
            return self._outcome_as_read(f"Reverting it failed too: {error.message}")
        return self._outcome_as_read()

    def _retry_conflicts(self, attempt: Callable[[bool], None]) -> None:
        """Try until nobody else interferes.

        Args:
            attempt: called with whether it was called before.
        """
        for number in range(_MOST_TRIES):
            try:
                return attempt(number > 0)
            except (InProgressError, RevisionError) as error:  # the next attempt plans from what is there then
                self.ports.log.info(error.message)
                self.writer.clock.sleep(CONFLICT_DELAY)
        raise DeployError("somebody else goes on changing the function.", topic="changed-by-somebody-else")

    def _revert_alias(self, is_again: bool) -> None:  # as `_retry_conflicts` calls it
        """Put the alias back, if this run has moved it.

        It is not read first where this run knows how it has left it: if somebody else has changed it since, Lambda
        refuses.
        """
        if not self.written.is_of_alias:
            return
        if is_again or self.written.asked is not None:
            self.writer.read_alias()
        alias, step = self.writer.now.alias, self._plan().alias
        if alias is None or step is None or step.version is None:
            return
        number = step.version.version
        self.ports.log.info(f"putting the alias {alias.name} back to version {number}")
        self.writer.put_alias_back(step.version, description=step.description)
        self.has_moved_back = alias.version != number
        self._record_done(f"The alias {alias.name} points to version {number} again, with all its traffic.")

    def _revert_code(self, _is_again: bool) -> None:
        """Put the code of `$LATEST` back, if this run has updated it, and the alias as it is by now lets it go."""
        if (self.written.image is None and not self.written.latest_published) or self._kept:
            return
        self.writer.wait_until_updated()
        if step := self._plan().code:
            self.ports.log.info(f"putting {LATEST} back to {step.image.short} ({step.architecture})")
            self.writer.start_update(step.image, step.architecture)
            self.record(self._outcome(f"{LATEST} is on its way back to {step.image}; Lambda goes on by itself."))
            self.writer.finish_update()
            self._record_done(f"{LATEST} runs {step.image} again.")

    def _revert_latest_published(self, _is_again: bool) -> None:
        """Have `$LATEST.PUBLISHED` run what it did, if this run has published it."""
        if not self.written.latest_published or self._kept:
            return
        if step := self._plan().latest_published:
            publish_latest(self.writer, step.description)
            published = self.writer.now.latest_published
            self._record_done(f"{LATEST_PUBLISHED} runs {published.image if published else 'its code'} again.")

    def _finish_alias(self) -> None:
        """Wait until the alias serves its version again. A cancelled run has no time for that, and says so."""
        if not self.has_moved_back or not self.writer.concurrency.is_there:
            return
        if isinstance(self.failed.error, CancelledError):
            self._record_done("Lambda moves its provisioned concurrency back first, which may take minutes.")
        else:
            self.writer.wait_until_served()

    def _record_done(self, sentence: str) -> None:
        self.done.append(sentence)
        self.record(self._outcome("Reverting it has not ended."))

    def _plan(self) -> RevertPlan:
        return plan_revert(self.writer.now, self.release.observed, self.written, is_kept=bool(self._kept))

    @property
    def _kept(self) -> str:
        """Why code and alias stay as they are; empty if they go back."""
        return reason_to_keep(self.release, self.writer.now, self.written, error=self.failed.error)

    def _outcome_as_read(self, trouble: str = "") -> Outcome:
        """Read what serves now, whatever has changed it, and return the outcome.

        A cancelled run does not read: the requests that other functions need for their revert come first.
        """
        if not isinstance(self.failed.error, CancelledError):
            try:
                self.writer.read()
            except DeployError as error:
                self.ports.log.info(f"what serves now is not known: {error.message}")
        return self._outcome(trouble)

    @property
    def _status(self) -> ReleaseStatus:
        """The status of a function of which all that can go back has gone back."""
        if self.done:
            return ReleaseStatus.REVERTED
        is_innocent = isinstance(self.failed.error, ConsequenceError) and not self.written.is_anything
        return ReleaseStatus.SKIPPED if is_innocent else ReleaseStatus.FAILED

    def _outcome(self, trouble: str = "") -> Outcome:
        """Return the outcome: why the release failed, what was reverted, what was not, and what is left to do by hand.

        Args:
            trouble: why the revert is not complete; empty if it is.
        """
        now, plan, kept = self.writer.now, self._plan(), self._kept
        created = f"The function {self.writer.name} is new and stays." if self.written.is_created else ""
        lines = [line for line in (*self.done, *plan.left, created, kept, trouble) if line]
        reason = self.failed.error or CancelledError()
        return replace(
            self.failed,
            after=now,
            status=self._status if not trouble and not kept else ReleaseStatus.FAILED,
            error=reason.extended(lines),
            recovery=tuple(command(step, now) for step in plan.steps) if trouble else (),
        )
