"""What was seen, as a summary for GitHub."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How what was seen compares with what the action relies on."""

    AS_ASSUMED = "as assumed"
    OTHERWISE = "**otherwise**"
    RECORDED = "recorded"
    NOT_ASKED = "could not be asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was seen of one scenario or fact.

    Attributes:
        name: of the scenario or fact.
        assumed: what the action, or the sandbox, relies on.
        text: what was seen, in AWS's own words where it refused.
        verdict: of the comparison.
    """

    name: str
    assumed: str
    text: str
    verdict: Verdict


def summary(seen: Sequence[Seen], left: Sequence[str]) -> str:
    """Return Markdown for the job's summary.

    Args:
        seen: scenarios and facts, in order.
        left: what could not be removed.
    """
    rows = [f"| {one.name} | {one.assumed} | {_cell(one.text)} | {one.verdict} |" for one in seen]
    lines = ["### The action against AWS", "", "| | Assumed | Seen | |", "| --- | --- | --- | --- |", *rows]
    if left:
        lines += ["", "**Left behind; remove it by hand:**", "", *(f"- {_cell(one)}" for one in left)]
    return "\n".join([*lines, ""])


def is_good(seen: Sequence[Seen], left: Sequence[str]) -> bool:
    """Whether everything was as assumed and is removed again; what AWS did not let be asked does not count."""
    return not left and all(one.verdict is not Verdict.OTHERWISE for one in seen)


def _cell(text: str) -> str:
    return "`" + " ".join(text.split()).replace("|", "¦").replace("`", "'") + "`"
