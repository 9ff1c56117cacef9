"""Releases that stand or fall together, and the time that they share."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.ports.runner import Clock, RunClock


@dataclass(slots=True, kw_only=True)
class Group:
    """Releases that stand or fall together.

    Attributes:
        failed: the function whose release failed first; empty as long as none has.
        is_cancelled: whether it failed since the run was cancelled.
    """

    failed: str = ""
    is_cancelled: bool = False

    def fail(self, function: str, error: DeployError) -> None:
        """Note a release that has failed."""
        if not self.failed:
            self.failed, self.is_cancelled = function, isinstance(error, CancelledError)

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

    clock: RunClock
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
        if self.group.failed:
            raise self.group.reason()

    def polled(self) -> AbstractContextManager[None]:
        """Within the block cancelling is told by `sleep` alone."""
        return self.clock.polled()

    def steady(self) -> Clock:
        """Return the same time with a `sleep` that nothing cuts short."""
        return self.clock.steady()

    def undisturbed(self, *, first: bool = True) -> AbstractContextManager[None]:
        """Within the block cancelling ends none of this thread's waits, and its requests come before usual ones."""
        return self.clock.undisturbed(first=first)
