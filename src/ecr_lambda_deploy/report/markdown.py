"""Markdown, as GitHub shows it: escaped text, tables, code blocks and alerts."""

import re
import sys
from collections.abc import Iterable, Sequence

from ecr_lambda_deploy.model.text import writable

_OVERHEAD = 400  # bytes of a table around its rows
_MOST_COMMANDS = 100
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&])")
# Where mentions, references to issues, and addresses begin, of which GitHub makes links that no backslash prevents. An
# image by digest is none of these.
_LINK = re.compile(r"(?<!\w)@|@(?!sha256:)|#(?=\d)|:(?=//)|www(?=\.)|GH-(?=\d)", re.IGNORECASE)


def escaped(text: str) -> str:
    """Return text on one line, which Markdown shows as it is; a space without width keeps it from becoming a link."""
    return _LINK.sub(r"\g<0>&#8203;", _SPECIAL.sub(r"\\\1", writable(" ".join(text.split()))))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, most: int = sys.maxsize) -> str:
    """Return a table of as many rows as fit, and the number of rows that do not.

    Args:
        header: the cells of the first row.
        rows: the cells of the other rows, as Markdown.
        most: bytes that the table may have.
    """
    lines = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
    size, left = _OVERHEAD, 0
    for row in rows:
        line = f"| {' | '.join(row)} |"
        size += len(line.encode()) + 1
        if size > most:
            left += 1
        else:
            lines.append(line)
    more = [f"\n{left} more do not fit here; the log has them all."] if left else []
    return "\n".join([*lines, *more])


def code_block(language: str, lines: Iterable[str]) -> str:
    """Return lines as a code block: its fence is longer than any within it."""
    text = writable("\n".join(lines))
    fence = max(["``", *re.findall("`+", text)], key=len) + "`"
    return f"{fence}{language}\n{text}\n{fence}"


def shell_block(commands: Sequence[str]) -> str:
    """Return shell commands as a code block; only the first 100, and the number of the others."""
    more = [f"# and {len(commands) - _MOST_COMMANDS} more"] if len(commands) > _MOST_COMMANDS else []
    return code_block("sh", [*commands[:_MOST_COMMANDS], *more])


def alert(text: str, *, links: Iterable[str] = ()) -> str:
    """Return an alert with a text that other programs may have written, in a code block: it is not Markdown.

    Args:
        text: of the alert.
        links: addresses of help, below it.
    """
    block = code_block("text", re.split(r"\r\n|\r|\n", text))
    help_line = ", ".join(f"<{link}>" for link in links)
    lines = [*block.split("\n"), *([f"Help: {help_line}"] if help_line else [])]
    return "\n".join(["> [!CAUTION]", *(f"> {line}".rstrip() for line in lines)])
