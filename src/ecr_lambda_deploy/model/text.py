"""What others wrote, made fit for messages: it has a bound, and can be written as UTF-8."""

LONGEST = 10_000
"""Characters of one text of others in a message."""


def bounded(text: str, longest: int = LONGEST) -> str:
    """Return a text of so many characters at most, and say of how many it is where it was longer."""
    return writable(text if len(text) <= longest else f"{text[:longest]}… ({len(text)} characters)")


def writable(text: str) -> str:
    """Return a text that can be written as UTF-8.

    JSON and names of files can have half a surrogate pair in a text, which no file and no log takes: a question mark
    stands for it.
    """
    return text.encode(errors="replace").decode()


def first_line(text: str, longest: int = 200) -> str:
    """Return the first line of a text, and the next where it only announces that; of so many characters at most."""
    lines = [line.strip() for line in text.strip().splitlines()[:2]]
    line = " ".join(lines if lines and lines[0].endswith(":") else lines[:1])
    return line if len(line) <= longest else f"{line[:longest]}…"
