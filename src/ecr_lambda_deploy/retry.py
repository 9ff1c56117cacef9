"""Tries again what fails in passing."""

import time
from collections.abc import Callable
from typing import TypeVar

DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
"""Seconds between one try and the next: a minute in all, which most faults of a network or a registry do not last."""
_T = TypeVar("_T")


class TransientError(Exception):
    """Something failed that may well work a little later."""


def retried(attempt: Callable[[], _T], *, sleep: Callable[[float], None] = time.sleep) -> _T:
    """Return what `attempt` returns, after as many tries as it takes.

    Args:
        attempt: raises TransientError if it is worth another try.
        sleep: waits for so many seconds.

    Raises:
        TransientError: the last try's.
    """
    for delay in DELAYS:
        try:
            return attempt()
        except TransientError:
            sleep(delay)
    return attempt()
