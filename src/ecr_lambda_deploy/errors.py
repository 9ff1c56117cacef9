"""What can go wrong, in words for the person who reads the log."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLocation:
    """A line of a file in the workspace, for an annotation.

    Attributes:
        file: path relative to the workspace.
        line: line number, from 1.
    """

    file: str
    line: int


class DeployError(Exception):
    """Something failed that the reader of the log can do something about.

    Attributes:
        message: what failed, in the outside's own words where it has any.
        hint: what to do: the input, the command, the IAM action and resource.
        location: the line at fault, where one is known.
    """

    def __init__(self, message: str, hint: str = "", *, location: SourceLocation | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.location = location

    def __str__(self) -> str:
        """Return the message and, below it, the hint."""
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class InputError(DeployError):
    """The inputs are wrong; every problem is told at once.

    Attributes:
        problems: one sentence each.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        many = f"{len(self.problems)} inputs are wrong:\n" if len(self.problems) > 1 else ""
        super().__init__(many + "\n".join(f"- {problem}" if many else problem for problem in self.problems))


class InProgressError(DeployError):
    """Lambda is still busy with another change of the same function; the same request will do later."""


class RevisionError(DeployError):
    """Somebody else has changed the function or alias since it was read: read it again, decide again."""


class TakenOverError(DeployError):
    """Somebody else has changed the function or alias meanwhile, and what this run wanted to do was left undone."""


class MissingFunctionError(DeployError):
    """There is no such function, version or alias."""


class CancelledError(DeployError):
    """The runner wants the run to end."""

    def __init__(self) -> None:
        super().__init__("The run was cancelled.", "Run this job again: it goes on from what is there.")
