"""The error of a build without a fingerprint."""

from collections.abc import Iterable

from ecr_lambda_deploy.model.secrets import without_logins
from ecr_lambda_deploy.model.text import bounded

_LONGEST_REASON = 1000  # characters


class UnknownInputError(Exception):
    """An input of a build cannot be known before it runs; the message says which, in one line.

    Args:
        message: says which.
        images: references of base images that are known nevertheless.
    """

    def __init__(self, message: str, images: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.images = tuple(images)

    @property
    def reason(self) -> str:
        """The message for log and summary: in one line, within bounds, and without the logins of its addresses."""
        return bounded(without_logins(" ".join(str(self).split())), _LONGEST_REASON)
