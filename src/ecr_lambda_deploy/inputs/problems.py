"""What is wrong with the inputs or a manifest, and where."""

from dataclasses import dataclass

_MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where something stands in a file of the workspace.

    Attributes:
        file: path relative to the workspace.
        line: from 1.
        column: from 1.
    """

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return such as `deploy.yaml:12:5`."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong.

    Attributes:
        text: one sentence or more.
        place: where; None for the action's own inputs.
    """

    text: str
    place: Place | None = None

    def __str__(self) -> str:
        """Return the place and the text."""
        return f"{self.place}: {self.text}" if self.place else self.text


class TooManyProblemsError(Exception):
    """So much is wrong that nobody would read more of it."""


def note(problems: list[Problem], place: Place | None, text: str) -> None:
    """Note what is wrong, once: what many inherit, or an alias of YAML stands for, is read more than once.

    Args:
        problems: where they are collected.
        place: where it is wrong; None for the action's own inputs.
        text: what is wrong, and what would be right.

    Raises:
        TooManyProblemsError: there are enough of them, and that is noted.
    """
    problem = Problem(text=text, place=place)
    if problem in problems:
        return
    if len(problems) >= _MOST_PROBLEMS:
        last = max((problem.place for problem in problems if problem.place), default=None)
        problems.append(Problem(text="There may be more problems: fix these first.", place=last))
        raise TooManyProblemsError
    problems.append(problem)
