"""The runner's signals: a run that is cancelled ends in time, and takes back what it has begun."""

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


class RunnerCancelling:
    """Whether the runner wants the run to end, and what that interrupts."""

    def __init__(self) -> None:
        self._cancelled = Event()
        self._is_signalled = False
        self._is_polled = False
        self._thread = local()

    def check(self) -> None:
        """Raise if the run is cancelled; not within `shield`.

        Raises:
            CancelledError: the run is cancelled.
        """
        if self._cancelled.is_set() and not self._is_shielded:
            raise CancelledError

    def wait(self, seconds: float) -> None:
        """Let time pass; not longer than until the run is cancelled, but within `shield`.

        Raises:
            CancelledError: the run is cancelled.
        """
        is_interrupted = not self._is_polled and current_thread() is main_thread()
        if self._is_shielded or is_interrupted:
            time.sleep(seconds)  # which the signal's exception leaves without harm; a lock it would leave held
        elif self._cancelled.wait(seconds):
            raise CancelledError

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Within the block cancelling ends nothing that this thread does."""
        before, self._thread.is_shielded = self._is_shielded, True
        try:
            yield
        finally:
            self._thread.is_shielded = before

    @property
    def _is_shielded(self) -> bool:
        return getattr(self._thread, "is_shielded", False)

    @contextmanager
    def polled(self) -> Iterator[None]:
        """Within the block `check` and `wait` alone tell of it; elsewhere it interrupts what the main thread does."""
        self._is_polled = True
        try:
            yield
        finally:
            self._is_polled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether the runner wants the run to end."""
        return self._is_signalled

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
        """Run on the main thread, between any two of its steps: a lock taken here may be held by that thread."""
        is_first, self._is_signalled = not self._is_signalled, True
        if is_first and not self._is_polled:
            raise KeyboardInterrupt

    def _watch(self, reader: int, give_up: Callable[[], None]) -> None:
        os.read(reader, 1)
        self._cancelled.set()
        time.sleep(DEADLINE)
        give_up()
