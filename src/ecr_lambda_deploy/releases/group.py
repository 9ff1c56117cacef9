"""Releases that succeed or are reverted together."""

from dataclasses import dataclass

from ecr_lambda_deploy.model.errors import CancelledError, ConsequenceError, DeployError
from ecr_lambda_deploy.ports.runner import Cancelling, Clock


@dataclass(slots=True, kw_only=True)
class Group:
    """Releases that succeed or are reverted together: whether they may still go on.

    Attributes:
        cancelling: whether the run is cancelled.
        failed: the function whose release failed first; empty as long as none has failed.
        is_cancelled: whether it failed because the run was cancelled.
    """

    cancelling: Cancelling
    failed: str = ""
    is_cancelled: bool = False

    def fail(self, function: str, error: DeployError) -> None:
        """Stop the group, since the release to a function has failed."""
        if not self.failed:
            self.failed, self.is_cancelled = function, isinstance(error, CancelledError)

    def check(self) -> None:
        """Make sure that the releases of the group may go on.

        Raises:
            CancelledError: the run is cancelled.
            ConsequenceError: another release has failed.
        """
        self.cancelling.check()
        if self.failed:
            raise self.reason()

    def reason(self) -> DeployError:
        """Return why the other releases are reverted."""
        return CancelledError() if self.is_cancelled else ConsequenceError(self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupClock:
    """Time for one release: a sleep raises when the run is cancelled or another release of the group has failed."""

    clock: Clock
    group: Group

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError: the run is cancelled.
            ConsequenceError: another release has failed.
        """
        self.clock.sleep(seconds)
        self.group.check()
