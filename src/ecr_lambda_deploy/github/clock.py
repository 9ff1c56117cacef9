"""The machine's time, and the runner's signals, which cut waiting short."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, local, main_thread
from types import FrameType

from ecr_lambda_deploy.model.errors import CancelledError

DEADLINE = 5.5
"""Seconds from the first signal to the end.

The runner sends SIGINT, SIGTERM 7.5 s later, and 2.5 s after that it kills the docker client, which would leave the
container running on its own.
"""

_FIRST, _UNDISTURBED, _USUAL = range(3)  # ranks


class SystemClock:
    """Time; a cancelled run ends where it sleeps."""

    def __init__(self) -> None:
        self._cancelled = Event()
        self._is_signalled = False
        self._is_polled = False
        self._thread = local()

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError: the run is cancelled, at once; not within `undisturbed`.
        """
        is_interrupted = not self._is_polled and current_thread() is main_thread()
        if self.rank < _USUAL or is_interrupted:
            time.sleep(seconds)  # which the signal's exception leaves without harm; a lock it would leave held
        elif self._cancelled.wait(seconds):
            raise CancelledError

    @property
    def rank(self) -> int:
        """Whose requests come first: the lower."""
        return getattr(self._thread, "rank", _USUAL)

    @contextmanager
    def undisturbed(self, *, first: bool = True) -> Iterator[None]:
        """Within the block cancelling ends none of this thread's waits, and its requests come before usual ones.

        Args:
            first: whether they come before those of others that are undisturbed, too.
        """
        before, self._thread.rank = self.rank, _FIRST if first else _UNDISTURBED
        try:
            yield
        finally:
            self._thread.rank = before

    def steady(self) -> "SteadyClock":
        """Return the same time with a `sleep` that cancelling does not cut short."""
        return SteadyClock()

    @property
    def is_cancelled(self) -> bool:
        """Whether the runner wants the run to end."""
        return self._is_signalled

    @contextmanager
    def polled(self) -> Iterator[None]:
        """Within the block cancelling is told by `sleep` alone; elsewhere it interrupts what the main thread does."""
        self._is_polled = True
        try:
            yield
        finally:
            self._is_polled = False

    def finish(self) -> None:
        """From now on cancelling interrupts nothing: the run is at its end."""
        self._is_polled = True

    def listen(self, give_up: Callable[[], None]) -> None:
        """Heed the runner's signals from now on.

        Args:
            give_up: ends the run, when it has not ended by itself in time.
        """
        reader, writer = os.pipe()
        os.set_blocking(writer, False)  # as set_wakeup_fd wants it
        signal.set_wakeup_fd(writer)
        Thread(target=self._watch, args=(reader, give_up), name="signals", daemon=True).start()
        # As process 1 of a container Python ignores SIGTERM unless it is told otherwise.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Run on the main thread, between any two of its steps: whatever takes a lock here could wait for itself."""
        is_first, self._is_signalled = not self._is_signalled, True
        if is_first and not self._is_polled:
            raise KeyboardInterrupt

    def _watch(self, reader: int, give_up: Callable[[], None]) -> None:
        os.read(reader, 1)
        self._cancelled.set()
        time.sleep(DEADLINE)
        give_up()


class SteadyClock:
    """Time that cancelling leaves alone."""

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
