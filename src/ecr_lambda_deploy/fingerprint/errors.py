"""The error of a build without a fingerprint."""


class UnknownInputError(Exception):
    """An input of a build cannot be known before it runs; the message says which, in one line."""
