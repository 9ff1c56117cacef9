"""How many calls a second AWS answers an account in a Region, and waiting so that no more are made.

[Lambda quotas, API requests; Amazon ECR service quotas, rate of API requests]
"""

import time
from collections import deque
from collections.abc import Callable
from threading import Lock

_PERIOD = 1.04  # seconds; a little more than the second that AWS counts, since calls take different times to get there
_BACK_OFF = 1.0  # seconds


class RateLimit:
    """Lets no more than so many calls begin within any period.

    Args:
        calls: how many.
        period: in seconds.
        now: returns seconds since some fixed moment.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        calls: int,
        *,
        period: float = _PERIOD,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._period, self._now, self._sleep = period, now, sleep
        self._lock = Lock()
        self._begun: deque[float] = deque(maxlen=calls)
        self._not_before = 0.0

    def wait(self) -> None:
        """Wait until one more call may begin."""
        with self._lock:
            now = self._now()
            is_full = len(self._begun) == self._begun.maxlen
            begin = max(now, self._not_before, self._begun[0] + self._period if is_full else now)
            self._begun.append(begin)
        if begin > now:
            self._sleep(begin - now)

    def back_off(self) -> None:
        """Let no call begin for a while: somebody else uses the same quota."""
        with self._lock:
            self._not_before = max(self._not_before, self._now() + _BACK_OFF)


class RateLimits:
    """The limits of one account and Region.

    Args:
        sleep: waits for so many seconds; an error that it raises ends the call.
    """

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._get_function = RateLimit(100, sleep=sleep)
        self._lambda = RateLimit(15, sleep=sleep)
        self._put_image = RateLimit(10, sleep=sleep)

    def of(self, service: str, operation: str) -> RateLimit | None:
        """Return the limit that a call counts towards; None for one that nobody here comes near."""
        match service, operation:
            case "lambda", "Invoke":
                return None
            case "lambda", "GetFunction":
                return self._get_function
            case "lambda", _:
                return self._lambda
            case "ecr", "PutImage":
                return self._put_image
            case _:
                return None
