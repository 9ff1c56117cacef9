"""What the action is meant to take, beside what was seen."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.figures import Figures, ratio
from bench.place import Kind
from bench.scale import Phase

ENGINES: tuple[Kind, Kind] = ("20.10", "current")
_SERIES = {"nothing": ("nothing changed", 2), "code": ("code only", 17), "alias": ("by alias", 19)}
_MOST_AFTER_PUSH = 6
_RATIOS = {0: {"code": 0.55, "alias": 0.40, "nothing": 0.25}, 100: {"code": 0.75, "alias": 0.60, "nothing": 0.20}}
_MOST_OF_SINGLE = 1.5
_LEAST_OF_LIMIT = 0.9
# Why a target may be missed. GetFunction of an alias does not show what `$LATEST` has, nor the other way round.
_STARTS = "container, Python and buildx have to start, and the way of an image into the registry is the same for both"
_CACHE = f"{_STARTS}; on this engine the build cache is written into the repository, too"
_READS = "60 functions with an alias are 120 calls of GetFunction, and Lambda allows 100 a second"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A target, and what was seen.

    Attributes:
        what: What is meant.
        wanted: The target, in words.
        seen: What was seen, in words.
        is_met: Whether it was met.
        reason: What is known to cost the time where it is missed, and what was tried.
    """

    what: str
    wanted: str
    seen: str
    is_met: bool
    reason: str = ""


def targets(figures: Figures, phases: Sequence[Phase]) -> list[Target]:
    """Return the targets of what was measured; one of which nothing was measured is left out."""
    return [*_calls(figures), *_ratios(figures), *_many(figures), *_scale(phases)]


def _calls(figures: Figures) -> Iterator[Target]:
    for engine in ENGINES:
        for case, (name, most) in _SERIES.items():
            if calls := figures.of(case, engine, "action").calls:
                yield _at_most(f"Calls in series, {name}, engine {engine}", calls.in_series, most)
        if calls := figures.of("alias", engine, "action").calls:
            yield _at_most(
                f"Calls in series after the push, by alias, engine {engine}", calls.after_push, _MOST_AFTER_PUSH
            )
    old, current = (figures.of("alias", engine, "action").calls for engine in ENGINES)
    if old and current:
        yield Target(
            what="Calls in series, by alias: fewer on the current engine than on 20.10",
            wanted=f"< {old.in_series}",
            seen=str(current.in_series),
            is_met=current.in_series < old.in_series,
        )


def _ratios(figures: Figures) -> Iterator[Target]:
    for engine in ENGINES:
        reason = _CACHE if engine == "current" else _STARTS
        for latency, cases in _RATIOS.items():
            for case, most in cases.items():
                seen = figures.ratio(case, engine, latency)
                if seen is not None:
                    what = f"Action / pipeline, {_SERIES[case][0]}, {latency} ms a call, engine {engine}"
                    yield Target(
                        what=what,
                        wanted=f"≤ {most:.2f}",
                        seen=f"{seen:.2f}",
                        is_met=round(seen, 2) <= most,
                        reason=reason,
                    )


def _many(figures: Figures) -> Iterator[Target]:
    for engine in ENGINES:
        for latency in figures.latencies("many60", engine):
            many, single = (figures.of(case, engine, "action").median(latency) for case in ("many60", "alias"))
            seen = ratio(many, single)
            if seen is not None:
                yield Target(
                    what=f"60 images with one changed / a single deploy, {latency} ms a call, engine {engine}",
                    wanted=f"≤ {_MOST_OF_SINGLE:.2f}",
                    seen=f"{seen:.2f}",
                    is_met=round(seen, 2) <= _MOST_OF_SINGLE,
                    reason=_READS,
                )
        if calls := figures.of("many60", engine, "action").calls:
            what = f"PutImage, 60 images with one changed, engine {engine}"
            yield Target(what=what, wanted="1", seen=str(calls.put_images), is_met=calls.put_images == 1)
        if calls := figures.of("many12", engine, "action").calls:
            what = f"Images built after a change of one service in a shared context, engine {engine}"
            yield Target(what=what, wanted="1", seen=str(calls.images), is_met=calls.images == 1)


def _scale(phases: Sequence[Phase]) -> Iterator[Target]:
    for phase in phases:
        if phase.name != "nothing to do" or not phase.rates:
            continue
        name, rate = max(phase.rates.items(), key=lambda item: item[1].share)
        yield Target(
            what=f"Many functions{', by alias' if phase.alias else ''}, nothing to do: share of the limit on {name}",
            wanted=f"≥ {_LEAST_OF_LIMIT:.0%}",
            seen=f"{rate.share:.0%}",
            is_met=rate.share >= _LEAST_OF_LIMIT,
        )


def _at_most(what: str, seen: int, most: int) -> Target:
    return Target(what=what, wanted=f"≤ {most}", seen=str(seen), is_met=seen <= most)
