"""The events of YAML's parser -> a tree that knows where everything stands, and is of a size that can be read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import cast

import yaml
from yaml.resolver import Resolver

from ecr_lambda_deploy.inputs.manifest.nodes import (
    Entry,
    Kind,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    noun,
    shown,
)
from ecr_lambda_deploy.inputs.problems import Place, Problem, note

_DEEPEST = 50
# Aliases weigh as what they stand for: a few of them can stand for more than there is memory. A node weighs some more
# than its text.
_WEIGHT_OF_NODE = 40
_MOST_WEIGHT = 100_000 * _WEIGHT_OF_NODE

_RESOLVER = Resolver()
_CORE = "tag:yaml.org,2002:"
_KINDS: Mapping[str, str] = {
    "str": "a text",
    "null": "null",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "timestamp": "a date",
}


class UnreadableError(Exception):
    """What is wrong makes everything else meaningless.

    Attributes:
        text: what it is.
        place: where.
    """

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text)
        self.text = text
        self.place = place


def place_of(mark: object, file: str) -> Place:
    """Return the place of a parser's mark; the C parser and the other one have each a type of their own for it."""
    line, column = getattr(mark, "line", 0), getattr(mark, "column", 0)
    return Place(file=file, line=line + 1, column=column + 1)


@dataclass(slots=True, kw_only=True)
class _Open:
    """A list or mapping that has not ended yet; keys and values of a mapping take turns."""

    start: yaml.CollectionStartEvent
    weight_before: int
    nodes: list[Node] = field(default_factory=list)
    height: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Anchored:
    """What an alias stands for."""

    node: Node
    weight: int
    height: int


class Tree:
    """Builds a tree; it does not recurse, however deep the events go.

    Args:
        file: path of the file, for places.
        hidden: what the texts have in place of other characters, as `str.translate` takes it.
        problems: where what is wrong is collected.
    """

    def __init__(self, file: str, hidden: Mapping[int, str], problems: list[Problem]) -> None:
        self._file = file
        self._hidden = hidden
        self._problems = problems
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}  # None while it has not ended
        self._weight = 0
        self._roots: list[Node] = []

    def build(self, events: Iterable[yaml.Event]) -> Node:
        """Return the tree of a document.

        Args:
            events: of the parser.

        Raises:
            UnreadableError: it is YAML that a manifest cannot be.
        """
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    before = self._weight
                    self._weigh(event, len(event.value) + _WEIGHT_OF_NODE)
                    self._end(event, self._scalar(event), before, 0)
                case yaml.AliasEvent():
                    self._repeat(event)
                case yaml.CollectionStartEvent():
                    self._begin(event)
                case yaml.CollectionEndEvent():
                    ended = self._open.pop()
                    self._end(ended.start, self._collection(ended), ended.weight_before, ended.height)
                case yaml.DocumentStartEvent() if self._roots:
                    raise self._refusal(event, "A second document begins here: a manifest is one.")
                case _:
                    pass  # begin and end of the stream, end of a document
        return self._roots[0] if self._roots else ScalarNode(text="", kind="null", place=place_of(None, self._file))

    def _place(self, event: yaml.Event) -> Place:
        return place_of(event.start_mark, self._file)

    def _refusal(self, event: yaml.Event, text: str) -> UnreadableError:
        return UnreadableError(text, self._place(event))

    def _weigh(self, event: yaml.Event, weight: int) -> None:
        self._weight += weight
        if self._weight > _MOST_WEIGHT:
            raise self._refusal(event, "By here the manifest holds too much, with what its aliases stand for.")

    def _check_depth(self, event: yaml.Event, height: int) -> None:
        if len(self._open) + height > _DEEPEST:
            raise self._refusal(event, f"The manifest is nested more than {_DEEPEST} deep here.")

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._check_depth(event, 1)
        self._check_tag(event)
        self._open.append(_Open(start=event, weight_before=self._weight))
        self._weigh(event, _WEIGHT_OF_NODE)
        if event.anchor:
            self._anchors[event.anchor] = None

    def _end(self, event: yaml.NodeEvent, node: Node, weight_before: int, height: int) -> None:
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(node=node, weight=self._weight - weight_before, height=height)
        self._add(node, height)

    def _add(self, node: Node, height: int) -> None:
        if self._open:
            self._open[-1].nodes.append(node)
            self._open[-1].height = max(self._open[-1].height, height + 1)
        else:
            self._roots.append(node)

    def _repeat(self, event: yaml.AliasEvent) -> None:
        name = event.anchor or ""
        if name not in self._anchors:
            raise self._refusal(event, f"*{name} is an alias, and nothing before it has the anchor &{name}.")
        anchored = self._anchors[name]
        if anchored is None:
            raise self._refusal(event, f"*{name} stands for what it is part of, and so has no end: write it out.")
        self._check_depth(event, anchored.height)
        self._weigh(event, anchored.weight)
        node = anchored.node
        self._add(replace(node, place=self._place(event)) if isinstance(node, ScalarNode) else node, anchored.height)

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag and event.tag not in {"!", f"{_CORE}str"}:
            tag = shown(event.tag.replace(_CORE, "!!"))
            text = f"The tag {tag} is not taken: write the value without it, and a text in quotes."
            note(self._problems, self._place(event), text)

    def _scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        self._check_tag(event)
        tag: str = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
        kind = tag.removeprefix(_CORE)
        return ScalarNode(
            text=event.value.translate(self._hidden),
            kind=cast("Kind", kind) if kind in _KINDS else "str",
            place=self._place(event),
        )

    def _collection(self, ended: _Open) -> SequenceNode | MappingNode:
        place = self._place(ended.start)
        if isinstance(ended.start, yaml.SequenceStartEvent):
            return SequenceNode(items=tuple(ended.nodes), place=place)
        entries: dict[str, Entry] = {}
        for key, value in zip(ended.nodes[::2], ended.nodes[1::2], strict=True):
            if wrong := _wrong_key(key):
                note(self._problems, key.place, wrong)
            elif isinstance(key, ScalarNode) and (first := entries.get(key.text)):
                text = f"{shown(key.text)} stands in line {first.place.line} already: remove one of the two."
                note(self._problems, key.place, text)
            elif isinstance(key, ScalarNode):
                entries[key.text] = Entry(value=value, place=key.place)
        return MappingNode(entries=entries, place=place)


def _wrong_key(key: Node) -> str:
    """Return what is wrong with a key; nothing if it is one."""
    if not isinstance(key, ScalarNode):
        return f"A key is a text, not {noun(key)}."
    if key.text == "<<":
        return "Merges by '<<' are not taken: what images share goes into 'defaults'."
    if key.kind != "str":
        return f"The key {shown(key.text)} is {_KINDS[key.kind]} to YAML: put it in quotes."
    if "${" in key.text:
        return f"The key {shown(key.text)} holds '${{', which is replaced in values only: write it out."
    return ""
