"""Reads a setting as a text, a flag, a number and so on, and collects problems."""

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ecr_lambda_deploy.inputs.problems import Problem, note
from ecr_lambda_deploy.inputs.settings import Settings
from ecr_lambda_deploy.inputs.table import INPUTS, TABLE

_KEY = re.compile(r"[^\s=]+")


class InputReader:
    """Reads settings and collects problems.

    Args:
        settings: of the action's inputs, or of an image or a function in a manifest.
        environment: the step's environment variables.
        problems: collects the problems.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str], problems: list[Problem]) -> None:
        self._settings = settings
        self.environment = environment
        self.problems = problems

    def for_settings(self, settings: Settings) -> "InputReader":
        """Return a reader of other settings that collects in the same list."""
        return InputReader(settings, self.environment, self.problems)

    @property
    def workspace(self) -> Path:
        """The folder that paths are relative to."""
        return Path(self.environment.get("GITHUB_WORKSPACE") or ".").absolute()

    @property
    def checkout_hint(self) -> str:
        """A hint to add if a file or folder is missing; empty unless the whole workspace is empty."""
        text = " The workspace is empty: is an actions/checkout step missing before this one?"
        return "" if any(self.workspace.glob("*")) else text

    @property
    def is_in_manifest(self) -> bool:
        """Whether the settings are from a manifest."""
        return self._settings.place is not None

    def problem(self, name: str, text: str) -> None:
        """Note a problem with a setting; one that many inherit is noted once.

        Args:
            name: of the setting.
            text: the message after the name.

        Raises:
            TooManyProblemsError: there are too many problems.
        """
        settings = self._settings
        place = settings.places.get(name, settings.place) if name in settings.given else settings.place
        note(self.problems, place, f"'{name}' {text}")

    def conflict(self, names: Sequence[str], text: str) -> None:
        """Note that settings do not go together, for each owner: what it inherits may be right for others.

        Args:
            names: of the settings.
            text: the message after the first name.

        Raises:
            TooManyProblemsError: there are too many problems.
        """
        settings, place = self._settings, self._settings.nearest(*names)
        owner = f" of {settings.owner}" if settings.owner else ""
        text = f"'{names[0]}'{owner} {text}"
        for name in filter(self.is_given, names):
            there = settings.places.get(name)
            if place and there and there.line != place.line:
                text += f" '{name}' is in line {there.line}."
        note(self.problems, place, text)

    def exclude(self, names: Iterable[str], what: str) -> None:
        """Note a problem with each of these settings that is given, since it does not go with `what`."""
        for name in names:
            if self.is_given(name):
                self.problem(name, f"does not go with {what}.")

    def is_given(self, name: str) -> bool:
        """Whether a setting is given; the runner passes an input's default like a given value."""
        return name in self._settings.given if self.is_in_manifest else self.text(name) != INPUTS[name]

    def is_in_workspace(self, name: str, path: Path) -> bool:
        """Whether a path is inside the workspace after symbolic links are followed; if not, note that.

        The path need not exist.

        Args:
            name: of the setting.
            path: absolute.

        Raises:
            ValueError: the path holds a NUL.
        """
        workspace = self.workspace
        # Before Python 3.13 `Path.resolve` raises for a loop of links.
        if Path(os.path.realpath(path)).is_relative_to(os.path.realpath(workspace)):
            return True
        shown = path.relative_to(workspace) if path.is_relative_to(workspace) else path
        self.problem(name, f"{str(shown)!r} leaves the workspace.")
        return False

    def text(self, name: str) -> str:
        """Return a setting as text, or its default."""
        match self._settings.given.get(name, ""):
            case str() as value:
                return value.strip() or INPUTS[name]
            case tuple() as items:
                return "\n".join(items)
            case mapping:
                return json.dumps(mapping)

    def lines(self, name: str) -> tuple[str, ...]:
        """Return a setting's lines or items without empty ones and duplicates."""
        given = self._settings.given.get(name, "")
        lines = given if isinstance(given, tuple) else self.text(name).splitlines()
        return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def flag(self, name: str) -> bool:
        """Return whether a setting is true."""
        value = self.text(name).lower()
        if value not in {"true", "false"}:
            self.problem(name, f"is true or false, not {self.text(name)!r}.")
        return value == "true"

    def choice(self, name: str) -> str:
        """Return a setting that is one of its choices in the table, or its default if it is not."""
        value, choices = self.text(name), TABLE[name].choices
        if not value or value in choices:
            return value
        self.problem(name, f"is one of {', '.join(choices)}, not {value!r}.")
        return INPUTS[name]

    def seconds(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number of seconds from `least` to `most`; None if none or a wrong one is given."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
            self.problem(name, f"is a whole number of seconds from {least} to {most}, not {value!r}.")
            return None
        return int(value)

    def matching(self, name: str, pattern: re.Pattern[str], description: str) -> str:
        """Return a setting that must match a pattern if it is given; a wrong one is returned all the same.

        Args:
            name: of the setting.
            pattern: for the whole text.
            description: what the pattern stands for, in words.
        """
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            self.problem(name, f"is {description}, not {value!r}.")
        return value

    def pairs(self, name: str) -> dict[str, str | None]:
        """Return a mapping, or KEY=VALUE lines as one; None for a key without a value."""
        if (mapping := self.mapping(name)) is not None:
            for key in mapping:
                if not _KEY.fullmatch(key):
                    self.problem(name, f"has keys without blanks and '='; {key!r} is not one.")
            return {key: None if value is None else str(value) for key, value in mapping.items()}
        pairs: dict[str, str | None] = {}
        for line in self.lines(name):
            key, equals, value = line.partition("=")
            key = key.strip()
            if not _KEY.fullmatch(key):
                self.problem(name, f"holds KEY=VALUE lines; {line!r} is not one.")
            else:
                pairs[key] = value if equals else None
        return pairs

    def mapping(self, name: str) -> Mapping[str, object] | None:
        """Return a setting that is given as a mapping; None for a text."""
        given = self._settings.given.get(name, "")
        return given if isinstance(given, Mapping) else None


def why_unreadable(error: OSError) -> str:
    """Return why a path cannot be read, in words."""
    is_loop = error.errno == errno.ELOOP
    return "its symbolic links form a loop; fix them" if is_loop else error.strerror or str(error)
