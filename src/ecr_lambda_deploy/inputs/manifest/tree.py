"""A manifest's YAML becomes PyYAML's nodes, which know their line and column, within bounds.

`yaml.compose` alone is not enough. PyYAML composes recursively in C, so 100,000 nested brackets crash the process;
and a few aliases can stand for more than there is memory. Here PyYAML's composer in Python takes the parser's events
one by one, and each is checked before its node is made.
"""

import re
from collections.abc import Iterator, Mapping
from copy import copy
from enum import StrEnum
from typing import NamedTuple, cast

import yaml
from yaml.composer import Composer, ComposerError
from yaml.resolver import Resolver

from ecr_lambda_deploy.inputs.problems import Place, Problem, note

MOST_BYTES = 1024 * 1024
"""No manifest is longer."""

_DEEPEST = 50
# An alias weighs as much as what it stands for. A node weighs its text and some more.
_WEIGHT_OF_NODE = 40
_MOST_WEIGHT = 100_000 * _WEIGHT_OF_NODE

_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader

# All but YAML's printable characters [YAML 1.1, 5.1], and among those the byte order mark, the four that stand for
# others below, and the two that end a line in YAML alone.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010fffb]|\r(?!\n)")
# Within {…} and […] YAML takes the braces of a plain ${KEY} for a mapping's, and refuses them. It never takes a brace
# right after a dollar there, so all of these are hidden from it.
_REFERENCE = re.compile(r"\$\{[^{}\[\],\s\"']*\}")
_HIDDEN = str.maketrans("{}", "\U0010fffe\U0010ffff")
# PyYAML ends lines at these, as YAML 1.1 does: what follows on a comment's line would be a key to it.
_SEPARATORS = str.maketrans("\u2028\u2029", "\U0010fffc\U0010fffd")
_SHOWN = {0x10FFFC: "\u2028", 0x10FFFD: "\u2029", 0x10FFFE: "{", 0x10FFFF: "}"}


class Tag(StrEnum):
    """The type of a scalar [YAML 1.1, type repository]."""

    STR = "tag:yaml.org,2002:str"
    NULL = "tag:yaml.org,2002:null"
    BOOL = "tag:yaml.org,2002:bool"
    INT = "tag:yaml.org,2002:int"
    FLOAT = "tag:yaml.org,2002:float"
    TIMESTAMP = "tag:yaml.org,2002:timestamp"


_WORDS: Mapping[str, str] = {
    Tag.STR: "a text",
    Tag.NULL: "null",
    Tag.BOOL: "true or false",
    Tag.INT: "a number",
    Tag.FLOAT: "a number",
    Tag.TIMESTAMP: "a date",
}


class Entry(NamedTuple):
    """A key of a mapping with its value."""

    key: yaml.ScalarNode
    value: yaml.Node


def entries(node: yaml.MappingNode) -> dict[str, Entry]:
    """Return the entries of a mapping by key, in the order of the file."""
    return {key.value: Entry(key, value) for key, value in node.value}


def place_of(mark: object, file: str) -> Place:
    """Return the place of a mark; the C parser and the Python parser have different types for it."""
    return Place(file=file, line=getattr(mark, "line", 0) + 1, column=getattr(mark, "column", 0) + 1)


def is_null(node: yaml.Node) -> bool:
    """Whether a node is YAML's null, which unsets."""
    return node.tag == Tag.NULL


def noun(node: yaml.Node) -> str:
    """Return what a node is, in words."""
    if is_null(node):
        return "nothing"
    if isinstance(node, yaml.ScalarNode):
        return "a single value"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"


def shown(text: str) -> str:
    """Return a text in quotes, cut short if it is long."""
    most = 60
    return repr(text if len(text) <= most else f"{text[:most]}…")


class _UnreadableError(Exception):
    """Something is wrong that makes everything else in the file meaningless.

    Attributes:
        text: what is wrong.
        place: where.
    """

    def __init__(self, text: str, place: Place) -> None:
        super().__init__(text)
        self.text = text
        self.place = place


def read_yaml(content: bytes | str, *, file: str, problems: list[Problem]) -> yaml.Node | None:
    """Read a YAML document.

    Its scalars have one of the tags in `Tag`, its mappings only keys that are texts, each once.

    Args:
        content: of the file.
        file: its path, for places.
        problems: collects the problems.

    Returns:
        the root node; None if the file cannot be read, which is then the only problem with it.

    Raises:
        TooManyProblemsError: there are more problems than anybody would read.
    """
    before = len(problems)
    try:
        return _compose(_decoded(content, file), file, problems)
    except _UnreadableError as error:
        del problems[before:]
        note(problems, error.place, error.text)
    return None


def _decoded(content: bytes | str, file: str) -> str:
    """Return the text of a file.

    Raises:
        _UnreadableError: it is too long, is not UTF-8, or holds a character that YAML does not take.
    """
    if len(content) > MOST_BYTES:
        text = "The manifest is longer than 1 MiB: it names images and functions, and is no place for data."
        raise _UnreadableError(text, _place_after("", file))
    try:
        text = content if isinstance(content, str) else content.decode()
    except UnicodeDecodeError as error:
        place = _place_after(error.object[: error.start].decode(), file)
        byte = f"0x{error.object[error.start]:02x}"
        raise _UnreadableError(f"The byte {byte} is not UTF-8: save the file as UTF-8.", place) from None
    text = text.removeprefix("\ufeff")
    if found := _UNPRINTABLE.search(text):
        place = _place_after(text[: found.start()], file)
        raise _UnreadableError(f"A manifest does not have the character U+{ord(found[0]):04X}: remove it.", place)
    return text


def _place_after(text: str, file: str) -> Place:
    """Return the place that follows the text at the beginning of the file."""
    lines = f"{text}.".split("\n")
    return Place(file=file, line=len(lines), column=len(lines[-1]))


def _compose(text: str, file: str, problems: list[Problem]) -> yaml.Node:
    hidden = _REFERENCE.sub(lambda found: found[0].translate(_HIDDEN), text.translate(_SEPARATORS))
    try:
        root = _Composer(_LOADER(hidden), file, problems).get_single_node()
    except ComposerError as error:
        place = place_of(error.problem_mark, file)
        raise _UnreadableError("A second document begins here: a manifest is a single document.", place) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:  # the last two for escapes of no character
        raise _not_yaml(error, text, file) from None
    return root or yaml.ScalarNode(Tag.NULL, "")


def _not_yaml(error: Exception, text: str, file: str) -> _UnreadableError:
    """Return what is wrong, in the parser's own words."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _UnreadableError(f"This is not YAML: {error}.", place_of(None, file))
    place = place_of(error.problem_mark or error.context_mark, file)
    lines = text.split("\n")
    if place.line <= len(lines) and re.match(" *\t", lines[place.line - 1]):
        return _UnreadableError("This line is indented with a tab, which YAML does not allow: use spaces.", place)
    begin = f" that begins in line {error.context_mark.line + 1}" if error.context_mark else ""
    context = f"{error.context}{begin}: " if error.context else ""
    return _UnreadableError(f"This is not YAML: {context}{error.problem}.".translate(_SHOWN), place)


class _Anchored(NamedTuple):
    """A node that has an anchor, and the size of it with all that is in it; a scalar has the height 0."""

    node: yaml.Node | None
    weight: int
    height: int


class _Composer(Composer, Resolver):
    """PyYAML's composer, with bounds.

    Beside them it differs in this: an anchor may be defined again, a scalar has the place of the alias that names it,
    explicit tags are problems, and so are keys that are no texts or stand twice.

    Args:
        parser: where the events come from.
        file: its path, for places.
        problems: collects the problems.
    """

    def __init__(self, parser: yaml.CSafeLoader | yaml.SafeLoader, file: str, problems: list[Problem]) -> None:
        Composer.__init__(self)
        Resolver.__init__(self)
        self.check_event, self.peek_event, self.get_event = parser.check_event, parser.peek_event, parser.get_event
        self._file = file
        self._problems = problems
        self._weight = 0
        self._depth = 0  # how many lists and mappings have not ended yet
        self._deepest = 0  # the greatest depth so far within the nearest node that has not ended yet
        self._anchored: dict[str | None, _Anchored | None] = {}  # by anchor; None while the node has not ended

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the node that begins with the next event.

        Raises:
            _UnreadableError: it is too large or too deep, or an alias in it stands for nothing.
        """
        event = cast("yaml.AliasEvent | yaml.ScalarEvent | yaml.CollectionStartEvent", self.peek_event())
        if isinstance(event, yaml.AliasEvent):
            return self._aliased(event)
        anchor, event.anchor = event.anchor, None  # the composer would refuse one that is defined again
        self._anchored[anchor] = None
        self._check_tag(event)
        weight, deepest = self._weight, self._deepest
        height = 1 if isinstance(event, yaml.CollectionStartEvent) else 0
        self._deepest = self._depth
        self._grow(event, weight=_WEIGHT_OF_NODE + len(getattr(event, "value", "")), height=height)
        self._depth += height
        node = super().compose_node(parent, index)
        self._depth -= height
        self._anchored[anchor] = _Anchored(node, self._weight - weight, self._deepest - self._depth)
        self._deepest = max(self._deepest, deepest)
        if isinstance(node, yaml.MappingNode):
            node.value = list(self._checked(node.value))
        elif isinstance(node, yaml.ScalarNode):
            node.value = node.value.translate(_SHOWN)
            node.tag = node.tag if node.tag in _WORDS else Tag.STR
        return node

    def _aliased(self, event: yaml.AliasEvent) -> yaml.Node | None:
        self.get_event()
        name = event.anchor
        if name not in self._anchored:
            text = f"*{name} is an alias, and nothing before it has the anchor &{name}."
            raise _UnreadableError(text, self._place(event))
        anchored = self._anchored[name]
        if anchored is None:
            text = f"*{name} stands for a value that contains it, so it has no end: write it out."
            raise _UnreadableError(text, self._place(event))
        self._grow(event, weight=anchored.weight, height=anchored.height)
        node = anchored.node
        if isinstance(node, yaml.ScalarNode):
            node = copy(node)
            node.start_mark = event.start_mark
        return node

    def _grow(self, event: yaml.NodeEvent, *, weight: int, height: int) -> None:
        self._weight += weight
        self._deepest = max(self._deepest, self._depth + height)
        if self._deepest > _DEEPEST:
            raise _UnreadableError(f"The manifest is nested more than {_DEEPEST} deep here.", self._place(event))
        if self._weight > _MOST_WEIGHT:
            text = "Here the manifest becomes too large, with all that its aliases stand for."
            raise _UnreadableError(text, self._place(event))

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag and event.tag not in {"!", Tag.STR}:
            tag = shown(event.tag.replace("tag:yaml.org,2002:", "!!"))
            text = f"The tag {tag} is not supported: write the value without it, and a text in quotes."
            note(self._problems, self._place(event), text)
            event.tag = Tag.STR

    def _checked(self, pairs: list[tuple[yaml.Node, yaml.Node]]) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        """Yield the entries whose keys are right, and note what is wrong with the others."""
        lines: dict[str, int] = {}
        for key, value in pairs:
            place = place_of(key.start_mark, self._file)
            wrong = _wrong_key(key)
            if not wrong and key.value in lines:
                wrong = f"{shown(key.value)} is in line {lines[key.value]} already: remove one of the two."
            if wrong:
                note(self._problems, place, wrong)
            else:
                lines[key.value] = place.line
                yield key, value

    def _place(self, event: yaml.Event) -> Place:
        return place_of(event.start_mark, self._file)


def _wrong_key(key: yaml.Node) -> str:
    """Return what is wrong with a key; nothing if it is right."""
    if not isinstance(key, yaml.ScalarNode):
        return f"A key is a text, not {noun(key)}."
    if key.value == "<<":
        return "Merging by '<<' is not supported: what images share goes into 'defaults'."
    if key.tag != Tag.STR:
        return f"The key {shown(key.value)} is {_WORDS[key.tag]} to YAML: put it in quotes."
    if "${" in key.value:
        return f"The key {shown(key.value)} holds '${{', which is replaced in values only: write it out."
    return ""
