"""Lists: one item a line in a text, or as YAML has them.

The text is read as docker/build-push-action reads its lists (`Util.getInputList`): as CSV, whose quotes let an item
begin with a quote, and span lines. Only a line feed ends a line, and what Unicode calls a separator is a character like
others: a branch's name may hold it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

CONTROLS = r"\x00-\x08\x0a-\x1f\x7f-\x9f"
"""The control characters but the tab, for a set in a regular expression."""

_CONTROL = re.compile(f"[{CONTROLS}]")
_OTHER_CONTROL = re.compile(rf"(?!\n)[{CONTROLS}]")
_QUOTED = re.compile(r'[ \t]*"(?P<text>(?:[^"]++|"")*+)"[ \t]*(?=\n|\Z)')
_LINE = re.compile(r"[^\n]*")


class Item(NamedTuple):
    """An item of a list.

    Attributes:
        place: in words, such as `line 3`.
        text: without blanks around it; may be empty. One that was quoted may span lines.
        wrong: what is wrong with it, in words that follow its place; empty if it is right.
    """

    place: str
    text: str
    wrong: str


def items_of(given: str | Sequence[str]) -> Iterator[Item]:
    """Yield the items of a list in order, empty ones included.

    Args:
        given: a text with one item a line, or the items themselves, to which quotes mean nothing.
    """
    if not isinstance(given, str):
        for number, text in enumerate(given, 1):
            yield _item(f"item {number}", text)
        return
    text, position, number = given.replace("\r\n", "\n"), 0, 1
    while position <= len(text):
        quoted, place = _QUOTED.match(text, position), f"line {number}"
        found = quoted or _LINE.match(text, position)
        if found is None:
            raise AssertionError("a line may be empty")
        if quoted:
            yield _item(place, quoted["text"].replace('""', '"'), wrong=_OTHER_CONTROL)
        elif found[0].lstrip(" \t").startswith('"'):
            yield Item(place, "", "begins with a quote, which does not end at the end of a line")
        else:
            yield _item(place, found[0])
        number += found[0].count("\n") + 1
        position = found.end() + 1


def _item(place: str, text: str, *, wrong: re.Pattern[str] = _CONTROL) -> Item:
    found = wrong.search(text)
    return Item(place, text.strip(" \t\n"), f"has the control character {name_of(found[0])}" if found else "")


def name_of(character: str) -> str:
    """Return such as `U+0085`."""
    return f"U+{ord(character):04X}"
