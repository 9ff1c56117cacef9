"""GitHub's runner: workflow commands, the OIDC token, outputs and the job summary."""

import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from threading import RLock
from types import MappingProxyType

from actions_toolkit.command import Command
from actions_toolkit.file_command import issue_file_command, prepare_key_value_message

from ecr_lambda_deploy.model.errors import SourceLocation

# A workflow command begins with `::` at the start of a line, or with `##[` anywhere [actions/runner, ActionCommand].
_COMMAND = re.compile(r"((?:^|[\r\n])[^\S\r\n]*)::")
_MOST_ANNOTATIONS = 10  # of each kind in a step [GitHub Actions documentation, workflow commands; actions/toolkit]


class Console:
    """The job's log. It writes and flushes whole lines: a mask that the runner reads too late hides nothing."""

    def __init__(self) -> None:
        self._masked: set[str] = set()
        self._lock = RLock()  # several threads write
        self._resume_token = ""
        self._annotations: Counter[str] = Counter()

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Group the lines that are printed within the block."""
        self._command("group", title)
        try:
            yield
        finally:
            self._command("endgroup")

    @contextmanager
    def verbatim(self) -> Iterator[None]:
        """Stop workflow commands within the block.

        Annotations and masks still reach the runner [GitHub Actions documentation, stopping and starting workflow
        commands].
        """
        token = token_hex(16)
        with self._lock:
            self._command("stop-commands", token)
            self._resume_token = token
        try:
            yield
        finally:
            with self._lock:
                self._resume_token = ""
                self._command(token)

    def info(self, message: str) -> None:
        """Print lines, with workflow commands made ineffective: functions and AWS wrote parts of the text."""
        self._write(_COMMAND.sub(r"\1: :", message).replace("##[", "## ["))

    def notice(self, message: str) -> None:
        """Annotate the run with a notice."""
        self._annotate("notice", message)

    def warning(self, message: str) -> None:
        """Annotate the run with a warning."""
        self._annotate("warning", message)

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        """Annotate the run, or a line of a file, with an error."""
        # The toolkit's own functions also send empty properties.
        self._annotate("error", message, {"file": location.file, "line": str(location.line)} if location else {})

    def mask(self, secret: str) -> None:
        """Have the runner mask each line of a secret in the log from now on."""
        for line in secret.splitlines():
            with self._lock:
                if line and line not in self._masked:
                    self._masked.add(line)
                    self._command("add-mask", line)

    def _annotate(self, kind: str, message: str, properties: Mapping[str, str] = MappingProxyType({})) -> None:
        """Annotate the run, or print a line once GitHub shows no more annotations of this kind."""
        with self._lock:
            self._annotations[kind] += 1
            number = self._annotations[kind]
            if number == _MOST_ANNOTATIONS:
                self._command(kind, f"There are more {kind}s than GitHub shows: this step's log has the rest.")
            if number < _MOST_ANNOTATIONS:
                self._command(kind, message, properties)
            else:
                self.info(f"{kind.capitalize()}: {message}")

    def _command(self, name: str, message: str = "", properties: Mapping[str, str] = MappingProxyType({})) -> None:
        """Send the runner a command; within `verbatim`, resume commands for it."""
        command = str(Command(name, dict(properties), message))
        with self._lock:
            if self._resume_token:
                command = f"::{self._resume_token}::\n{command}\n::stop-commands::{self._resume_token}"
            self._write(command)

    def _write(self, text: str) -> None:
        with self._lock:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


def id_token(audience: str) -> str:
    """Return the job's OIDC token, masked.

    Raises:
        Exception: GitHub gives no token; the toolkit has no exception class of its own.
    """
    from actions_toolkit import core  # this imports requests, which most runs do not need

    token = core.get_id_token(audience)
    sys.stdout.flush()
    return str(token)


def write_outputs(outputs: Mapping[str, str]) -> None:
    """Write the step's outputs to the file that GITHUB_OUTPUT names.

    Raises:
        Exception: the file does not exist; the toolkit has no exception class of its own.
    """
    for name, value in outputs.items():
        issue_file_command("OUTPUT", prepare_key_value_message(name, value))


def write_summary(markdown: str, path: str) -> None:
    """Append Markdown to the job summary.

    Args:
        markdown: of the summary.
        path: the value of GITHUB_STEP_SUMMARY.
    """
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(markdown + os.linesep)
