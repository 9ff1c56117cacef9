"""The machine's time, and the runner's signals, which cut waiting short."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Timer
from types import FrameType

from ecr_lambda_deploy.errors import CancelledError

DEADLINE = 5.5
"""Seconds from the first signal to the end.

The runner sends SIGINT, SIGTERM 7.5 s later, and 2.5 s after that it kills the docker client, which would leave the
container running on its own.
"""


class SystemClock:
    """Time; a cancelled run ends where it sleeps."""

    def __init__(self) -> None:
        self._cancelled = Event()
        self._is_polled = False

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait.

        Raises:
            CancelledError: the run is cancelled, at once.
        """
        if self._cancelled.wait(seconds):
            raise CancelledError

    def steady(self) -> "SteadyClock":
        """Return the same time with a `sleep` that cancelling does not cut short."""
        return SteadyClock()

    @property
    def is_cancelled(self) -> bool:
        """Whether the runner wants the run to end."""
        return self._cancelled.is_set()

    @contextmanager
    def polled(self) -> Iterator[None]:
        """Within the block cancelling is told by `sleep` alone; elsewhere it interrupts whatever is done."""
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

        def cancel(_number: int, _frame: FrameType | None) -> None:
            if self._cancelled.is_set():
                return  # the second signal asks for nothing more
            self._cancelled.set()
            timer = Timer(DEADLINE, give_up)
            timer.daemon = True
            timer.start()
            if not self._is_polled:
                raise KeyboardInterrupt

        # As process 1 of a container Python ignores SIGTERM unless it is told otherwise.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, cancel)


class SteadyClock:
    """Time that cancelling leaves alone."""

    def now(self) -> float:
        """Return seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
