"""Calls that are held, so that a test can act while one is in flight."""

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
        what: The kind, for the error message.
        matches: Whether a call is of the kind.
        nth: Calls of the kind that are still expected, including the one to hold.
        when: `before` it takes effect, or `after` it succeeded, before it is answered.
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
            TimeoutError: No such call came within `timeout` seconds.
        """
        try:
            return self._reached.result(timeout)
        except NotInTime:
            raise TimeoutError(f"{self.what} was not reached in {timeout} s; {self.nth} calls are missing") from None

    def release(self) -> None:
        """Let the call continue; one that has not come yet is not held."""
        if not self._released.done():
            self._released.set_result(None)

    async def pass_by(self, call: Call, moment: Moment) -> None:
        """Hold the call until it is released, if it is the expected one at the expected moment."""
        if moment != self.when or not self.matches(call) or self._released.done():
            return
        self.nth -= 1
        if self.nth == 0:
            self._reached.set_result(call)
            await asyncio.wrap_future(self._released)
