"""How many calls a second AWS answers an account in a Region, and waiting so that no more are made.

[Lambda quotas, API requests; Amazon ECR service quotas, rate of API requests; CloudWatch service quotas;
AWS Systems Manager endpoints and quotas; of PutParameter what AWS Support says in terraform-aws-github-runner#2944]
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from threading import Lock, local

from ecr_lambda_deploy.ports.runner import Clock

_CALLS = {
    "lambda:GetFunction": 100,
    "lambda:GetPolicy": 15,
    "lambda:*": 15,  # all others together
    "ecr:PutImage": 10,
    "cloudwatch:DescribeAlarms": 9,
    "ssm:GetParameter": 40,
    "ssm:PutParameter": 3,
}
_PERIOD = 1.06  # seconds; a little more than the second that AWS counts, since calls take different times to get there
_BACK_OFF = 0.25  # seconds; if another client still uses the quota, AWS refuses again, and this one waits again


_FIRST, _RAISED, _USUAL = range(3)  # ranks: the lower comes first


class RequestPriority:
    """Whose requests come first: those of threads that take something back."""

    def __init__(self) -> None:
        self._thread = local()

    @property
    def rank(self) -> int:
        """Rank of this thread's requests: the lower comes first."""
        return getattr(self._thread, "rank", _USUAL)

    @contextmanager
    def raised(self, *, is_urgent: bool) -> Iterator[None]:
        """Within the block this thread's requests come before all usual ones.

        Args:
            is_urgent: whether they come before those of other such blocks, too.
        """
        before, self._thread.rank = self.rank, _FIRST if is_urgent else _RAISED
        try:
            yield
        finally:
            self._thread.rank = before


class RateLimit:
    """Lets no more than so many calls begin within any period.

    The lower rank comes first, and of equals the one that has waited longer. A call counts when it begins: one that
    gives up waiting has taken nothing from the others.

    Args:
        calls: how many.
        clock: an error that its `sleep` raises ends the wait.
        priority: who comes first.
        period: in seconds.
    """

    def __init__(self, calls: int, clock: Clock, priority: RequestPriority, *, period: float = _PERIOD) -> None:
        self._clock, self._priority, self._period = clock, priority, period
        self._lock = Lock()
        self._begun = deque([float("-inf")] * calls, maxlen=calls)
        self._not_before = float("-inf")
        self._numbers = count()
        self._waiting: set[tuple[int, int]] = set()  # the lowest comes first

    def wait(self) -> None:
        """Wait until one more call may begin."""
        ticket = self._priority.rank, next(self._numbers)
        try:
            while (seconds := self._begin(ticket)) > 0:
                self._clock.sleep(seconds)
        finally:
            with self._lock:
                self._waiting.discard(ticket)

    def _begin(self, ticket: tuple[int, int]) -> float:
        """Begin a call if the limit allows; else return in how many seconds it will, unless others come first."""
        with self._lock:
            self._waiting.add(ticket)
            rounds, turn = divmod(sum(other < ticket for other in self._waiting), len(self._begun))
            now = self._clock.now()
            due = max(now, self._not_before, self._begun[turn] + self._period) + rounds * self._period
            if due <= now:
                self._waiting.discard(ticket)
                self._begun.append(now)
            return due - now

    def back_off(self) -> None:
        """Let no call begin for a while: somebody else uses the same quota."""
        with self._lock:
            self._not_before = self._clock.now() + _BACK_OFF


class RateLimits:
    """The limits of one account and Region.

    Args:
        clock: an error that its `sleep` raises ends the wait for a call.
        priority: who comes first.
    """

    def __init__(self, clock: Clock, priority: RequestPriority) -> None:
        self._limits = {name: RateLimit(calls, clock, priority) for name, calls in _CALLS.items()}

    def of(self, service: str, operation: str) -> RateLimit | None:
        """Return the limit that a call counts towards; None for one that is not limited in practice."""
        if (service, operation) == ("lambda", "Invoke"):
            return None
        return self._limits.get(f"{service}:{operation}") or self._limits.get(f"{service}:*")
