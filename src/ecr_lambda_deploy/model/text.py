"""What others wrote, made fit for messages: it has a bound, can be written as UTF-8, and only looks as it reads."""

import re
from collections.abc import Sequence

LONGEST = 10_000
"""Characters of one text of others in a message."""


# A colour, or the like. All else that a terminal obeys begins with a control character [ECMA-48, 5.4 and 8.3.117].
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")


def bounded(text: str, longest: int = LONGEST) -> str:
    """Return a text of so many characters at most, and say of how many it is where it was longer."""
    return writable(text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)")


def writable(text: str) -> str:
    """Return a text that can be written as UTF-8.

    JSON and names of files can have half a surrogate pair in a text, which no file and no log takes: a question mark
    stands for it.
    """
    return text.encode(errors="replace").decode()


def printable(text: str) -> str:
    r"""Return a text that can be written, and in which nothing is obeyed instead of shown.

    Colours are left out. Any other control character stands there as Python writes it, such as `\x1b`: it could hide
    lines of a log, or write others in their place.
    """
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", _COLOUR.sub("", writable(text)))


def first_line(text: str, longest: int = 200) -> str:
    """Return the first line of a text, and the next where it only announces that; of so many characters at most."""
    lines = [line.strip() for line in text.strip().splitlines()[:2]]
    line = " ".join(lines if lines and lines[0].endswith(":") else lines[:1])
    return line if len(line) <= longest else f"{line[:longest]}…"


def some_of(words: Sequence[str], most: int) -> str:
    """Return the first few of some words, and how many more there are, such as `a, b and 3 more`."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
