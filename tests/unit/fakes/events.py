"""Calls to the outside as events: a test says what happens at one, and which call is refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Generic, TypeVar

Event = str | tuple[object, ...]
"""A call by its name; or by its name and what it asks for: `("update_code", NEW)`, `("point_alias", "7", "8=0.1")`.

`("read", 3)`, with a number, is the third call of that name, whatever it asks for. That is for tests that go through
all calls of a run; a test of one moment names the event.
"""

T = TypeVar("T")
_RECORDINGS: list["Recording"] = []


class AtEvents(Generic[T]):
    """What a test has prepared for events."""

    def __init__(self) -> None:
        self._there: dict[tuple[object, ...], T] = {}

    def __setitem__(self, event: Event, prepared: T) -> None:
        self._there[_key(event)] = prepared

    def __delitem__(self, event: Event) -> None:
        del self._there[_key(event)]

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        return iter(self._there)

    def clear(self) -> None:
        self._there.clear()

    def at(self, call: str, facts: tuple[object, ...], number: int = 0, *, is_used_up: bool = False) -> T | None:
        """Return what is prepared for a call, if anything is: for its number, for what it asks for, or for its name."""
        for key in ((call, number), _key((call, *facts)), (call,)):
            if key in self._there:
                return self._there.pop(key) if is_used_up else self._there[key]
        return None


def _key(event: Event) -> tuple[object, ...]:
    parts = (event,) if isinstance(event, str) else event
    return tuple(part if isinstance(part, int) else str(part) for part in parts)


class Recording:
    """A port that keeps the names of its calls, and lets a test act on any of them.

    What is prepared for one event has to happen: the test fails at its end if the event has not come.

    Attributes:
        before: what happens just before a call, once.
        after: what happens once a call has taken effect, once: mostly, its answer is lost.
        whenever: what happens before each such call.
        refusals: the error that each such call ends with.
        calls: the names of all calls, in order, of all ports that share the list.
    """

    def __init__(self, calls: list[str] | None = None) -> None:
        self.before = AtEvents[Callable[[], object]]()
        self.after = AtEvents[Callable[[], object]]()
        self.whenever = AtEvents[Callable[[], object]]()
        self.refusals = AtEvents[BaseException]()
        self.calls: list[str] = [] if calls is None else calls
        self._lock = Lock()
        self._is_unnoticed = False
        _RECORDINGS.append(self)

    def enter(self, call: str, *facts: object) -> None:
        """Note a call; what is to happen before it happens, and it is refused if it is to be."""
        if not self._is_unnoticed:
            with self._lock:
                self.calls.append(call)
                once = self.before.at(call, facts, self.calls.count(call), is_used_up=True)
            for happen in (once, self.whenever.at(call, facts)):
                if happen:
                    happen()
        if refusal := self.refusals.at(call, facts):
            raise refusal

    def leave(self, call: str, *facts: object) -> None:
        """Have the answer of a call that has taken effect on its way."""
        with self._lock:
            happen = self.after.at(call, facts, self.calls.count(call), is_used_up=True)
        if happen:
            happen()

    @contextmanager
    def unnoticed(self) -> Iterator[None]:
        """Within the block calls are the test's own: they are not kept, and nothing happens at them."""
        self._is_unnoticed = True
        try:
            yield
        finally:
            self._is_unnoticed = False


def raising(error: BaseException) -> Callable[[], None]:
    """Return what ends a call with an error, where it happens just before it, or just after it."""

    def refuse() -> None:
        raise error

    return refuse


@contextmanager
def every_event_comes() -> Iterator[None]:
    """Make sure that what a test prepares within the block, for one event, has happened by its end."""
    outer = _RECORDINGS.copy()
    _RECORDINGS.clear()
    yield
    left = [event for port in _RECORDINGS for event in (*port.before, *port.after)]
    _RECORDINGS[:] = outer
    if left:
        raise AssertionError(f"these events have not come: {left}")
