"""Releases that stand or fall together, and the time that they share."""

from dataclasses import dataclass

from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.ports.runner import Cancelling, Clock


@dataclass(slots=True, kw_only=True)
class Group:
    """Releases that stand or fall together.

    Attributes:
        cancelling: of the run.
        failed: the function whose release failed first; empty as long as none has.
        is_cancelled: whether it failed since the run was cancelled.
    """

    cancelling: Cancelling
    failed: str = ""
    is_cancelled: bool = False

    def fail(self, function: str, error: DeployError) -> None:
        """Note a release that has failed."""
        if not self.failed:
            self.failed, self.is_cancelled = function, isinstance(error, CancelledError)

    def check(self) -> None:
        """Raise if no release of the group may go on.

        Raises:
            CancelledError: the run is cancelled.
            DeployError: another release has failed.
        """
        self.cancelling.check()
        if self.failed:
            raise self.reason()

    def reason(self) -> DeployError:
        """Return why the others are taken back."""
        if self.is_cancelled:
            return CancelledError()
        return DeployError(
            f"The release to {self.failed} failed, so this one is taken back.",
            "Look at the error of that function. With 'on-failure: keep' the others stay released.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupClock:
    """Time; a release ends where it sleeps when the run is cancelled, or another release of the group has failed."""

    clock: Clock
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
        self.group.check()
