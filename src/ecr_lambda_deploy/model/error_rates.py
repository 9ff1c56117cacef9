"""The error rates of a canary: of the new version, and of the one before over the same minutes."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

LEAST_INVOCATIONS = 20
"""Of the new version, for its rate to be judged."""

_LEAST_ERRORS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationCounts:
    """Invocations that CloudWatch has counted.

    Attributes:
        invocations: how many.
        errors: how many of them failed.
    """

    invocations: int = 0
    errors: int = 0

    @classmethod
    def sum(cls, counts: Iterable[Self]) -> Self:
        """Return all of them together."""
        several = tuple(counts)
        return cls(
            invocations=sum(one.invocations for one in several),
            errors=sum(one.errors for one in several),
        )

    @property
    def rate(self) -> float:
        """The share of those that failed, between 0 and 1; 0 if there are none."""
        return self.errors / self.invocations if self.invocations else 0.0

    def __str__(self) -> str:
        """Return such as `3 of 1,202 (0.25 %)`."""
        return f"{self.errors:,} of {self.invocations:,} ({self.percent})"

    @property
    def percent(self) -> str:
        """The rate as a percentage, such as `0.25 %`."""
        return f"{self.rate * 100:.3g} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRates:
    """The failed invocations by an alias, since the new version has had traffic, as far as CloudWatch has them.

    Attributes:
        limit: share of the new version's that may fail, between 0 and 1 (input `max-error-rate`).
        new_version: its number.
        new: its invocations.
        old_version: number of the version that served before.
        old: its invocations over the same minutes.
    """

    limit: float
    new_version: str
    new: InvocationCounts = field(default_factory=InvocationCounts)
    old_version: str
    old: InvocationCounts = field(default_factory=InvocationCounts)

    @property
    def is_too_high(self) -> bool:
        """Whether the new version fails too often: after a few invocations, and more often than the one before."""
        new, old = self.new, self.old
        is_as_before = old.errors > 0 and old.rate >= new.rate
        return self.is_judged and new.errors >= _LEAST_ERRORS and new.rate > self.limit and not is_as_before

    @property
    def is_judged(self) -> bool:
        """Whether the new version has had enough invocations for its rate to mean anything."""
        return self.new.invocations >= LEAST_INVOCATIONS

    def __str__(self) -> str:
        """Return a phrase with both rates."""
        if not self.new.invocations:
            return f"CloudWatch has no invocations of version {self.new_version} yet"
        new = f"{self.new.errors:,} of {self.new.invocations:,} invocations ({self.new.percent})"
        judged = "" if self.is_judged else ", too few to judge"
        return f"version {self.new_version} fails in {new}{judged}, version {self.old_version} in {self.old}"
