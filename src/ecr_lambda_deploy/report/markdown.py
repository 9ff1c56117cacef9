"""Markdown, as GitHub shows it: escaped text, tables, code blocks and alerts."""

import re
import sys
import textwrap
from collections.abc import Iterable, Sequence

from ecr_lambda_deploy.model.text import writable
from ecr_lambda_deploy.report.results import Style

_OVERHEAD = 400  # bytes of a table around its rows
_MOST_COMMANDS = 100
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|~&])")
# Where mentions, references to issues, and addresses begin, of which GitHub makes links that no backslash prevents. An
# image by digest is none of these.
_LINK = re.compile(r"(?<!\w)@|@(?!sha256:)|#(?=\d)|:(?=//)|www(?=\.)|GH-(?=\d)", re.IGNORECASE)


def escaped(text: str) -> str:
    """Return text on one line, which Markdown shows as it is; a space without width keeps it from becoming a link."""
    return _LINK.sub(r"\g<0>&#8203;", _SPECIAL.sub(r"\\\1", writable(" ".join(text.split()))))


_PLAIN_CODE = re.compile(r"[\w$.:/@+=,…-]+(?: [\w$.:/@+=,…-]+)*", re.ASCII)
_QUOTED = re.compile(r"`([^`\n]+)`|'([a-z][a-z-]*(?:: [a-z]+)?)'(?!\w)")  # code, or an input as messages have it
_WIDTH = 110  # characters of a line that GitHub shows without scrolling


def code(text: str) -> str:
    """Return text on one line as code; no link or mention is made of it."""
    line = writable(" ".join(text.split()))
    return f"`{line}`" if _PLAIN_CODE.fullmatch(line.replace("…", ".")) else f"<code>{escaped(line)}</code>"


MARKDOWN = Style(code=code, text=escaped)
"""For the summary."""


def advice(text: str) -> str:
    """Return a hint, in which what is quoted is code, and lines after the first are a code block."""
    first, _, rest = text.partition("\n")
    pieces, at = list[str](), 0
    for quoted in _QUOTED.finditer(first):
        pieces += [_escaped_within(first[at : quoted.start()]), code(quoted[1] or quoted[2])]
        at = quoted.end()
    line = "".join([*pieces, _escaped_within(first[at:])]).strip()
    shown = [part for text in rest.split("\n") for part in _shown_below(text)]
    return "\n\n".join([line, code_block("text", shown)]) if rest.strip() else line


def _shown_below(text: str) -> list[str]:
    """Return a line of a hint as it is shown: a command stays one, and can be pasted."""
    return on_lines(text).split("\n") if text.startswith("aws ") else wrapped(text)


def _escaped_within(text: str) -> str:
    """Return a part of a line, escaped, with the blanks at its ends."""
    return f"{' ' if text[:1].isspace() else ''}{escaped(text)}{' ' if text.strip() and text[-1:].isspace() else ''}"


def wrapped(text: str, *, most: int = sys.maxsize) -> list[str]:
    """Return the lines of a text, broken at spaces where they are long; no word is broken, which may be a secret.

    Args:
        text: of others.
        most: lines; of more, the last are kept.
    """
    lines = list[str]()
    for line in re.split(r"\r\n|\r|\n", text):
        indent = line[: len(line) - len(line.lstrip())][: _WIDTH // 2]
        lines += textwrap.wrap(
            line,
            _WIDTH,
            subsequent_indent=indent,
            expand_tabs=False,
            replace_whitespace=False,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines if len(lines) <= most else ["…", *lines[-most:]]


def folded(title: str, *parts: str) -> str:
    """Return parts behind a title that opens them; empty if there are none."""
    inner = "\n\n".join(filter(None, parts))
    return f"<details><summary>{title}</summary>\n\n{inner}\n\n</details>" if inner else ""


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
    """Return shell commands as a code block; of many the first 100, below a line that says so."""
    left = len(commands) - _MOST_COMMANDS
    warning = [f"# INCOMPLETE: the first {_MOST_COMMANDS} of {len(commands)} commands"] if left > 0 else []
    return code_block("sh", [*warning, *commands[:_MOST_COMMANDS]])


def on_lines(command: str) -> str:
    """Return a command of the AWS CLI with each option on a line of its own; a description, the last one, is a text."""
    options, description, text = command.partition(" --description ")
    return re.sub(r" (--\w)", r" \\\n  \1", f"{options}{description}") + text


def box(kind: str, *parts: str) -> str:
    """Return an alert.

    Args:
        kind: `CAUTION`, `WARNING` or `NOTE`.
        parts: paragraphs and code blocks.
    """
    lines = "\n\n".join(filter(None, parts)).split("\n")
    return "\n".join([f"> [!{kind}]", *(f"> {line}".rstrip() for line in lines)])
