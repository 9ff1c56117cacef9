"""JSON that others wrote: how deep it is nested is known before it is parsed.

Python's parser calls itself for each level, on the stack of its thread. Where that is small, an answer that is nested a
few thousand deep ends the process with a segmentation fault: no exception, no revert, no summary.
"""

import json
import re

DEEPEST = 200
"""Levels of lists and objects. No document that this action reads has more than a handful."""

# A text that has no end takes everything up to the end, so that each character is looked at once.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


class NestingError(ValueError):
    """A document is nested too deeply to be parsed."""

    def __init__(self) -> None:
        super().__init__(f"it is nested too deeply: more than {DEEPEST} levels")


def parse_json(content: str | bytes) -> object:
    """Parse JSON; like Python's parser, this takes NaN and Infinity too.

    Args:
        content: text, or bytes in UTF-8, UTF-16 or UTF-32.

    Raises:
        NestingError: it is nested too deeply.
        ValueError: it is not JSON, or has a number of thousands of digits.
    """
    text = content if isinstance(content, str) else content.decode(json.detect_encoding(content))
    check_nesting(text)
    parsed: object = json.loads(text)
    return parsed


def check_nesting(text: str) -> None:
    """Make sure that a text is not nested too deeply to be parsed as JSON.

    Raises:
        NestingError: it is.
    """
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth = 0
    for token in _TOKEN.finditer(text):
        match token[0][0]:
            case "[" | "{":
                depth += 1
                if depth > DEEPEST:
                    raise NestingError
            case "]" | "}":
                depth -= 1
