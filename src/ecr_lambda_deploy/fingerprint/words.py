"""The words of a Dockerfile: what their variables stand for, found in bounded time and memory."""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from e2b_dockerfile_utils import ShellLex

from ecr_lambda_deploy.fingerprint.errors import UnknownInputError

LONGEST = 4096
"""Characters of a word, of what it stands for, and of a parser directive: of any image's reference."""

_SUBSTITUTION = re.compile(r"\$\{(?:\w+|[^\w}])(?P<operator>[#%/])(?P<pattern>[^}]*)")


def expanded(word: str, variables: Mapping[str, str], escape: str) -> str:
    """Return a word with its variables replaced; those that there are not stand for nothing.

    Args:
        word: as it is written.
        variables: values by name.
        escape: the Dockerfile's escape character.

    Raises:
        UnknownInputError: it would take too long, or be too long.
        ValueError: BuildKit refuses it.
    """
    _check_substitutions(bounded(word))
    return bounded(ShellLex(escape, env=variables, skip_unset_env=False).process_word(word))


def bounded(word: str) -> str:
    """Return a word that may be replaced: of words that double each other, a few lines would fill the memory.

    Raises:
        UnknownInputError: it is too long.
    """
    if len(word) > LONGEST:
        raise UnknownInputError(f"what {word[:40]}… stands for is longer than {LONGEST} characters")
    return word


def is_short(value: str) -> bool:
    """Whether a value may be replaced."""
    return len(value) <= LONGEST


def short(value: str) -> str:
    """Return a value that may be replaced, or nothing for one that is too long to be a checksum."""
    return value if is_short(value) else ""


class Certain(Mapping[str, str]):
    """Variables of which only some may be asked for: another one raises an UnknownInputError.

    Args:
        variables: values by name.
        names: of those that may be.
    """

    def __init__(self, variables: Mapping[str, str], names: AbstractSet[str]) -> None:
        self._variables = variables
        self._names = names

    def __getitem__(self, name: str) -> str:
        """Return the value of a variable."""
        if name not in self._names:
            raise UnknownInputError(f"what ${name} stands for cannot be known")
        return self._variables[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._names)


def _check_substitutions(word: str) -> None:
    """Make sure that what a word removes or replaces is found in time: the lexer makes a backtracking expression of it.

    Raises:
        UnknownInputError: a pattern has more than the one wildcard that takes linear time, or is not plain to see.
    """
    for operator, pattern in _SUBSTITUTION.findall(word):
        if pattern.count("*") > (operator != "/") or not {"$", "\\", "`"}.isdisjoint(pattern):
            raise UnknownInputError(f"what {word} removes or replaces is not read")
