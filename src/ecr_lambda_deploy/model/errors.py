"""What can go wrong, in words for the person who reads the log."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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

    def __init__(self, problems: Sequence[str], *, location: SourceLocation | None = None) -> None:
        self.problems = tuple(problems)
        wrong = "mistakes" if location else "inputs are wrong"
        many = f"{len(self.problems)} {wrong}:\n" if len(self.problems) > 1 else ""
        lines = "\n".join(f"- {problem}" if many else problem for problem in self.problems)
        super().__init__(many + lines, location=location)


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


class UnsentError(CancelledError):
    """The run was cancelled before a request was sent for the first time: it has changed nothing."""


class BuildError(DeployError):
    """An image could not be built, or not be pushed.

    Attributes:
        uri: what it was to be pushed as; empty if that is not known.
    """

    def __init__(self, message: str, hint: str = "", *, location: SourceLocation | None = None, uri: str = "") -> None:
        super().__init__(message, hint, location=location)
        self.uri = uri


class SeveralError(DeployError):
    """Several things failed, independently of each other.

    Attributes:
        errors: each of them.
    """

    def __init__(self, errors: Sequence[DeployError]) -> None:
        super().__init__("\n\n".join(map(str, errors)))
        self.errors = tuple(errors)


def unexpected(error: Exception) -> DeployError:
    """Return the error that reports an unexpected exception as a bug; `main` prints the traceback."""
    return DeployError(f"This is a bug in ecr-lambda-deploy: {error!r}", "Report it with the traceback in the log.")


def parts_of(error: DeployError) -> tuple[DeployError, ...]:
    """Return the errors that one holds, or itself alone."""
    return error.errors if isinstance(error, SeveralError) else (error,)


class Failures:
    """Collects what fails, to report all of it together.

    Args:
        errors: that are known already.
    """

    def __init__(self, errors: Iterable[DeployError] = ()) -> None:
        self._errors: dict[str, DeployError] = {}
        for error in errors:
            self._add(error)

    def __bool__(self) -> bool:
        """Whether anything has failed."""
        return bool(self._errors)

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Collect an error that ends the block, and go on after it."""
        try:
            yield
        except DeployError as error:
            self._add(error)

    def _add(self, error: DeployError) -> None:
        for part in parts_of(error):
            self._errors.setdefault(str(part), part)

    def raise_if_any(self) -> None:
        """Raise what has failed, if anything has.

        Raises:
            DeployError: the one that was collected, or one that holds all of them.
        """
        if len(self._errors) > 1:
            raise SeveralError(tuple(self._errors.values()))
        for single in self._errors.values():
            raise single


class TagLimitError(DeployError):
    """ECR has a limit that keeps one more tag from an image.

    Attributes:
        is_of_image: whether ECR says that the image has as many tags as one may have.
    """

    def __init__(self, message: str, *, is_of_image: bool) -> None:
        hint = (
            "Delete images that nobody needs, best by a lifecycle policy, or have AWS raise the quota 'Images per "
            "repository', and run this job again."
        )
        super().__init__(message, hint)
        self.is_of_image = is_of_image
