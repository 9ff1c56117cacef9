"""Every regular expression of the package takes linear time, whatever text it meets; none is made of others' text."""

import ast
import importlib
import inspect
import pkgutil
import re
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import pytest

import ecr_lambda_deploy

_SCREENED = 8 * 1024  # characters of each hostile text
_WHOLE = 2 * 1024**2  # characters of the slowest of them
_SLOWEST = 3
_SECONDS = 1.0  # of the processor
_ENDS = ("", "\n", "\0")  # of a hostile text: what few patterns expect
_USUAL = "a0 -./:=\t\r\n"  # characters that are tried for a class, besides those of the pattern itself
_MOST_TRIED = 8
_SCANS = ("search", "sub", "findall", "finditer", "split")

_parser: Any = importlib.import_module("re._parser")  # as Python itself reads a pattern


class _Use(NamedTuple):
    """A pattern, and whether it is looked for everywhere in a text or at its beginning only."""

    pattern: re.Pattern[str]
    is_scanned: bool


# --- the patterns of the package -------------------------------------------------------------------------------------


def _sources() -> Iterator[tuple[ModuleType, str]]:
    for found in pkgutil.walk_packages(ecr_lambda_deploy.__path__, "ecr_lambda_deploy."):
        module = importlib.import_module(found.name)
        yield module, inspect.getsource(module)


_SOURCES = dict(_sources())


def _within(value: object) -> Iterator[re.Pattern[str]]:
    match value:
        case re.Pattern():
            yield value
        case Mapping():
            yield from _within((*value.keys(), *value.values()))
        case tuple() | list() | set() | frozenset():
            for item in value:
                yield from _within(item)


def _calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield the calls of `re` within functions: that of a module is made once, before there is any text."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            for node in ast.walk(function):
                match node:
                    case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=operation)):
                        yield operation, node


def _constant(module: ModuleType, text: ast.expr) -> str | None:
    """Return a pattern if it is written where it is used, or made of constants of the module."""
    match text:
        case ast.Constant(value=str(written)):
            return written
        case ast.Name(id=name) if name.isupper():
            return str(getattr(module, name))
        case ast.JoinedStr(values=parts):
            inner = [part.value if isinstance(part, ast.FormattedValue) else part for part in parts]
            found = [_constant(module, part) for part in inner]
            return None if None in found else "".join(filter(None, found))
    return None


def _uses() -> Iterator[tuple[str, _Use]]:
    everywhere = "\n".join(_SOURCES.values())
    for module, source in _SOURCES.items():
        for name, value in vars(module).items():
            users = source if name.startswith("_") else everywhere
            is_scanned = any(f"{name}.{operation}(" in users for operation in _SCANS)
            for number, pattern in enumerate(_within(value)):
                is_alone = pattern is value
                place = f"{module.__name__}.{name}" + ("" if is_alone else f"[{number}]")
                yield place, _Use(pattern, is_scanned or not is_alone)
        for operation, call in _calls(source):
            if (text := _constant(module, call.args[0])) is not None:
                yield f"{module.__name__}:{call.lineno}", _Use(re.compile(text), operation in _SCANS)


def test_rule_6_no_pattern_is_made_of_others_text() -> None:
    made = [
        f"{module.__name__}:{call.lineno}: {ast.unparse(call)}"
        for module, source in _SOURCES.items()
        for operation, call in _calls(source)
        if operation == "compile" or _constant(module, call.args[0]) is None
    ]

    assert made == []


# --- hostile texts ---------------------------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """A part of a pattern: texts that match it, and whether it is a plain letter."""

    texts: Sequence[str]
    is_letter: bool = False


class _Pieces:
    """What a pattern is a sequence of.

    Args:
        pattern: which is taken apart.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        tree = _parser.parse(pattern.pattern, pattern.flags)
        self._flags = pattern.flags
        self._alphabet = [*dict.fromkeys([*_letters(tree.data), *_USUAL])]
        self.sequences = [_words(sequence) for sequence in self._sequences(tree)]

    def _sequences(self, tree: Any) -> list[list[_Piece]]:  # noqa: ANN401 # Python's own, which has no types
        """Return the ways through the pattern; of several branches, one at a time differs from the first."""
        choices = [self._choices(node, argument) for node, argument in tree]
        first = [choice[0] for choice in choices]
        ways = [first]
        for index, choice in enumerate(choices):
            ways += [[*first[:index], other, *first[index + 1 :]] for other in choice[1:]]
        return [[piece for part in way for piece in part] for way in ways]

    def _choices(self, node: object, argument: Any) -> list[list[_Piece]]:  # noqa: ANN401 # likewise
        match str(node):
            case "LITERAL":
                ways = [[_Piece([chr(argument)], is_letter=True)]]
            case "IN" | "ANY" | "NOT_LITERAL":
                ways = [[self._of_class(node, argument)]]
            case "BRANCH":
                ways = [way for branch in argument[1] for way in self._sequences(branch)]
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                repeated = self._sequences(argument[-1])
                ways = [[piece._replace(is_letter=False) for piece in way] for way in repeated]
            case "SUBPATTERN":
                ways = self._sequences(argument[-1])
            case "ATOMIC_GROUP":
                ways = self._sequences(argument)
            case "ASSERT" if argument[0] < 0:
                ways = self._sequences(argument[1])
            case _:
                ways = [[]]
        return ways

    def _of_class(self, node: object, argument: object) -> _Piece:
        one = _parser.SubPattern(_parser.State(), [(node, argument)])
        is_member = importlib.import_module("re._compiler").compile(one, self._flags).fullmatch
        return _Piece(list(islice(filter(is_member, self._alphabet), _MOST_TRIED)) or ["\u2028"])


def _letters(tree: object) -> Iterator[str]:
    """Yield the characters that a pattern names."""
    match tree:
        case (node, int(letter)) if "LITERAL" in str(node):
            yield chr(letter)
        case (node, (int(first), int(last))) if str(node) == "RANGE":
            yield from (chr(first), chr(last))
        case list() | tuple() | _parser.SubPattern():
            for part in tree:
                yield from _letters(part)


def _words(pieces: Sequence[_Piece]) -> list[Sequence[str]]:
    """Join the letters of words."""
    joined: list[_Piece] = []
    for piece in pieces:
        if joined and joined[-1].is_letter and piece.is_letter:
            joined[-1] = _Piece([joined[-1].texts[0] + piece.texts[0]], is_letter=True)
        else:
            joined.append(piece)
    return [piece.texts for piece in joined]


def _hostile(pattern: re.Pattern[str]) -> Iterator[tuple[str, str, str]]:
    """Yield beginnings, what is repeated after them, and ends: all that the pattern's own parts suggest."""
    for pieces in _Pieces(pattern).sequences:
        first = [piece[0] for piece in pieces]
        for start in range(len(pieces)):
            units = {"".join(first[start:end]) for end in range(start + 1, len(pieces) + 1)} | {*pieces[start]}
            for unit in sorted(units):
                for beginning in {"", "".join(first[:start])}:
                    for end in _ENDS:
                        yield beginning, unit, end


def _text(hostile: tuple[str, str, str], length: int) -> str:
    beginning, unit, end = hostile
    return beginning + unit * (length // len(unit)) + end


class _TooSlowError(Exception):
    """A pattern has had its time."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End the block after so many seconds of the processor; the engine of `re` heeds signals."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise _TooSlowError

    before = signal.signal(signal.SIGVTALRM, end)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _seconds(use: _Use, text: str) -> float:
    started = time.thread_time()
    try:
        with _at_most(_SECONDS):
            if use.is_scanned:
                use.pattern.sub("", text)
            use.pattern.match(text)
            use.pattern.fullmatch(text)
    except _TooSlowError:
        return _SECONDS
    return time.thread_time() - started


@pytest.mark.parametrize("use", [pytest.param(use, id=place) for place, use in _uses()])
def test_rule_6_a_pattern_takes_linear_time(use: _Use) -> None:
    seconds: dict[tuple[str, str, str], float] = {}
    for hostile in _hostile(use.pattern):
        seconds[hostile] = _seconds(use, _text(hostile, _SCREENED))
        assert seconds[hostile] < _SECONDS, f"{use.pattern.pattern} meets {hostile}"
    for hostile in sorted(seconds, key=seconds.__getitem__, reverse=True)[:_SLOWEST]:
        assert _seconds(use, _text(hostile, _WHOLE)) < _SECONDS, f"{use.pattern.pattern} meets {hostile}"


@pytest.mark.parametrize("pattern", ["(a+)+b", "x.*y.*z", r"^ > (?:\S+ )*\d+/\d+ (.+?):?$", r"\s+$"])
def test_a_pattern_that_goes_back_is_found_by_the_test_above(pattern: str) -> None:
    with pytest.raises(AssertionError, match="meets"):
        test_rule_6_a_pattern_takes_linear_time(_Use(re.compile(pattern), is_scanned=True))
