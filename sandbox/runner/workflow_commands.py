"""Reads a step's output as GitHub's runner does: workflow commands, masks and file commands."""

import re
from dataclasses import dataclass, field

# At the start of a line after blanks; in the older form, anywhere in a line [actions/runner, ActionCommand].
_COMMAND = re.compile(r"^\s*::(?P<name>[^\s:]+)(?: (?P<properties>(?:(?!::).)*))?::(?P<message>.*)$", re.DOTALL)
_OLD_COMMAND = re.compile(r"##\[(?P<name>[^\s\]]+)(?: (?P<properties>[^\]]*))?\](?P<message>.*)$", re.DOTALL)
# The commands that the runner knows [actions/runner, ActionCommandManager].
_KNOWN = {
    "add-mask",
    "add-matcher",
    "add-path",
    "debug",
    "echo",
    "endgroup",
    "error",
    "group",
    "notice",
    "remove-matcher",
    "save-state",
    "set-env",
    "set-output",
    "stop-commands",
    "warning",
}
_LONGEST_ANNOTATION = 4_096  # characters [actions/runner, ExecutionContext]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An annotation of the run.

    Attributes:
        level: error, warning or notice.
        message: its text.
        title: above it; empty without one.
        file: path in the workspace; empty without one.
        line: line number; 0 without one.
    """

    level: str
    message: str
    title: str = ""
    file: str = ""
    line: int = 0


@dataclass(slots=True)
class JobLog:
    """Takes a step's output line by line, as the runner does.

    Sources: "Workflow commands for GitHub Actions" in GitHub's documentation; actions/runner.

    Attributes:
        lines: the log, with masks applied.
        masked: the masked values, in order.
        annotations: in order.
        commands: the names of the commands, in order; `resume` for a token that ends stop-commands.
    """

    lines: list[str] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    _resume_token: str = ""

    def take(self, line: str) -> str | None:
        """Read a line of output; return its line of the log, or None if the log has none."""
        command = self._command_in(line)
        if self._resume_token:
            if command and command[0] == self._resume_token:
                self.commands.append("resume")
                self._resume_token = ""
                return None
        elif command:
            self.commands.append(command[0])
            if self._obey(*command):
                return None
        shown = self._with_masks(line)
        self.lines.append(shown)
        return shown

    def _command_in(self, line: str) -> tuple[str, str, str] | None:
        """Return name, properties and message of the command in a line, or None."""
        for form in (_COMMAND, _OLD_COMMAND):
            found = form.search(line)
            if found and found["name"].lower() in {*_KNOWN, self._resume_token}:
                properties = found["properties"] or ""
                if form is _OLD_COMMAND:
                    return found["name"].lower(), properties.replace(";", ","), _unescape_old(found["message"])
                return found["name"].lower(), properties, _unescape(found["message"])
        return None

    def _obey(self, name: str, properties: str, message: str) -> bool:
        """Execute a command; return whether the log hides it."""
        if name == "add-mask":
            self.masked.append(message)
            return True
        if name == "stop-commands":
            self._resume_token = message
            return True
        if name in {"error", "warning", "notice"}:
            given = dict(pair.partition("=")[::2] for pair in properties.split(",") if pair)
            self.annotations.append(
                Annotation(
                    level=name,
                    message=self._with_masks(message)[:_LONGEST_ANNOTATION],
                    title=_unescape(given.get("title", "")),
                    file=_unescape(given.get("file", "")),
                    line=int(given.get("line") or 0),
                )
            )
        return False

    def _with_masks(self, text: str) -> str:
        for secret in sorted(self.masked, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


def _unescape(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def _unescape_old(text: str) -> str:
    for code, character in (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%")):
        text = text.replace(code, character)
    return text


def parse_file_command(text: str) -> dict[str, str]:
    """Return the names and values of a file such as GITHUB_OUTPUT.

    Raises:
        ValueError: the runner would not accept it.
    """
    values: dict[str, str] = {}
    lines = iter(text.splitlines())
    for line in lines:
        name, marker, delimiter = line.partition("<<")
        if marker:
            value = []
            for following in lines:
                if following == delimiter:
                    break
                value.append(following)
            else:
                raise ValueError(f"the value of {name} does not end with {delimiter}")
            values[name] = "\n".join(value)
        elif "=" in line:
            name, _, values[name] = line.partition("=")
        elif line:
            raise ValueError(f"{line!r} is neither NAME=VALUE nor NAME<<DELIMITER")
    return values
