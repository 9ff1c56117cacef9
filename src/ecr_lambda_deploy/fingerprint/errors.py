"""What ends the search for a fingerprint."""


class UnknownInputError(Exception):
    """Something that the build depends on cannot be known without running it; the message says what, in one line."""
