"""Lists: one item a line in a text, or as YAML has them.

The text is read as docker/build-push-action reads its lists (`Util.getInputList`): as CSV, whose quotes let an item
begin with a quote. Only a line feed ends a line, and what Unicode calls a separator is a character like others: a
branch's name may hold it.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

CONTROLS = r"\x00-\x08\x0a-\x1f\x7f-\x9f"
"""The control characters but the tab, for a set in a regular expression."""

_CONTROL = re.compile(f"[{CONTROLS}]")
_QUOTED = re.compile(r'"(?P<text>(?:[^"]|"")*)"')


class Item(NamedTuple):
    """An item of a list.

    Attributes:
        place: in words, such as `line 3`.
        text: without blanks around it; may be empty.
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
    for number, line in enumerate(re.split(r"\r?\n", given), 1):
        place, text = f"line {number}", line.strip(" \t")
        if not text.startswith('"'):
            yield _item(place, text)
        elif found := _QUOTED.fullmatch(text):
            yield _item(place, found["text"].replace('""', '"'))
        else:
            yield Item(place, "", "begins with a quote, which does not end at the end of the line")


def _item(place: str, text: str) -> Item:
    found = _CONTROL.search(text)
    return Item(place, text.strip(" \t"), f"has the control character {name_of(found[0])}" if found else "")


def name_of(character: str) -> str:
    """Return such as `U+0085`."""
    return f"U+{ord(character):04X}"
