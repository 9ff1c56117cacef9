"""The run as a Gantt chart, which GitHub draws with Mermaid."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ecr_lambda_deploy.model.outcomes import ImageStatus, Journal, ReleaseStatus
from ecr_lambda_deploy.report.causes import causes
from ecr_lambda_deploy.report.markdown import code_block

_MOST_BARS = 40  # of images, and as many of functions: the longest ones
_FEW = 3  # images, and functions, that need no chart
_LONGEST_NAME = 60  # characters
_SYNTAX = re.compile(r"[:;,#%\r\n]+")  # has a meaning in the name of a Mermaid task


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar of the chart.

    Attributes:
        name: what was worked on.
        started: on the run's clock, in seconds.
        seconds: its length.
        has_failed: whether it has a colour of its own.
    """

    name: str
    started: float
    seconds: float
    has_failed: bool = False


def gantt(journal: Journal) -> str:
    """Return the chart as Markdown; empty for three images and functions or fewer: the steps' times say as much."""
    culprits = {name for cause in causes(journal) for name in cause.functions} if journal.errors else set()
    made = {ImageStatus.BUILT, ImageStatus.COPIED, ImageStatus.FAILED}
    # A bar's name begins with the status: a function named `gantt` would otherwise be a keyword of Mermaid.
    images = [
        Bar(
            name=f"{image.status} {image.name}",
            started=image.started,
            seconds=image.seconds,
            has_failed=image.status is ImageStatus.FAILED,
        )
        for image in journal.images
        if image.status in made
    ]
    functions = [
        Bar(
            name=f"{outcome.status} {outcome.function}",
            started=outcome.started,
            seconds=outcome.seconds,
            has_failed=outcome.function in culprits or outcome.status is ReleaseStatus.FAILED,
        )
        for outcome in journal.outcomes
        if outcome.seconds
    ]
    if len(functions) <= _FEW and len(images) <= _FEW:
        return ""
    phases = [Bar(name=phase.title, started=phase.started, seconds=phase.seconds) for phase in journal.phases]
    start = min(bar.started for bar in [*phases, *images, *functions])
    sections = {"Run": phases, "Images": _longest(images), "Functions": _longest(functions)}
    # Times are milliseconds since 1970. The axis shows only their seconds: minutes depend on the reader's time zone
    # [Mermaid documentation, Gantt; d3-time-format].
    lines = ["gantt", "    dateFormat x", "    axisFormat %s s"]
    for title, bars in sections.items():
        if bars:
            lines += [f"    section {title}", *_lines(bars, start)]
    return code_block("mermaid", lines)


def _longest(bars: list[Bar]) -> list[Bar]:
    kept = sorted(bars, key=lambda bar: bar.seconds, reverse=True)[:_MOST_BARS]
    return sorted(kept, key=lambda bar: bar.started)


def _lines(bars: list[Bar], start: float) -> Iterator[str]:
    for bar in bars:
        begin = round(1000 * (bar.started - start))
        end = max(round(1000 * (bar.started + bar.seconds - start)), begin + 1)
        name = _SYNTAX.sub(" ", bar.name)[:_LONGEST_NAME].strip()
        yield f"    {name} :{'crit, ' if bar.has_failed else ''}{begin}, {end}"
