"""Reads the values of a manifest by the shape of their setting, and replaces `${KEY}` in them."""

import json
import math
import re
from collections.abc import Mapping
from difflib import get_close_matches

import yaml
from yaml.constructor import SafeConstructor

from ecr_lambda_deploy.inputs.manifest.tree import MOST_BYTES, Tag, entries, is_null, noun, place_of, shown
from ecr_lambda_deploy.inputs.problems import Place, Problem, note
from ecr_lambda_deploy.inputs.settings import Given
from ecr_lambda_deploy.inputs.table import TABLE, Shape

# `$${` is a literal `${`.
_REFERENCE = re.compile(r"\$\$\{|\$\{(?:(?P<key>[A-Za-z_][A-Za-z0-9_]*)\})?")
# Longer than any useful number, and short enough to be parsed quickly.
_LONGEST_NUMBER = 100
_MOST_INSERTED = MOST_BYTES  # characters that stand in place of `${KEY}`, all together
_CONSTRUCTOR = SafeConstructor()


class ValueReader:
    """Reads values and collects problems.

    Args:
        file: path of the manifest, for places.
        variables: the values of `${KEY}` by key.
        problems: collects the problems.
    """

    def __init__(self, file: str, variables: Mapping[str, str], problems: list[Problem]) -> None:
        self._file = file
        self._variables = variables
        self._problems = problems
        self._inserted = 0  # characters so far

    def place(self, node: yaml.Node) -> Place:
        """Return where a node begins."""
        return place_of(node.start_mark, self._file)

    def problem(self, node: yaml.Node, text: str) -> None:
        """Note a problem with a node."""
        note(self._problems, self.place(node), text)

    def setting(self, name: str, node: yaml.Node) -> Given | None:
        """Return the value of a setting; None if it is wrong, which is noted as a problem.

        Args:
            name: of the setting.
            node: its value, not null.
        """
        match TABLE[name].shape:
            case Shape.LINES:
                return self._lines(name, node)
            case Shape.PAIRS | Shape.VALUES | Shape.SECRETS:
                return self._pairs(name, node)
            case Shape.JSON:
                return self._json(name, node)
            case Shape.MAPPING:
                return self._mapping(name, node)
            case shape:
                return self._single(name, node, shape)

    def written(self, node: yaml.Node) -> str:
        """Return a value without its layout, in which no `${KEY}` is replaced."""
        return json.dumps(_written(node))

    def text(self, name: str, node: yaml.Node) -> str | None:
        """Return a single value as it is written, whatever its YAML type; None if it is wrong, which is noted.

        Args:
            name: of the key, for the problem.
            node: the value.
        """
        if not isinstance(node, yaml.ScalarNode):
            self.problem(node, f"'{name}' is a text, not {noun(node)}.")
            return None
        return self._replaced(node)

    def _single(self, name: str, node: yaml.Node, shape: Shape) -> str | None:
        """Return a checked single value; an empty one stands for the default, as in the action's inputs."""
        text = self.text(name, node)
        if not text:
            return text
        choices = TABLE[name].choices
        if shape is Shape.FLAG:
            wanted = "" if text.lower() in {"true", "false"} else "true or false"
        elif shape is Shape.SECONDS:
            wanted = "" if re.fullmatch("[0-9]{1,9}", text) else "a whole number of seconds"
        else:
            wanted = "" if not choices or text in choices else f"one of {', '.join(choices)}"
        if wanted:
            # As it is written: the runner masks no secret of which `shown` has left only the beginning.
            self.problem(node, f"'{name}' is {wanted}, not {shown(node.value)}.")
            return None
        return text.lower() if shape is Shape.FLAG else text

    def _lines(self, name: str, node: yaml.Node) -> str | tuple[str, ...] | None:
        match node:
            case yaml.ScalarNode():
                return self._replaced(node)
            case yaml.SequenceNode():
                items = [self._item(name, item) for item in node.value]
                return tuple(item for item in items if item is not None)
            case _:
                self.problem(node, f"'{name}' is a list, or a text with one per line, not a mapping.")
                return None

    def _item(self, name: str, node: yaml.Node) -> str | None:
        if not isinstance(node, yaml.ScalarNode) or is_null(node):
            self.problem(node, f"'{name}' is a list of texts; this item is {noun(node)}.")
            return None
        return self._replaced(node)

    def _pairs(self, name: str, node: yaml.Node) -> Given | None:
        if not isinstance(node, yaml.MappingNode):
            return self._lines(name, node)
        pairs: dict[str, object] = {}
        for key, entry in entries(node).items():
            if not isinstance(entry.value, yaml.ScalarNode):
                what = noun(entry.value)
                self.problem(entry.value, f"'{name}' maps keys to texts; that of {shown(key)} is {what}.")
            elif is_null(entry.value):
                pairs[key] = None
            elif (text := self._replaced(entry.value)) is not None:
                pairs[key] = text
        return pairs

    def _json(self, name: str, node: yaml.Node) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == Tag.STR:
            return self._replaced(node)
        return json.dumps(self._constructed(name, node), ensure_ascii=False)

    def _mapping(self, name: str, node: yaml.Node) -> Given | None:
        match node:
            case yaml.ScalarNode(tag=Tag.STR):
                return self._replaced(node)
            case yaml.MappingNode():
                return {key: self._constructed(name, entry.value) for key, entry in entries(node).items()}
            case _:
                self.problem(node, f"'{name}' is a mapping, not {noun(node)}.")
                return None

    def _constructed(self, name: str, node: yaml.Node) -> object:
        """Return a value with its YAML types, for JSON or AWS; a wrong part is noted, and is None."""
        match node:
            case yaml.SequenceNode():
                return [self._constructed(name, item) for item in node.value]
            case yaml.MappingNode():
                return {key: self._constructed(name, entry.value) for key, entry in entries(node).items()}
            case yaml.ScalarNode(tag=Tag.STR):
                return self._replaced(node)
            case yaml.ScalarNode(tag=Tag.INT | Tag.FLOAT):
                return self._number(name, node)
            case yaml.ScalarNode(tag=Tag.BOOL):
                return _CONSTRUCTOR.construct_yaml_bool(node)
            case yaml.ScalarNode(tag=Tag.TIMESTAMP):
                self.problem(node, f"'{name}' holds a date here, which JSON does not have: put it in quotes.")
        return None

    def _number(self, name: str, node: yaml.ScalarNode) -> int | float | None:
        construct = _CONSTRUCTOR.construct_yaml_int if node.tag == Tag.INT else _CONSTRUCTOR.construct_yaml_float
        try:
            number = math.nan if len(node.value) > _LONGEST_NUMBER else construct(node)
        except ValueError:  # YAML's patterns match some texts without digits, such as 0x_
            number = math.nan
        if not math.isfinite(number):
            self.problem(node, f"'{name}' holds a number here that JSON does not have: put it in quotes.")
            return None
        return number

    def _replaced(self, node: yaml.ScalarNode) -> str | None:
        """Return a text with `${KEY}` replaced; None if a reference is wrong, which is noted."""
        text: str = node.value
        if "${" not in text:
            return text
        keys = [found["key"] for found in _REFERENCE.finditer(text) if found[0] != "$${"]
        unknown = [key for key in dict.fromkeys(keys) if key not in self._variables]
        for key in unknown:
            self.problem(node, self._wrong_reference(key))
        if unknown:
            return None
        self._inserted += sum(len(self._variables[key]) for key in keys if key)
        if self._inserted > _MOST_INSERTED:
            self.problem(node, "Here the manifest becomes too large, with all that its ${KEY} stand for.")
            return None
        return _REFERENCE.sub(lambda found: self._variables[found["key"]] if found["key"] else "${", text)

    def _wrong_reference(self, key: str | None) -> str:
        if key is None:
            return "'${' does not begin a ${KEY} here: a KEY has letters, digits and _. Write '$${' for a literal '${'."
        close = get_close_matches(key[:100], self._variables, n=1)
        if close:
            return f"${{{key[:100]}}} is not defined: did you mean ${{{close[0]}}}? Else give it in the input 'vars'."
        return f"${{{key[:100]}}} is not defined: give it in the input 'vars', as a line {key[:100]}=VALUE."


def _written(node: yaml.Node) -> object:
    match node:
        case yaml.MappingNode():
            return [[key, _written(entry.value)] for key, entry in sorted(entries(node).items())]
        case yaml.SequenceNode():
            return [_written(item) for item in node.value]
        case _:
            return node.value
