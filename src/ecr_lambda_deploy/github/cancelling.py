"""The runner's signals: a cancelled run reverts its changes and ends before the runner kills it."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread, current_thread, local, main_thread
from types import FrameType

from ecr_lambda_deploy.model.errors import CancelledError

DEADLINE = 5.5
"""Seconds from the first signal to the end of the process.

The runner sends SIGINT, after 7.5 s SIGTERM, and after another 2.5 s it kills the docker client. The container would
then keep running.
"""


class RunnerCancelling:
    """Whether the runner has cancelled the run, and how that ends it.

    `check` and `wait` raise. Outside `polled`, the signal also interrupts the main thread with KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self._cancelled = Event()
        self._is_signalled = False
        self._is_polled = False
        self._thread = local()

    def check(self) -> None:
        """Raise if the run is cancelled, except within `shield`.

        Raises:
            CancelledError: the run is cancelled.
        """
        if self._cancelled.is_set() and not self._is_shielded:
            raise CancelledError

    def wait(self, seconds: float) -> None:
        """Wait; cancelling ends the wait, except within `shield`.

        Raises:
            CancelledError: the run is cancelled.
        """
        is_interrupted = not self._is_polled and current_thread() is main_thread()
        if self._is_shielded or is_interrupted:
            time.sleep(seconds)  # unlike a wait for an Event, no lock stays held when the signal interrupts it
        elif self._cancelled.wait(seconds):
            raise CancelledError

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Ignore cancelling on this thread within the block."""
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
        """Let cancelling end the run only at `check` and `wait` within the block."""
        self._is_polled = True
        try:
            yield
        finally:
            self._is_polled = False

    @property
    def is_cancelled(self) -> bool:
        """Whether the runner has sent a signal."""
        return self._is_signalled

    def finish(self) -> None:
        """Ignore cancelling from now on: the run is at its end."""
        self._is_polled = True

    def listen(self, give_up: Callable[[], None]) -> None:
        """Handle the runner's signals from now on.

        Args:
            give_up: ends the process, if the run has not ended by the deadline.
        """
        reader, writer = os.pipe()
        os.set_blocking(writer, False)  # set_wakeup_fd requires it
        signal.set_wakeup_fd(writer)
        Thread(target=self._watch, args=(reader, give_up), name="signals", daemon=True).start()
        # Process 1 of a container ignores SIGTERM unless it has a handler.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Handle a signal on the main thread. This takes no lock: the interrupted code may hold it."""
        is_first, self._is_signalled = not self._is_signalled, True
        if is_first and not self._is_polled:
            raise KeyboardInterrupt

    def _watch(self, reader: int, give_up: Callable[[], None]) -> None:
        os.read(reader, 1)
        self._cancelled.set()
        time.sleep(DEADLINE)
        give_up()
