"""Time that passes only while somebody sleeps, in a run that may be cancelled."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import local
from typing import Literal

from ecr_lambda_deploy.model.errors import CancelledError

Level = Literal["first", "second", "usual"]


class FakeClock:
    """Time that passes only while somebody sleeps.

    Attributes:
        time: now.
        naps: the seconds that were slept.
        cancelled_at: when the runner cancels the run; None if it never does.
    """

    def __init__(self) -> None:
        self.time = 1000.0
        self.naps: list[float] = []
        self.cancelled_at: float | None = None
        self.is_polled = False
        self._later: list[tuple[float, Callable[[], object]]] = []
        self._thread = local()

    def now(self) -> float:
        return self.time

    def later(self, seconds: float, happen: Callable[[], object]) -> None:
        """Have something happen when so many seconds have passed."""
        self._later.append((self.time + seconds, happen))

    def sleep(self, seconds: float) -> None:
        until = self.time + max(seconds, 1e-6)  # as on any machine, time passes even if nobody waits
        if not self.is_shielded and self.cancelled_at is not None and self.cancelled_at <= until:
            self._pass_until(self.cancelled_at)
            raise CancelledError
        self.pass_time(seconds)

    def pass_time(self, seconds: float) -> None:
        """Sleep, whether the run is cancelled or not."""
        self.naps.append(seconds)
        self._pass_until(self.time + max(seconds, 1e-6))

    def pass_moment(self) -> None:
        """Let a moment go by, as it does on any machine between two steps."""
        self._pass_until(self.time + 1e-6)

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
        if not self.is_polled:
            raise KeyboardInterrupt

    @property
    def is_shielded(self) -> bool:
        """Whether cancelling ends nothing that this thread does."""
        return getattr(self._thread, "is_shielded", False)

    @is_shielded.setter
    def is_shielded(self, value: bool) -> None:
        self._thread.is_shielded = value


class FakeCancelling:
    """Whether the run is cancelled, as its clock says."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock

    def check(self) -> None:
        if self._clock.is_shielded:
            return
        self._clock.pass_moment()
        if self._clock.cancelled_at is not None and self._clock.cancelled_at <= self._clock.time:
            raise CancelledError

    @contextmanager
    def shield(self) -> Iterator[None]:
        before, self._clock.is_shielded = self._clock.is_shielded, True
        try:
            yield
        finally:
            self._clock.is_shielded = before

    @contextmanager
    def polled(self) -> Iterator[None]:
        self._clock.is_polled = True
        try:
            yield
        finally:
            self._clock.is_polled = False


class FakePriority:
    """Whose requests come first."""

    def __init__(self) -> None:
        self._thread = local()

    @property
    def level(self) -> Level:
        """Of the requests of this thread."""
        level: Level = getattr(self._thread, "level", "usual")
        return level

    @contextmanager
    def raised(self, *, is_urgent: bool) -> Iterator[None]:
        before, self._thread.level = self.level, "first" if is_urgent else "second"
        try:
            yield
        finally:
            self._thread.level = before
