"""What GitHub's runner makes of a step's output: workflow commands, masks and file commands."""

import re
from dataclasses import dataclass, field

_COMMAND = re.compile(r"^::(?P<name>[\w-]+)(?: (?P<properties>[^:]*))?::(?P<message>.*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """An annotation of the run.

    Attributes:
        level: error, warning or notice.
        message: its text.
        file: path in the workspace; empty without one.
        line: line number; 0 without one.
    """

    level: str
    message: str
    file: str = ""
    line: int = 0


@dataclass(slots=True)
class JobLog:
    """Takes a step's output line by line, as the runner does.

    Source: "Workflow commands for GitHub Actions" in GitHub's documentation.

    Attributes:
        lines: the log, with what is masked replaced.
        masked: what the step asked to mask, in order.
        annotations: in order.
    """

    lines: list[str] = field(default_factory=list)
    masked: list[str] = field(default_factory=list)
    annotations: list[Annotation] = field(default_factory=list)
    _resume_token: str = ""

    def take(self, line: str) -> str | None:
        """Take a line of output; return the line of the log that it becomes, if any."""
        command = _COMMAND.match(line)
        if self._resume_token:
            if command and command["name"] == self._resume_token:
                self._resume_token = ""
                return None
        elif command and self._obey(command["name"], command["properties"] or "", _unescape(command["message"])):
            return None
        shown = self._with_masks(line)
        self.lines.append(shown)
        return shown

    def _obey(self, name: str, properties: str, message: str) -> bool:
        """Carry out a command; return whether nothing of it is shown."""
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
                    message=self._with_masks(message),
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


def parse_file_command(text: str) -> dict[str, str]:
    """Return the names and values of a file such as GITHUB_OUTPUT.

    Raises:
        ValueError: it is not what the runner reads.
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
