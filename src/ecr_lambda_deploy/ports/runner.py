"""What the core asks of the runner: a log, time, and whether the run is to end."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

from ecr_lambda_deploy.model.errors import SourceLocation


class Log(Protocol):
    """The job's log."""

    def group(self, title: str) -> AbstractContextManager[None]:
        """Fold what is printed within the block."""

    def folded(self, title: str, lines: Iterable[str]) -> None:
        """Print lines, folded; those of other threads do not come between them."""

    def info(self, message: str) -> None:
        """Print a line."""

    def failure(self, message: str) -> None:
        """Print a line at the moment when something has failed; the run is annotated at its end."""

    def notice(self, message: str) -> None:
        """Print a line and annotate the run with it."""

    def warning(self, message: str, location: SourceLocation | None = None) -> None:
        """Print a warning and annotate the run, or a line of a file, with it."""

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        """Print an error and annotate the run, or a line of a file, with it."""


class Console(Log, Protocol):
    """The log, for code that starts other programs or gets secrets."""

    def verbatim(self) -> AbstractContextManager[None]:
        """Within the block, the runner takes no printed line for a workflow command: other programs wrote them."""

    def mask(self, secret: str) -> None:
        """Have the runner replace a secret in the log from now on."""


class Clock(Protocol):
    """Time, as waiting needs it."""

    def now(self) -> float:
        """Return seconds since some fixed moment; never goes back."""

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError: the run is cancelled; at once, however long the wait was to be. Not within `shield`.
        """


class Cancelling(Protocol):
    """Cooperative cancellation: whether the runner wants the run to end."""

    def check(self) -> None:
        """Raise if the run is cancelled; not within `shield`.

        Raises:
            CancelledError: the run is cancelled.
        """

    def shield(self) -> AbstractContextManager[None]:
        """Within the block cancelling ends nothing that this thread does: it takes something back."""

    def polled(self) -> AbstractContextManager[None]:
        """Within the block a run ends where it checks or sleeps, so that what was written can be taken back.

        Elsewhere cancelling interrupts whatever the main thread does.
        """


class Priority(Protocol):
    """Whose requests come first, where AWS answers only so many a second."""

    def raised(self, *, is_urgent: bool) -> AbstractContextManager[None]:
        """Within the block this thread's requests come before all usual ones.

        Args:
            is_urgent: whether they come before those of other such blocks, too.
        """
