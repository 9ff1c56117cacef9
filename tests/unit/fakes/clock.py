"""Time that passes only while somebody sleeps, in a run that may be cancelled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from typing import Literal

from ecr_lambda_deploy.model.errors import CancelledError

Priority = Literal["first", "second", "usual"]


class FakeClock:
    """Time that passes only while somebody sleeps.

    Attributes:
        time: now.
        naps: the seconds that were slept, of `steady` time too.
        cancelled_at: when the runner cancels the run; None if it never does.
    """

    def __init__(self) -> None:
        self.time = 1000.0
        self.naps: list[float] = []
        self.cancelled_at: float | None = None
        self._is_polled = False
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._thread = local()

    def now(self) -> float:
        return self.time

    def later(self, seconds: float, happen: Callable[[], object]) -> None:
        """Have something happen when so many seconds have passed."""
        self._later.append((self.time + seconds, happen))

    def sleep(self, seconds: float) -> None:
        until = self.time + max(seconds, 1e-6)  # as on any machine, time passes even if nobody waits
        if self.priority == "usual" and self.cancelled_at is not None and self.cancelled_at <= until:
            self._pass_until(self.cancelled_at)
            raise CancelledError
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Sleep, whether the run is cancelled or not."""
        self.naps.append(seconds)
        self._pass_until(self.time + max(seconds, 1e-6))

    def _pass_until(self, time: float) -> None:
        for due, happen in sorted(self._later, key=lambda later: later[0]):
            if due <= time:
                self._later.remove((due, happen))
                self.time = max(self.time, due)
                happen()
        self.time = max(self.time, time)

    def cancel(self) -> None:
        """Have the runner cancel the run now; where it does not poll, that interrupts it."""
        self.cancelled_at = self.time
        if not self._is_polled:
            raise KeyboardInterrupt

    @contextmanager
    def polled(self) -> Iterator[None]:
        self._is_polled = True
        try:
            yield
        finally:
            self._is_polled = False

    @property
    def priority(self) -> Priority:
        """Whose requests come first, of this thread's."""
        priority: Priority = getattr(self._thread, "priority", "usual")
        return priority

    @contextmanager
    def undisturbed(self, *, first: bool = True) -> Iterator[None]:
        before, self._thread.priority = self.priority, "first" if first else "second"
        try:
            yield
        finally:
            self._thread.priority = before

    def steady(self) -> "SteadyFakeClock":
        return SteadyFakeClock(self)


class SteadyFakeClock:
    """The same time, that cancelling leaves alone."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.time

    def sleep(self, seconds: float) -> None:
        self._clock.pass_time(seconds)
