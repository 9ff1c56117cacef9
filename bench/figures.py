"""What was measured, and what is computed from it."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sandbox.aws import Call
from sandbox.aws.calls import calls_in_series, until_served, without_waiting

Way = Literal["action", "pipeline", "floor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run in the order of all runs of a case.

    Attributes:
        way: Whose it is.
        latency: Milliseconds that each call takes.
    """

    way: Way
    latency: int


def in_turns(
    ways: Sequence[Way], latencies: Sequence[int], runs: int, once: Mapping[Way, int] | None = None
) -> list[Turn]:
    """Return the order of a case's runs: the ways in turn, so that what else the machine does befalls all alike.

    Args:
        ways: Their names.
        latencies: Milliseconds.
        runs: How often each is run at each latency.
        once: Ways that are run a single time, with the latency to do it at; left out if that is not among them.
    """
    once = once or {}
    return [
        Turn(way=way, latency=latency)
        for run in range(runs)
        for latency in latencies
        for way in ways
        if way not in once or (run == 0 and once[way] == latency)
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The calls of a run to AWS and to the registry, but for the reads that waited for Lambda.

    Attributes:
        in_series: Calls each of which began only after the one before had ended, until what is deployed serves. A cache
            that is written beside the release does not count.
        all: All calls.
        after_push: As `in_series`, of those that began after the last image was pushed; 0 if none was.
        images: Images that were pushed to the registry.
        put_images: Calls of PutImage: each adds a tag to an image.
    """

    in_series: int
    all: int
    after_push: int
    images: int
    put_images: int

    @classmethod
    def of(cls, calls: Sequence[Call]) -> "Calls":
        """Count the calls of a run."""
        counted = without_waiting(calls)
        served = until_served(counted)
        pushes = [call for call in counted if call.action == "registry:PutManifest" and not _is_of_cache(call)]
        pushed = max((call.ended for call in pushes), default=float("inf"))
        return cls(
            in_series=len(calls_in_series(served)),
            all=len(counted),
            after_push=len(calls_in_series(call for call in served if call.at >= pushed)),
            images=len(pushes),
            put_images=sum(call.action == "PutImage" for call in counted),
        )


def _is_of_cache(call: Call) -> bool:
    return str(call.parameters.get("reference", "")).startswith("cache-")


@dataclass(slots=True, kw_only=True)
class Measured:
    """What a way took in a case on an engine.

    Attributes:
        seconds: Of each run, by the milliseconds that a call took.
        calls: Of the run whose calls were counted; None if they were not.
        peak_memory: Of the run that was watched, in bytes; 0 if none was.
    """

    seconds: dict[int, list[float]] = field(default_factory=dict)
    calls: Calls | None = None
    peak_memory: int = 0

    def median(self, latency: int) -> float | None:
        """Return the median of its runs at a latency; None if there was none."""
        taken = self.seconds.get(latency)
        return statistics.median(taken) if taken else None


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What was measured: a case, on an engine, in a way."""

    case: str
    engine: str
    way: Way


class Figures:
    """All that was measured."""

    def __init__(self) -> None:
        self.measured: dict[Key, Measured] = {}

    def of(self, case: str, engine: str, way: Way) -> Measured:
        """Return what a way took in a case on an engine; nothing, if it was not measured."""
        return self.measured.get(Key(case, engine, way), Measured())

    def to_add_to(self, case: str, engine: str, way: Way) -> Measured:
        """Return the same to be added to."""
        return self.measured.setdefault(Key(case, engine, way), Measured())

    def engines(self) -> list[str]:
        """Return the engines on which anything was measured, in that order."""
        return list(dict.fromkeys(key.engine for key in self.measured))

    def latencies(self, case: str, engine: str) -> list[int]:
        """Return the latencies at which anything ran in a case, in order."""
        return sorted(
            {
                latency
                for key, measured in self.measured.items()
                if (key.case, key.engine) == (case, engine)
                for latency in measured.seconds
            }
        )

    def ratio(self, case: str, engine: str, latency: int, *, to: Way = "pipeline") -> float | None:
        """Return how long the action took for each second of another way; None if one of them did not run.

        Args:
            case: The case.
            engine: The engine.
            latency: Milliseconds.
            to: The other way.
        """
        return ratio(self.of(case, engine, "action").median(latency), self.of(case, engine, to).median(latency))


def ratio(one: float | None, other: float | None) -> float | None:
    """Return how many times the other one is in the one; None if one of them is not known."""
    return one / other if one is not None and other else None
