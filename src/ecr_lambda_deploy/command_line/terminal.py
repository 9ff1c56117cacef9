"""The log of a terminal: headings in place of groups, and no runner that obeys commands or hides secrets."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ecr_lambda_deploy.github.actions import Console
from ecr_lambda_deploy.model.text import printable

_COLOURS = {
    "error": "\x1b[31m",
    "warning": "\x1b[33m",
    "notice": "\x1b[36m",
    "heading": "\x1b[1m",
}  # [ECMA-48, 8.3.117]
_PLAIN = "\x1b[0m"
_SECRET = "***"  # noqa: S105 # what stands for one
_SHORTEST = 4  # characters; a shorter secret is in too many words


class Terminal(Console):
    """Writes progress to standard error, and the answer to standard output, without secrets.

    Args:
        has_colours: whether standard error shows them.
    """

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Print a heading above the lines that are printed within the block."""
        self._write(self._coloured(printable(title), "heading"))
        yield

    @contextmanager
    def verbatim(self) -> Iterator[None]:
        """Within the block, other programs wrote what is printed: a terminal takes no line for a command."""
        yield

    def info(self, message: str) -> None:
        """Print lines."""
        self._write(printable(message))

    def mask(self, secret: str) -> None:
        """Print `***` in place of each line of a secret from here on, also without its outer blanks."""
        with self._lock:
            for line in secret.splitlines():
                self._masked |= {
                    form for form in (line, line.strip(), printable(line)) if len(form.strip()) >= _SHORTEST
                }

    def answer(self, text: str) -> None:
        """Print the answer to standard output."""
        sys.stdout.write(f"{self.redacted(printable(text))}\n")
        sys.stdout.flush()

    def redacted(self, text: str) -> str:
        """Return a text with `***` in place of what is secret in it."""
        with self._lock:
            for secret in sorted(self._masked, key=len, reverse=True):
                text = text.replace(secret, _SECRET)
        return text

    def _annotate(self, kind: str, message: str, properties: Mapping[str, str]) -> None:
        place = ":".join(properties[name] for name in ("file", "line") if name in properties)
        title = properties.get("title", "") if kind == "error" else ""
        head = f"{kind}: {f'{place}: ' if place else ''}"
        lines = [f"{head}{title}", message] if title else [f"{head}{message}"]
        self._write("\n".join([self._coloured(printable(lines[0]), kind), *map(printable, lines[1:])]))

    def _coloured(self, text: str, kind: str) -> str:
        return f"{_COLOURS[kind]}{text}{_PLAIN}" if self._has_colours else text

    def _write(self, text: str) -> None:
        with self._lock:
            sys.stderr.write(f"{self.redacted(text)}\n")
            sys.stderr.flush()


def shows_colours(environment: Mapping[str, str]) -> bool:
    """Whether standard error is a terminal that shows colours, and nobody has asked for none [no-color.org].

    Args:
        environment: of the process.
    """
    return sys.stderr.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
