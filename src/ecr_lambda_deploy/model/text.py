"""What others wrote, made fit for messages: it has a bound, and can be written as UTF-8."""

LONGEST = 10_000
"""Characters of one text of others in a message."""


def bounded(text: str, longest: int = LONGEST) -> str:
    """Return a text of so many characters at most, and say of how many it is where it was longer.

    JSON can have half a surrogate pair in a text, which no file and no log takes: a question mark stands for it.
    """
    kept = text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)"
    return kept.encode(errors="replace").decode()
