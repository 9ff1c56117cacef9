"""What a manifest's YAML consists of, and how what is wrong with it is noted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ecr_lambda_deploy.inputs.problems import Place

Kind = Literal["str", "null", "bool", "int", "float", "timestamp"]
"""What YAML 1.1 takes a scalar for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarNode:
    """A single value.

    Attributes:
        text: as it is written, without quotes.
        kind: what YAML takes it for.
        place: where it begins.
    """

    text: str
    kind: Kind
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceNode:
    """A list."""

    items: tuple["Node", ...]
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The value of a key; the place is the key's."""

    value: "Node"
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingNode:
    """A mapping; its keys are in the order of the file."""

    entries: Mapping[str, Entry]
    place: Place


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def is_null(node: Node) -> bool:
    """Whether it is YAML's null, which unsets."""
    return isinstance(node, ScalarNode) and node.kind == "null"


def noun(node: Node) -> str:
    """Return what a node is, in words."""
    match node:
        case ScalarNode(kind="null"):
            return "nothing"
        case ScalarNode():
            return "a single value"
        case SequenceNode():
            return "a list"
        case MappingNode():
            return "a mapping"


def shown(text: str) -> str:
    """Return a text in quotes, and not all of it if it is long."""
    most = 60
    return repr(text if len(text) <= most else f"{text[:most]}…")
