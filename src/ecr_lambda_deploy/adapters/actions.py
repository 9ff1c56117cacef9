"""GitHub's runner: workflow commands, outputs and the job summary."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from actions_toolkit.command import issue, issue_command
from actions_toolkit.file_command import issue_file_command, prepare_key_value_message

from ecr_lambda_deploy.errors import SourceLocation


class Console:
    """The job's log, as the runner reads it: every line at once, since a mask that comes late is none.

    actions-toolkit writes to `sys.stdout`, which is unbuffered only if the interpreter runs with `-u`.
    """

    def __init__(self) -> None:
        self._masked: set[str] = set()

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is printed within the block."""
        issue("group", title)
        try:
            yield
        finally:
            issue("endgroup")
            sys.stdout.flush()

    @contextmanager
    def verbatim(self) -> Iterator[None]:
        """Print lines of other programs without the runner taking one for a workflow command.

        See "Stopping and starting workflow commands" in GitHub's documentation.
        """
        token = token_hex(16)
        issue("stop-commands", token)
        try:
            yield
        finally:
            issue(token)
            sys.stdout.flush()

    def info(self, message: str) -> None:
        """Print a line."""
        print(message, flush=True)

    def notice(self, message: str) -> None:
        """Print a line and annotate the run with it."""
        self._annotate("notice", message)

    def warning(self, message: str) -> None:
        """Print a warning and annotate the run with it."""
        self._annotate("warning", message)

    def error(self, message: str, location: SourceLocation | None = None) -> None:
        """Print an error and annotate the run, or a line of a file, with it."""
        self._annotate("error", message, location)

    def _annotate(self, kind: str, message: str, location: SourceLocation | None = None) -> None:
        # The toolkit's own functions send every property, empty ones too.
        issue_command(kind, {"file": location.file, "line": str(location.line)} if location else {}, message)
        sys.stdout.flush()

    def mask(self, secret: str) -> None:
        """Have the runner replace a secret in the log from here on."""
        for line in secret.splitlines():
            if line and line not in self._masked:
                self._masked.add(line)
                issue_command("add-mask", {}, line)
        sys.stdout.flush()


def id_token(audience: str) -> str:
    """Return the job's OIDC token, masked.

    Raises:
        Exception: the toolkit has no kind of its own.
    """
    from actions_toolkit import core  # with it comes requests, which most runs do not need

    token = core.get_id_token(audience)
    sys.stdout.flush()
    return str(token)


def write_outputs(outputs: Mapping[str, str]) -> None:
    """Set the step's outputs, in the file that GITHUB_OUTPUT names.

    Raises:
        Exception: there is no such file; the toolkit has no kind of its own.
    """
    for name, value in outputs.items():
        issue_file_command("OUTPUT", prepare_key_value_message(name, value))


def write_summary(markdown: str, path: str) -> None:
    """Append to the job summary, at the path that GITHUB_STEP_SUMMARY holds."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(markdown + os.linesep)
