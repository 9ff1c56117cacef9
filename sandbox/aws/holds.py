"""Calls that are held back, so that a test can act while one is under way."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass, field
from typing import Literal

from sandbox.aws.calls import Call

Moment = Literal["before", "after"]


@dataclass(slots=True, kw_only=True)
class Held:
    """The `nth` next call of a kind, which waits until it is released.

    Attributes:
        what: The kind, for the person who reads.
        matches: Whether a call is of the kind.
        nth: How many calls of the kind are still to come, with the one that is held.
        when: Whether it is held before it takes effect, or with its answer after it succeeded.
    """

    what: str
    matches: Callable[[Call], bool]
    nth: int
    when: Moment
    _reached: "Future[Call]" = field(default_factory=Future)
    _released: "Future[None]" = field(default_factory=Future)

    def reached(self, timeout: float = 60) -> Call:
        """Wait until the call is held, and return it.

        Raises:
            TimeoutError: There was no such call in so many seconds.
        """
        try:
            return self._reached.result(timeout)
        except NotInTime:
            raise TimeoutError(f"{self.what} was not reached in {timeout} s; {self.nth} calls are missing") from None

    def release(self) -> None:
        """Let the call go on; one that is still to come is not held any more."""
        if not self._released.done():
            self._released.set_result(None)

    async def pass_by(self, call: Call, moment: Moment) -> None:
        """Hold a call at this moment if it is the one, until it is released."""
        if moment != self.when or not self.matches(call) or self._released.done():
            return
        self.nth -= 1
        if self.nth == 0:
            self._reached.set_result(call)
            await asyncio.wrap_future(self._released)
