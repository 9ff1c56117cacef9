"""Reads settings by kind, and collects what is wrong with them."""

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from ecr_lambda_deploy.inputs.problems import Problem, note
from ecr_lambda_deploy.inputs.settings import Settings
from ecr_lambda_deploy.inputs.table import INPUTS

_KEY = re.compile(r"[^\s=]+")

Choice = TypeVar("Choice")
Otherwise = TypeVar("Otherwise")


class InputReader:
    """Reads settings by kind and collects what is wrong with them.

    Args:
        settings: those that are given.
        environment: the step's environment variables.
        problems: where they are collected.
    """

    def __init__(self, settings: Settings, environment: Mapping[str, str], problems: list[Problem]) -> None:
        self._settings = settings
        self.environment = environment
        self.problems = problems

    def of(self, settings: Settings) -> "InputReader":
        """Return a reader of other settings, which collects in the same place."""
        return InputReader(settings, self.environment, self.problems)

    @property
    def workspace(self) -> Path:
        """The folder that paths are relative to."""
        return Path(self.environment.get("GITHUB_WORKSPACE") or ".").absolute()

    @property
    def checkout_hint(self) -> str:
        """What to say besides of a file or folder that is missing; empty where the workspace has others."""
        text = " The workspace is empty: is an actions/checkout step missing before this one?"
        return "" if any(self.workspace.glob("*")) else text

    @property
    def is_in_file(self) -> bool:
        """Whether the settings stand in a manifest."""
        return self._settings.place is not None

    def problem(self, name: str, text: str) -> None:
        """Note what is wrong with a setting; what is inherited by many is told once.

        Args:
            name: of the setting.
            text: goes on after its name.

        Raises:
            TooManyProblemsError: there are enough of them.
        """
        settings = self._settings
        place = settings.places.get(name, settings.place) if name in settings.given else settings.place
        note(self.problems, place, f"'{name}' {text}")

    def conflict(self, names: Sequence[str], text: str) -> None:
        """Note that settings do not go together; each owner is told by itself, since what it inherits may be right.

        Args:
            names: of the settings.
            text: goes on after the first one's name.

        Raises:
            TooManyProblemsError: there are enough of them.
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
        """Note each of some settings that is given, and may not be together with `what`."""
        for name in names:
            if self.is_given(name):
                self.problem(name, f"does not go with {what}.")

    def is_given(self, name: str) -> bool:
        """Whether a setting is given; the runner gives an input's default like anything else."""
        return name in self._settings.given if self.is_in_file else self.text(name) != INPUTS[name]

    def is_in_workspace(self, name: str, path: Path) -> bool:
        """Whether a path stays in the workspace, wherever symbolic links lead; if not, that is noted.

        Whether anything is there shows when it is opened.

        Args:
            name: of the setting.
            path: absolute.

        Raises:
            ValueError: it holds a NUL.
        """
        workspace = self.workspace
        # Before Python 3.13 `Path.resolve` breaks off at a loop of links.
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
        """Return a setting's lines or items, each once, without empty ones."""
        given = self._settings.given.get(name, "")
        lines = given if isinstance(given, tuple) else self.text(name).splitlines()
        return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))

    def flag(self, name: str) -> bool:
        """Return whether a setting is true."""
        value = self.text(name).lower()
        if value not in {"true", "false"}:
            self.problem(name, f"is true or false, not {self.text(name)!r}.")
        return value == "true"

    def choice(self, name: str, choices: Sequence[Choice], otherwise: Otherwise) -> Choice | Otherwise:
        """Return the one of `choices` that is given; `otherwise` for none or a wrong one."""
        value = self.text(name)
        for choice in choices:
            if value == choice:
                return choice
        if value:
            self.problem(name, f"is one of {', '.join(map(str, choices))}, not {value!r}.")
        return otherwise

    def seconds(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number of seconds; None if none is given."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
            self.problem(name, f"is a whole number of seconds from {least} to {most}, not {value!r}.")
            return None
        return int(value)

    def matching(self, name: str, pattern: re.Pattern[str], description: str) -> str:
        """Return a setting that must match a pattern if it is given."""
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            self.problem(name, f"is {description}, not {value!r}.")
        return value

    def pairs(self, name: str) -> dict[str, str | None]:
        """Read a mapping or KEY=VALUE lines; None for a key without a value."""
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


def reason(error: OSError) -> str:
    """Return why a path cannot be read."""
    is_loop = error.errno == errno.ELOOP
    return "its symbolic links form a loop; fix them" if is_loop else error.strerror or str(error)
