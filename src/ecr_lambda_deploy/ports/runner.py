"""What the core asks of the runner: a log, and time that cancelling may cut short."""

from contextlib import AbstractContextManager
from typing import Protocol

from ecr_lambda_deploy.model.errors import SourceLocation


class Log(Protocol):
    """The job's log."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is printed within the block."""

    def info(self, message: str) -> None:
        """Print a line."""

    def notice(self, message: str) -> None:
        """Print a line and annotate the run with it."""

    def warning(self, message: str) -> None:
        """Print a warning and annotate the run with it."""

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        """Print an error and annotate the run, or a line of a file, with it."""


class Console(Log, Protocol):
    """The log, as those write to it who start other programs."""

    def verbatim(self) -> AbstractContextManager[None]:
        """Print lines of other programs without the runner taking one for a workflow command."""

    def mask(self, secret: str) -> None:
        """Have the runner replace a secret in the log from here on."""


class Clock(Protocol):
    """Time, as waiting needs it."""

    def now(self) -> float:
        """Return seconds since some fixed moment; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError: the run is cancelled; at once, however long the wait was to be.
        """


class RunClock(Clock, Protocol):
    """The time of a run that may be cancelled."""

    def polled(self) -> AbstractContextManager[None]:
        """Within the block cancelling is told by `sleep` alone, so that what was written can be taken back."""

    def steady(self) -> Clock:
        """Return the same time with a `sleep` that cancelling does not cut short."""

    def undisturbed(self, *, first: bool = True) -> AbstractContextManager[None]:
        """Within the block cancelling ends none of this thread's waits, and its requests come before all usual ones.

        Args:
            first: whether they come before those of others that are undisturbed, too.
        """
