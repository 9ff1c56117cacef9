"""Problems with inputs or a manifest, and their places."""

from dataclasses import dataclass

_MOST_PROBLEMS = 100


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A place in a file of the workspace.

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
    """A problem with an input or a setting.

    Attributes:
        text: what is wrong and what would be right, in one sentence or more.
        place: in the manifest; None for the action's own inputs.
    """

    text: str
    place: Place | None = None

    def __str__(self) -> str:
        """Return the place and the text."""
        return f"{self.place}: {self.text}" if self.place else self.text


class TooManyProblemsError(Exception):
    """There are so many problems that nobody would read more."""


def note(problems: list[Problem], place: Place | None, text: str) -> None:
    """Add a problem unless it is noted already: inherited settings and YAML aliases are read more than once.

    Args:
        problems: collects the problems.
        place: in the manifest; None for the action's own inputs.
        text: what is wrong and what would be right.

    Raises:
        TooManyProblemsError: there were too many before; the last one says that there may be more.
    """
    problem = Problem(text=text, place=place)
    if problem in problems:
        return
    if len(problems) >= _MOST_PROBLEMS:
        last = max((problem.place for problem in problems if problem.place), default=None)
        problems.append(Problem(text="There may be more problems: fix these first.", place=last))
        raise TooManyProblemsError
    problems.append(problem)
