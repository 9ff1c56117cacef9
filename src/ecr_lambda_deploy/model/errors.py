"""The errors that a run reports, in words for the reader of the log.

    DeployError               something failed; its hint says what the reader can do
        InputError            the inputs are wrong; it lists every problem
        ArchivedError         ECR has put an image into its archive
        UnusableImageError    what a registry has is no image that Lambda could run
        MissingFunctionError  the function, version or alias does not exist
        InProgressError       Lambda is still working on another change; the same request succeeds later
        RevisionError         somebody else has changed the function or alias since it was read
        TakenOverError        somebody else has changed the function or alias; this run leaves it as it is
        NotServedError        Lambda has given up having an alias serve the version that it was moved to
        BuildError            an image could not be built or pushed
        VersionLimitError     a capacity provider of Lambda refuses one more version
        TagLimitError         an ECR quota refuses one more tag
        CancelledError        the runner has cancelled the run
            UnsentError       the runner has cancelled the run before a request was first sent
        ConsequenceError      another function's release has failed, and this one is reverted with it
        SeveralError          several of these failed, independently of each other

The adapters derive classes of their own from `DeployError`, such as `RefusedError` in `aws/errors.py`. Any other
exception is a bug: `unexpected` makes a `DeployError` of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from ecr_lambda_deploy.model.secrets import without_logins


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
    """Something failed, and the reader of the log can do something about it.

    Attributes:
        message: what failed; it quotes AWS, Docker or the registry where they gave a reason, addresses without logins.
        hint: what to do: the input, the command, or the IAM action and resource.
        topic: the heading about it in docs/help/troubleshooting.md, as an anchor such as `no-credentials`. A class
            has one for all its errors, or each is given one where it is made.
        location: the line at fault, if known.
        cause: what failed, in the few words that a headline has room for; empty where the message begins with them.
        log: the last lines that another program printed, which the job's log has already; empty for none.
        afterwards: what was done about it, which the message ends with: a sentence each.
    """

    topic = ""

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        topic: str = "",
        location: SourceLocation | None = None,
        cause: str = "",
        log: str = "",
    ) -> None:
        self.message = without_logins(message)
        self.hint = without_logins(hint)
        super().__init__(self.message)
        self.topic = topic or self.topic
        self.location = location
        self.cause = without_logins(cause)
        self.log = without_logins(log)
        self.afterwards: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the message and, below it, the hint."""
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def extended(self, lines: Sequence[str]) -> Self:
        """Return the same error with more lines in its message, such as what was reverted."""
        error = type(self).__new__(type(self))
        vars(error).update(vars(self))
        error.message = "\n".join([self.message, *lines])
        error.afterwards = (*self.afterwards, *lines)
        return error


class InputError(DeployError):
    """The inputs are wrong.

    Attributes:
        problems: every problem, one sentence each.
    """

    topic = "wrong-inputs"

    def __init__(self, problems: Sequence[str], *, location: SourceLocation | None = None) -> None:
        self.problems = tuple(map(without_logins, problems))
        wrong = "mistakes" if location else "inputs are wrong"
        many = f"{len(self.problems)} {wrong}:\n" if len(self.problems) > 1 else ""
        lines = "\n".join(f"- {problem}" if many else problem for problem in self.problems)
        super().__init__(many + lines, topic="wrong-manifest" if location else "", location=location)


class ArchivedError(DeployError):
    """ECR has put an image into its archive: it cannot be pulled until it is restored."""

    topic = "archived-image"


class UnusableImageError(DeployError):
    """What a registry has is no image that Lambda could run, or none at all."""


class MissingFunctionError(DeployError):
    """The function, version or alias does not exist."""

    topic = "missing-function"


class InProgressError(DeployError):
    """Lambda is still working on another change of the function; the same request succeeds later."""

    topic = "change-in-progress"


class RevisionError(DeployError):
    """Somebody else has changed the function or alias since it was read: read it again and plan again."""

    topic = "changed-by-somebody-else"


class TakenOverError(DeployError):
    """Somebody else has changed the function or alias meanwhile; this run leaves it as it is."""

    topic = "changed-by-somebody-else"


class NotServedError(DeployError):
    """Lambda has given up having an alias serve the version that it was moved to: the version before serves."""

    topic = "provisioned-concurrency-does-not-move"


class BuildError(DeployError):
    """An image could not be built or pushed.

    Attributes:
        uri: registry, repository and tag of the push; empty if not known.
        is_tag_taken: whether the registry refuses the push because the tag is there and immutable: also for the same
            image.
    """

    topic = "build-failed"

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        location: SourceLocation | None = None,
        cause: str = "",
        log: str = "",
        uri: str = "",
        is_tag_taken: bool = False,
    ) -> None:
        super().__init__(message, hint, location=location, cause=cause, log=log)
        self.uri = uri
        self.is_tag_taken = is_tag_taken


class VersionLimitError(DeployError):
    """A capacity provider of Lambda refuses one more version of its functions."""

    topic = "too-many-versions"


class TagLimitError(DeployError):
    """An ECR quota refuses one more tag.

    Attributes:
        is_of_image: whether it is the quota of tags per image, not that of images per repository.
    """

    topic = "quota-of-ecr"

    def __init__(self, message: str, *, is_of_image: bool) -> None:
        hint = (
            "Delete images that nobody needs, best by a lifecycle policy, or have AWS raise the quota 'Images per "
            "repository', and run this job again."
        )
        super().__init__(message, hint)
        self.is_of_image = is_of_image


class CancelledError(DeployError):
    """The runner has cancelled the run."""

    topic = "cancelled"

    def __init__(self) -> None:
        super().__init__(
            "The run was cancelled.", "Nothing, or run this job again to release: what is built already is reused."
        )


class UnsentError(CancelledError):
    """The runner has cancelled the run before a request was first sent: the request has changed nothing."""


class ConsequenceError(DeployError):
    """Another function's release has failed, and this one is reverted with it.

    Attributes:
        culprit: the function whose release failed.
    """

    topic = "another-release-failed"

    def __init__(self, culprit: str) -> None:
        super().__init__(
            f"The release to {culprit} failed, so this one is reverted.",
            "Look at the error of that function. With 'on-failure: keep' the others stay released.",
        )
        self.culprit = culprit


class SeveralError(DeployError):
    """Several things failed, independently of each other.

    Attributes:
        errors: one for each failure.
    """

    def __init__(self, errors: Sequence[DeployError]) -> None:
        super().__init__("\n\n".join(map(str, errors)))
        self.errors = tuple(errors)


def unexpected(error: Exception) -> DeployError:
    """Return the error that reports an unexpected exception as a bug; `main` prints the traceback."""
    return DeployError(
        f"This is a bug in ecr-lambda-deploy: {error!r}", "Report it with the traceback in the log.", topic="bug"
    )


def recreation_hint(function: str) -> str:
    """Return what to do about a function whose creation failed [Lambda developer guide, Lambda function states]."""
    return (
        "Lambda never updates a function whose creation failed. Delete it, and create it again, as a job with "
        f"'create-function' does: aws lambda delete-function --function-name {function}"
    )


def parts_of(error: DeployError) -> tuple[DeployError, ...]:
    """Return the errors that a `SeveralError` holds, or the error itself."""
    return error.errors if isinstance(error, SeveralError) else (error,)


class Failures:
    """Collects errors and raises them together. Of errors with the same text it keeps the first.

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
        """Collect the error that ends the block, and continue after the block."""
        try:
            yield
        except DeployError as error:
            self._add(error)

    def _add(self, error: DeployError) -> None:
        for part in parts_of(error):
            self._errors.setdefault(str(part), part)

    def raise_if_any(self) -> None:
        """Raise what was collected, if anything.

        Raises:
            DeployError: the only error, or a `SeveralError` of all of them.
        """
        if len(self._errors) > 1:
            raise SeveralError(tuple(self._errors.values()))
        for single in self._errors.values():
            raise single
