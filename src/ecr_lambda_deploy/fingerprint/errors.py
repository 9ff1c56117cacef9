"""The error of a build without a fingerprint."""

from collections.abc import Iterable


class UnknownInputError(Exception):
    """An input of a build cannot be known before it runs; the message says which, in one line.

    Args:
        message: says which.
        images: references of base images that are known nevertheless.
    """

    def __init__(self, message: str, images: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.images = tuple(images)
