"""GitHub's runner: workflow commands, outputs and the job summary."""

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import RLock
from types import MappingProxyType

from ecr_lambda_deploy.model.errors import SourceLocation
from ecr_lambda_deploy.model.text import printable, writable

# A workflow command begins with `::` at the start of a line, or with `##[` anywhere [actions/runner, ActionCommand].
_COMMAND = re.compile(r"((?:^|[\r\n])[^\S\r\n]*)::")
_LINE_END = re.compile(r"[\r\n]+")  # as the runner reads its input [.NET, TextReader.ReadLine]
_SHORTEST_MASK = 4  # characters; a shorter secret is in too many words of a log

# The runner cuts an annotation at 4,096 characters [actions/runner, ExecutionContext]: of a longer text it gets the
# beginning, and the end, which names the documentation.
_LONGEST_ANNOTATION, _KEPT_OF_THE_BEGINNING, _KEPT_OF_THE_END = 4_096, 2_500, 1_500
# Annotations with warnings and notices. GitHub shows ten of each kind [GitHub Actions documentation, workflow commands;
# actions/toolkit]; `report/annotations.py` has the other half of ten in all, for errors.
_MOST_REMARKS = 5
_TITLE = "ecr-lambda-deploy"  # of an annotation that has none of its own

_RED, _GREEN, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[0m"  # GitHub's log shows them within a line [ECMA-48, 8.3.117]
_LINE = re.compile(r"[^\r\n]+")


class Console:
    """The job's log, and the only writer of standard output.

    It writes and flushes whole lines: a mask that the runner reads too late hides nothing. Texts of others have no
    colours and no other control characters.

    Args:
        has_colours: whether failures and successes have one: see `shows_colours`.
    """

    def __init__(self, *, has_colours: bool = False) -> None:
        self._has_colours = has_colours
        self._masked: set[str] = set()
        self._has_short_secret = False
        self._lock = RLock()  # several threads write
        self._resume_token = ""
        self._verbatim_blocks = 0
        self._remarks = 0

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Group the lines that are printed within the block."""
        self._command("group", printable(title))
        try:
            yield
        finally:
            self._command("endgroup")

    def folded(self, title: str, lines: Iterable[str]) -> None:
        """Print lines as a group, between which no other thread prints."""
        with self._lock, self.group(title):
            for line in lines:
                self.info(line)

    @contextmanager
    def verbatim(self) -> Iterator[None]:
        """Stop workflow commands within the block.

        Annotations and masks of other threads still reach the runner; blocks of several threads are one to the runner
        [GitHub Actions documentation, stopping and starting workflow commands].
        """
        with self._lock:
            if self._verbatim_blocks == 0:
                token = token_hex(16)
                self._command("stop-commands", token)
                self._resume_token = token
            self._verbatim_blocks += 1
        try:
            yield
        finally:
            with self._lock:
                self._verbatim_blocks -= 1
                if self._verbatim_blocks == 0:
                    token, self._resume_token = self._resume_token, ""
                    self._command(token)

    def info(self, message: str) -> None:
        """Print lines, with workflow commands made ineffective: functions and AWS wrote parts of the text."""
        self._write(_shown(message))

    def failure(self, message: str) -> None:
        """Print in red that something has failed, at the moment when it does."""
        self._write_coloured(message, _RED)

    def success(self, message: str) -> None:
        """Print in green that the run has done what it was to do."""
        self._write_coloured(message, _GREEN)

    def notice(self, message: str) -> None:
        """Annotate the run with a notice."""
        self._annotate("notice", message, _properties())

    def warning(self, message: str, location: SourceLocation | None = None) -> None:
        """Annotate the run, or a line of a file, with a warning."""
        self._annotate("warning", message, _properties(location))

    def error(self, message: str, location: SourceLocation | None = None, *, title: str = "") -> None:
        """Annotate the run, or a line of a file, with an error under a title."""
        self._annotate("error", message, _properties(location, title))

    def mask(self, secret: str) -> None:
        """Have the runner replace each line of a secret in the log from here on, also without its outer blanks.

        What is shorter than four characters is not masked, since that would ruin the log.
        """
        lines = [line for line in _LINE_END.split(secret) if line.strip()]
        maskable = [line for line in lines if len(line.strip()) >= _SHORTEST_MASK]
        with self._lock:
            for line in maskable:
                # As `info` prints it, too: it may have to break a command in it.
                for form in (line, line.strip(), _shown(line)):
                    if form not in self._masked:
                        self._masked.add(form)
                        self._command("add-mask", form)
            if lines and not maskable and not self._has_short_secret:
                self._has_short_secret = True
                self.warning(
                    f"A secret of this step is shorter than {_SHORTEST_MASK} characters and is not masked: that would "
                    "replace these characters everywhere in the log. Use a longer one."
                )

    def _annotate(self, kind: str, message: str, properties: Mapping[str, str]) -> None:
        """Annotate the run, or print a line once there are as many warnings and notices as a reader looks at.

        What is too long for an annotation is printed, too.
        """
        message = printable(message).replace("\r\n", "\n").replace("\r", "\n")
        with self._lock:
            if kind != "error":
                self._remarks += 1
                if self._remarks == _MOST_REMARKS:
                    more = "There are more warnings and notices: this step's log has the rest."
                    self._command(kind, more, _properties())
                if self._remarks >= _MOST_REMARKS:
                    self.info(f"{kind.capitalize()}: {message}")
                    return
            if len(message) > _LONGEST_ANNOTATION:
                self.info(message)
                message = f"{message[:_KEPT_OF_THE_BEGINNING]}\n…\n{message[-_KEPT_OF_THE_END:]}"
            self._command(kind, message, properties)

    def _write_coloured(self, message: str, colour: str) -> None:
        shown = _shown(message)
        self._write(_LINE.sub(rf"{colour}\g<0>{_PLAIN}", shown) if self._has_colours else shown)

    def _command(self, name: str, message: str = "", properties: Mapping[str, str] = MappingProxyType({})) -> None:
        """Send the runner a command; within `verbatim`, resume commands for it."""
        from actions_toolkit.command import Command  # in a terminal, where nothing needs it, it may not be there

        command = str(Command(name, dict(properties), message))
        with self._lock:
            if self._resume_token:
                command = f"::{self._resume_token}::\n{command}\n::stop-commands::{self._resume_token}"
            self._write(command)

    def _write(self, text: str) -> None:
        with self._lock:
            sys.stdout.write(f"{writable(text)}\n")
            sys.stdout.flush()


def _properties(location: SourceLocation | None = None, title: str = "") -> dict[str, str]:
    # The toolkit's own functions also send empty properties.
    place = {"file": printable(location.file), "line": str(location.line)} if location else {}
    return {"title": printable(title) or _TITLE, **place}


def _shown(text: str) -> str:
    """Return a text as the log has it."""
    return _without_commands(printable(text))


def _without_commands(text: str) -> str:
    """Return a text of which the runner takes no line for a command."""
    return _COMMAND.sub(r"\1: :", text).replace("##[", "## [")


def shows_colours(environment: Mapping[str, str]) -> bool:
    """Whether the log is GitHub's, which shows colours, and nobody has asked for none [no-color.org].

    Args:
        environment: of the step.
    """
    return environment.get("GITHUB_ACTIONS") == "true" and not environment.get("NO_COLOR")


def write_outputs(outputs: Mapping[str, str]) -> None:
    """Write the step's outputs to the file that GITHUB_OUTPUT names.

    Raises:
        Exception: the file does not exist; the toolkit has no exception class of its own.
    """
    from actions_toolkit.file_command import issue_file_command, prepare_key_value_message

    for name, value in outputs.items():
        issue_file_command("OUTPUT", prepare_key_value_message(name, writable(value)))


def write_summary(markdown: str, path: str) -> None:
    """Append Markdown to the job summary.

    Args:
        markdown: of the summary.
        path: the value of GITHUB_STEP_SUMMARY.
    """
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(writable(markdown) + os.linesep)
