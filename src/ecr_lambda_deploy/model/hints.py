"""What to do, by the reason of a failure."""

import re
from collections.abc import Sequence

Hints = Sequence[tuple[re.Pattern[str], str]]
"""Hints by what a reason says; what says more comes first, since the first that fits counts."""


def hint_for(reason: str, hints: Hints) -> str:
    """Return the hint for a reason; empty if none fits."""
    return next((hint for pattern, hint in hints if pattern.search(reason)), "")
