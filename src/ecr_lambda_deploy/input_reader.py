"""Reads inputs by kind, and collects what is wrong with them."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeVar

Choice = TypeVar("Choice")
Otherwise = TypeVar("Otherwise")


class InputReader:
    """Reads inputs by kind and collects what is wrong with them.

    Args:
        given: inputs by name.
        defaults: of every input.
        environment: the step's environment variables.
    """

    def __init__(self, given: Mapping[str, str], defaults: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._given = given
        self._defaults = defaults
        self.environment = environment
        self.problems: list[str] = []

    def problem(self, problem: str) -> None:
        """Note something that is wrong."""
        self.problems.append(problem)

    def text(self, name: str) -> str:
        """Return an input, or its default."""
        return self._given.get(name, "").strip() or self._defaults[name]

    def lines(self, name: str) -> tuple[str, ...]:
        """Return an input's lines, each once, without empty ones."""
        return tuple(dict.fromkeys(line.strip() for line in self.text(name).splitlines() if line.strip()))

    def flag(self, name: str) -> bool:
        """Return whether an input is true."""
        value = self.text(name).lower()
        if value not in {"true", "false"}:
            self.problem(f"'{name}' is true or false, not {self.text(name)!r}.")
        return value == "true"

    def choice(self, name: str, choices: Sequence[Choice], otherwise: Otherwise) -> Choice | Otherwise:
        """Return the one of `choices` that is given; `otherwise` for none or a wrong one."""
        value = self.text(name)
        for choice in choices:
            if value == choice:
                return choice
        if value:
            self.problem(f"'{name}' is one of {', '.join(map(str, choices))}, not {value!r}.")
        return otherwise

    def seconds(self, name: str, *, least: int, most: int) -> int | None:
        """Return a whole number of seconds; None if none is given."""
        value = self.text(name)
        if not value:
            return None
        if not re.fullmatch("[0-9]{1,9}", value) or not least <= int(value) <= most:
            self.problem(f"'{name}' is a whole number of seconds from {least} to {most}, not {value!r}.")
            return None
        return int(value)

    def matching(self, name: str, pattern: re.Pattern[str], description: str) -> str:
        """Return an input that must match a pattern if it is given."""
        value = self.text(name)
        if value and not pattern.fullmatch(value):
            self.problem(f"'{name}' is {description}, not {value!r}.")
        return value

    def pairs(self, name: str) -> dict[str, str | None]:
        """Read KEY=VALUE lines; None for a line that has no `=`."""
        pairs: dict[str, str | None] = {}
        for line in self.lines(name):
            key, equals, value = line.partition("=")
            key = key.strip()
            if not key or any(character.isspace() for character in key):
                self.problem(f"'{name}' holds KEY=VALUE lines; {line!r} is not one.")
            else:
                pairs[key] = value if equals else None
        return pairs
