"""Retries what failed temporarily."""

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0)
"""Seconds between attempts: one minute in all, longer than most faults of a network or registry last."""

_T = TypeVar("_T")


class TransientError(Exception):
    """An attempt failed, and the next one may succeed."""


def retried(
    attempt: Callable[[], _T], *, sleep: Callable[[float], None] = time.sleep, delays: Sequence[float] = DELAYS
) -> _T:
    """Return the result of the first attempt that succeeds.

    Args:
        attempt: raises TransientError to be called again.
        sleep: waits for so many seconds.
        delays: seconds between attempts.

    Raises:
        TransientError: the last attempt failed.
    """
    for delay in delays:
        try:
            return attempt()
        except TransientError:
            sleep(delay)
    return attempt()
