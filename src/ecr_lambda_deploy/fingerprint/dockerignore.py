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
    rf"|\[(?P<negated>\^?)(?P<members>(?:(?:{_IN_CLASS})(?:-(?:{_IN_CLASS}))?)++)\]|(?P<literal>[^\\\[\]])",
    re.DOTALL,
)
_LONGEST = 4096  # characters of a pattern: as many as a path has [Linux, PATH_MAX]
_MOST_PATTERNS = 1000  # each is asked for each path
_MOST_KEPT = 10_000  # transitions of an automaton
_WILDCARDS = frozenset("*[]?^\\")

Matches = tuple[bool, ...]
"""Which of the patterns match a path or a folder above it."""


@dataclass(frozen=True, slots=True)
class _Pattern:
    """A pattern.

    Attributes:
        text: without `!`.
        is_exception: whether it began with `!`.
        matches: whether it matches a path.
    """

    text: str
    is_exception: bool
    matches: Callable[[str], bool]

    @classmethod
    def parse(cls, text: str) -> Self:
        is_exception = text.startswith("!")
        text = text.removeprefix("!")
        if not text:
            raise UnknownInputError("the pattern '!' is not allowed")
        if len(text) > _LONGEST:
            raise UnknownInputError(f"a pattern is longer than {_LONGEST} characters: {text[:80]}…")
        try:
            return cls(text, is_exception, _matcher(text))
        except ValueError as error:
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
        cleaned = [_clean(pattern) for pattern in (pattern.strip(_SPACE) for pattern in patterns) if pattern]
        if len(cleaned) > _MOST_PATTERNS:
            raise UnknownInputError(f"it has {len(cleaned)} patterns, more than {_MOST_PATTERNS}")
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
            match = parent_matches or (pattern.is_exception == is_excluded and pattern.matches(path))
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


def _matcher(text: str) -> Callable[[str], bool]:
    """Return a function that is true for the paths that a pattern matches.

    Like BuildKit, it compares without wildcards where it can.

    Raises:
        ValueError: BuildKit refuses the pattern, or its meaning is an accident of the implementation.
    """
    tokens = _tokens(text)
    special = [index for index, token in enumerate(tokens) if token["literal"] is None]
    if not special:
        return lambda path: path == text
    if special == [0] and tokens[0]["any"]:
        suffix = text[2:]
        return lambda path: path.endswith(suffix) or f"/{path}" == suffix
    if special == [len(tokens) - 1] and tokens[-1]["any"]:
        prefix = text[:-2]
        return lambda path: path.startswith(prefix)
    literals = "".join(token["literal"] or "\0" for token in tokens)
    if found := re.search(r"[|^]|\{[\d,]", literals):
        raise ValueError(f"{found[0]!r} beside a wildcard has no defined meaning")
    automaton = _Automaton(tokens)
    longest = max(literals.split("\0"), key=len)  # few paths have it, and the others are done with quickly
    return lambda path: longest in path and automaton.matches(path)


class _Automaton(dict[tuple[int, str], int]):
    """A pattern as a finite automaton: all its states at a time are one number, with a bit for each.

    So a path takes time in proportion to its length and the pattern's, whatever both are; a backtracking expression
    may take a power of it. A transition, from states by a character to others, is kept when it has been found.

    Args:
        tokens: of the pattern.

    Raises:
        ValueError: BuildKit refuses a class, or its meaning is an accident of the implementation.
    """

    def __init__(self, tokens: Sequence[re.Match[str]]) -> None:
        super().__init__()
        self._states: list[tuple[Callable[[str], bool], int]] = []  # what each takes, and the states that follow
        self._start = 1  # the end of the pattern, to which the tokens lead from the last to the first
        for token in reversed(tokens):
            if token["any"] and token is tokens[-1]:
                self._start |= self._add(_any, self._start, repeats=True)
            elif token["any"]:  # nothing, or anything that ends with a slash
                slash = self._add("/".__eq__, self._start)
                self._start |= slash | self._add(_any, slash, repeats=True)
            elif token["wild"] == "*":
                self._start |= self._add("/".__ne__, self._start, repeats=True)
            else:
                self._start = self._add(_taken(token), self._start)

    def _add(self, takes: Callable[[str], bool], following: int, *, repeats: bool = False) -> int:
        state = 2 << len(self._states)
        self._states.append((takes, following | state if repeats else following))
        return state

    def matches(self, path: str) -> bool:
        """Whether the pattern matches a path."""
        states = self._start
        for character in path:
            states = self[states, character]
            if not states:
                return False
        return states & 1 == 1

    def __missing__(self, transition: tuple[int, str]) -> int:
        states, character = transition
        following = 0
        for number, (takes, after) in enumerate(self._states, 1):
            if states >> number & 1 and takes(character):
                following |= after
        if len(self) >= _MOST_KEPT:
            self.clear()
        self[transition] = following
        return following


def _tokens(text: str) -> list[re.Match[str]]:
    tokens, end = [], 0
    while end < len(text):
        token = _TOKEN.match(text, end)
        if token is None:
            raise ValueError("its brackets or backslashes are not complete")
        tokens.append(token)
        end = token.end()
    return tokens


def _any(character: str) -> bool:
    return character != "\n"  # as BuildKit's regular expressions have it


def _taken(token: re.Match[str]) -> Callable[[str], bool]:
    """Return a function that is true for the characters that a token takes one of."""
    if token["wild"]:
        return "/".__ne__
    if token["members"]:
        ranges = [_class_range(low, high or low) for low, high in _CLASS_RANGE.findall(token["members"])]
        is_negated = bool(token["negated"])
        return lambda character: is_negated != any(low <= character <= high for low, high in ranges)
    return (_unescape(token["escape"]) if token["escape"] else token["literal"]).__eq__


def _class_range(low: str, high: str) -> tuple[str, str]:
    if {"*", "?", "["} & {low, high}:
        raise ValueError("a wildcard in brackets has no defined meaning")
    first, last = _unescape(low), _unescape(high)
    if first > last:
        raise ValueError("a range in brackets goes backwards")
    return first, last


def _unescape(token: str) -> str:
    character = token[-1]
    if len(token) > 1 and (character.isalnum() or not character.isascii()):
        raise ValueError(f"{token!r} has no defined meaning")
    return character
