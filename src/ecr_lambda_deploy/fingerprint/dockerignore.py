"""The rules of a .dockerignore file, as BuildKit applies them.

BuildKit reads the file [moby/patternmatcher, ignorefile]; its client walks the context and asks for each path whether
it is excluded [moby/patternmatcher, MatchesUsingParentResults; tonistiigi/fsutil, filterFS]. Some of their behaviour is
not documented: `**foo` matches what ends with foo. Some is an accident, such as an escaped letter that becomes a class
of characters: such patterns are refused. tests/integration/test_dockerignore.py compares the rest with BuildKit.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from ecr_lambda_deploy.fingerprint.errors import UnknownInputError

# White space of Go [unicode.IsSpace]; Python counts four separators more.
_SPACE = "".join(
    character for character in map(chr, range(0x3001)) if character.isspace() and character not in "\x1c\x1d\x1e\x1f"
)
_IN_CLASS = r"\\.|[^\]\\-]"
_CLASS_RANGE = re.compile(rf"({_IN_CLASS})(?:-({_IN_CLASS}))?", re.DOTALL)
_TOKEN = re.compile(
    rf"(?P<any>\*\*/?)|(?P<wild>[*?])|(?P<escape>\\.|\])"
    rf"|\[(?P<negated>\^?)(?P<members>(?:(?:{_IN_CLASS})(?:-(?:{_IN_CLASS}))?)+)\]|(?P<literal>[^\\\[\]])",
    re.DOTALL,
)
_WILDCARDS = frozenset("*[]?^\\")

Matches = tuple[bool, ...]
"""Which of the patterns match a path or a folder above it."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A pattern.

    Attributes:
        text: without `!`.
        is_exception: whether it began with `!`.
        matches: whether it matches a path; BuildKit compares plain patterns without a regular expression.
    """

    text: str
    is_exception: bool
    matches: Callable[[str], object]

    @classmethod
    def parse(cls, text: str) -> Self:
        is_exception = text.startswith("!")
        text = text.removeprefix("!")
        if not text:
            raise UnknownInputError("the pattern '!' is not allowed")
        try:
            return cls(text, is_exception, _matcher(text))
        except (ValueError, re.error) as error:
            raise UnknownInputError(f"what the pattern {text!r} matches cannot be known: {error}") from None

    def may_match_below(self, folder: str) -> bool:
        """Whether a walk looks for matches in a folder: BuildKit's own shortcut, which can miss some."""
        prefix = self.text.removesuffix("/**").removesuffix("/*")
        return not _WILDCARDS.isdisjoint(prefix) or f"{prefix}/".startswith(f"{folder}/")


class Dockerignore:
    """The rules of a .dockerignore file.

    Args:
        patterns: as `parse` finds them.

    Raises:
        UnknownInputError: a pattern that BuildKit refuses, or whose meaning is an accident of its implementation.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        cleaned = (_clean(pattern) for pattern in (pattern.strip(_SPACE) for pattern in patterns) if pattern)
        self._patterns = tuple(_Pattern.parse(pattern) for pattern in cleaned)
        self._exceptions = tuple(pattern for pattern in self._patterns if pattern.is_exception)
        self.root: Matches = (False,) * len(self._patterns)
        self._key = tuple((pattern.text, pattern.is_exception) for pattern in self._patterns)

    def __eq__(self, other: object) -> bool:
        """Whether other rules are the same."""
        return isinstance(other, Dockerignore) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a .dockerignore file.

        Raises:
            UnknownInputError: it is not UTF-8, or see above.
        """
        try:
            lines = content.decode("utf-8-sig").split("\n")
        except UnicodeDecodeError:
            raise UnknownInputError("it is not UTF-8") from None
        return cls([_pattern_of_line(line) for line in lines if not line.startswith("#")])

    def match(self, path: str, parent: Matches) -> tuple[bool, Matches]:
        """Match a path against the patterns.

        Args:
            path: relative to the context, with slashes.
            parent: matches of the folder that holds it; `root` for the context itself.

        Returns:
            whether it is excluded, and its matches, which are `parent` for what it holds.
        """
        is_excluded, matches = False, []
        for pattern, parent_matches in zip(self._patterns, parent, strict=True):
            # A pattern that could change nothing is not tried, so what the folder holds does not inherit its match.
            match = parent_matches or (pattern.is_exception == is_excluded and bool(pattern.matches(path)))
            matches.append(match)
            if match:
                is_excluded = not pattern.is_exception
        return is_excluded, tuple(matches)

    def may_include_below(self, folder: str) -> bool:
        """Whether an exception may include something in an excluded folder."""
        return any(pattern.may_match_below(folder) for pattern in self._exceptions)


def _pattern_of_line(line: str) -> str:
    pattern = line.strip(_SPACE)
    exclamation = "!" if pattern.startswith("!") else ""
    pattern = pattern.removeprefix("!").strip(_SPACE)
    if pattern:
        pattern = _clean(pattern)
    if len(pattern) > 1:
        pattern = pattern.removeprefix("/")
    return exclamation + pattern


def _clean(path: str) -> str:
    """Return the shortest equal path; normpath keeps two leading slashes, as POSIX does and Go does not."""
    return posixpath.normpath(re.sub("/+", "/", path))


def _matcher(text: str) -> Callable[[str], object]:
    """Return a function that is true for the paths that a pattern matches.

    Raises:
        ValueError: BuildKit refuses the pattern, or its meaning is an accident of the implementation.
        re.error: the expression that it becomes is not valid.
    """
    tokens = _tokens(text)
    special = [index for index, token in enumerate(tokens) if token["literal"] is None]
    if not special:
        return text.__eq__
    if special == [0] and tokens[0]["any"]:
        suffix = text[2:]
        return lambda path: path.endswith(suffix) or f"/{path}" == suffix
    if special == [len(tokens) - 1] and tokens[-1]["any"]:
        prefix = text[:-2]
        return lambda path: path.startswith(prefix)
    if found := re.search(r"[|^]|\{[\d,]", "".join(token["literal"] or " " for token in tokens)):
        raise ValueError(f"{found[0]!r} beside a wildcard has no defined meaning")
    expression = "".join(_expression(token, is_last=token is tokens[-1]) for token in tokens)
    return re.compile(rf"{expression}\Z").match


def _tokens(text: str) -> list[re.Match[str]]:
    tokens, end = [], 0
    while end < len(text):
        token = _TOKEN.match(text, end)
        if token is None:
            raise ValueError("its brackets or backslashes are not complete")
        tokens.append(token)
        end = token.end()
    return tokens


def _expression(token: re.Match[str], *, is_last: bool) -> str:
    if token["any"]:
        return ".*" if is_last else "(?:.*/)?"
    if token["wild"]:
        return "[^/]*" if token["wild"] == "*" else "[^/]"
    if token["members"]:
        ranges = _CLASS_RANGE.findall(token["members"])
        return f"[{token['negated']}{''.join(_class_range(*pair) for pair in ranges)}]"
    return re.escape(_unescape(token["escape"]) if token["escape"] else token["literal"])


def _class_range(low: str, high: str) -> str:
    if {"*", "?", "["} & {low, high}:
        raise ValueError("a wildcard in brackets has no defined meaning")
    return re.escape(_unescape(low)) + (f"-{re.escape(_unescape(high))}" if high else "")


def _unescape(token: str) -> str:
    character = token[-1]
    if len(token) > 1 and (character.isalnum() or not character.isascii()):
        raise ValueError(f"{token!r} has no defined meaning")
    return character
