"""Watches the error rates of a canary: of the new version, and of the one before over the same minutes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ecr_lambda_deploy.model.error_rates import ErrorRates, InvocationCounts
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.ports.functions import AliasInvocations, Metrics
from ecr_lambda_deploy.ports.runner import Clock

INTERVAL = 30.0
"""Seconds between two reads: Lambda tells CloudWatch once a minute [Lambda Developer Guide, CloudWatch metrics]."""

# In seconds.
_FRESH = 1.0
_MINUTE = 60.0
_LATENESS = 120.0

_Minutes = Mapping[float, InvocationCounts]


@dataclass(slots=True, kw_only=True)
class ErrorWatch:
    """A watch that begins when the new version gets traffic.

    Attributes:
        function: the function's name.
        alias: whose invocations count.
        rates: as they were last read.
        metrics: gives them.
        clock: time.
        began: when the new version got traffic.
        moved: when the alias had moved, so that all its invocations are of the new version; None before.
    """

    function: str
    alias: str
    rates: ErrorRates
    metrics: Metrics
    clock: Clock
    began: float = field(init=False)
    moved: float | None = None

    def __post_init__(self) -> None:
        """Begin now."""
        self.began = self.clock.now()

    def check(self, *, is_end: bool) -> None:
        """Make sure that the new version does not fail too often.

        Args:
            is_end: whether the time of a step is over: what is not known yet is not waited for.

        Raises:
            CancelledError: the run was cancelled.
            DeployError: it does, or CloudWatch may not be asked.
        """
        new = AliasInvocations(function=self.function, alias=self.alias, version=self.rates.new_version)
        old = replace(new, version=self.rates.old_version)
        every = replace(new, version="")
        wanted = [new, old] if self.moved is None else [new, old, every]
        known = self.metrics.invocations(wanted, since=self.began - _MINUTE, max_age=_FRESH if is_end else INTERVAL)
        served_new, served_old = self._served_by_new(known[new], known.get(every, {})), self._within(known[old])
        if not is_end:
            until = max(served_old, default=self.began - _MINUTE)
            served_new = {at: counts for at, counts in served_new.items() if at <= until or not self._may_be_late(at)}
        self.rates = replace(
            self.rates,
            new=InvocationCounts.sum(served_new.values()),
            old=InvocationCounts.sum(served_old.values()),
        )
        if self.rates.is_too_high:
            raise self._error()

    def _served_by_new(self, by_version: _Minutes, by_alias: _Minutes) -> _Minutes:
        """Return what the new version served.

        An alias without weights may have no metrics by version. From the first whole minute on in which it points to
        the new version, all its invocations are of that.
        """
        moved = self.moved
        if moved is None:
            return self._within(by_version)
        before = {at: counts for at, counts in by_version.items() if at < moved}
        return self._within(before | {at: counts for at, counts in by_alias.items() if at >= moved})

    def _within(self, minutes: _Minutes) -> _Minutes:
        """Return the minutes since the new version has had traffic; it got that within the first of them."""
        return {at: counts for at, counts in minutes.items() if at > self.began - _MINUTE}

    def _may_be_late(self, at: float) -> bool:
        """Whether the version before had its share of a minute, and CloudWatch may still be about to show it."""
        had_share = self.moved is None or at < self.moved
        return had_share and self.clock.now() < at + _MINUTE + _LATENESS

    def _error(self) -> DeployError:
        return DeployError(
            f"The error rate is above {self.rates.limit * 100:g} %: {self.rates}.",
            f"The function's log says why version {self.rates.new_version} fails. To release in spite of it, leave out "
            "the input 'max-error-rate', or raise it.",
            topic="error-rate",
        )
