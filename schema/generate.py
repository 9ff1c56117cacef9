"""Prints the manifest's JSON schema: `PYTHONPATH=src python schema/generate.py > schema/manifest.json`."""
# ruff: noqa: INP001 # a script, not a package

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from ecr_lambda_deploy.inputs.lists import CONTROLS
from ecr_lambda_deploy.inputs.manifest.keys import DEFAULTS_KEYS, EXISTING_KEYS, FUNCTION_KEYS, IMAGE_KEYS, IMAGE_NAME
from ecr_lambda_deploy.inputs.table import PROPERTIES, TABLE, Scope, Shape

_ROOT = Path(__file__).parents[1]
_ID = "https://raw.githubusercontent.com/org/ecr-lambda-deploy/v1/schema/manifest.json"

# YAML reads 1.10 as a number; the manifest takes any single value as it is written.
_SINGLE = ["string", "number", "boolean"]
_TEXT = {"type": _SINGLE}
_TEXT_OR_NULL = {"type": [*_SINGLE, "null"]}
_VARIABLE = r"\$\{"

# How a line goes on that is not KEY=VALUE, or not a property that `set` takes in a manifest.
_NO_PAIR = r"(?![^\n]*=)"
_NO_PROPERTY = r'(?![ \t"]*({})\+?[ \t]*=(?![ \t]*"?[ \t\r]*(\n|$)))'.format(
    "|".join(name for name, one in PROPERTIES.items() if one.is_in_manifest)
)


def _text(types: Sequence[str], *wrong: str) -> Mapping[str, object]:
    """Return a single value in whose text none of these patterns is found."""
    return {"type": types, "not": {"type": "string", "pattern": "|".join(wrong)}}


def _list(types: Sequence[str] = _SINGLE, no_item: str = "") -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return the two ways to write a list: as one, or as a text with one item a line.

    Args:
        types: of an item.
        no_item: how a line goes on that is no item, unless there is a variable in it; empty if every line is one.
    """
    wrong = [rf"(^|\n)(?=[^\n]*\S)(?![^\n]*{_VARIABLE}){no_item}"] if no_item else []
    open_quote = r'(^|\n)[ \t]*"(?!([^"\n]|"")*"[ \t\r]*(\n|$))'
    return (
        {"type": "array", "items": _text(types, f"[{CONTROLS}]", *wrong)},
        _text([*types, "null"], rf"(?![\n\r])[{CONTROLS}]|\r(?!\n)", open_quote, *wrong),
    )


def _pair_list(types: Sequence[str], *, has_values: bool) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return the two ways to write a list of pairs: as one, or as a text, in which a quoted pair may span lines.

    Args:
        types: of an item.
        has_values: whether each key has a value.
    """
    key = r"""[^=\n"']*"""
    pair, line_pair, quoted_pair = (f"{key}=" if has_values else rf"{key}(=|{end})" for end in ("$", r"\n|$", '"'))
    line = rf'[ \t\r]*|(?![ \t]*")(?:(?=[^\n]*{_VARIABLE})|(?={line_pair}))[^\n]*'
    quoted = rf'[ \t]*"(?:(?=(?:[^"]|"")*{_VARIABLE})|(?={quoted_pair}))(?:[^"]|"")*"[ \t\r]*'
    no_item = rf"^(?!{pair}|[ \t]*$|[^\n]*{_VARIABLE})"
    return (
        {"type": "array", "items": _text(types, f"[{CONTROLS}]", no_item)},
        {
            **_text([*types, "null"], rf"(?![\n\r])[{CONTROLS}]|\r(?!\n)"),
            "pattern": rf"^(?:{quoted}|{line})(?:\n(?:{quoted}|{line}))*$",
        },
    )


def _pairs(value: Mapping[str, object], no_key: str, *lists: Mapping[str, object]) -> Mapping[str, object]:
    """Return a mapping, of whose keys none has one of these characters, or the pairs as a list."""
    keys = {"pattern": ".", **_text(["string"], f"[{no_key}]")}
    return {"anyOf": [{"type": "object", "propertyNames": keys, "additionalProperties": value}, *lists]}


_NO_KEY, _NO_VALUE = rf" \t=\"'{CONTROLS}", rf"(?!\n)[{CONTROLS}]"
_SHAPES: Mapping[Shape, Mapping[str, object]] = {
    Shape.TEXT: _TEXT_OR_NULL,
    Shape.FLAG: {
        "anyOf": [{"type": ["boolean", "null"]}, {"type": "string", "pattern": rf"^(true|false|)$|{_VARIABLE}"}]
    },
    Shape.SECONDS: {
        "anyOf": [
            {"type": ["integer", "null"], "minimum": 1, "maximum": 86400},
            {"type": "string", "pattern": rf"^[0-9]{{0,9}}$|{_VARIABLE}"},
        ]
    },
    Shape.LINES: {"anyOf": [*_list()]},
    Shape.PAIRS: _pairs(_text([*_SINGLE, "null"], _NO_VALUE), _NO_KEY, *_pair_list(_SINGLE, has_values=False)),
    Shape.VALUES: _pairs(_text(_SINGLE, _NO_VALUE), _NO_KEY, *_pair_list(["string"], has_values=True)),
    Shape.SECRETS: _pairs(_TEXT_OR_NULL, rf'\s",={CONTROLS}', _list(["string"], _NO_PAIR)[0], _TEXT_OR_NULL),
    Shape.JSON: {},
    Shape.MAPPING: {"type": ["object", "string", "null"]},
}

# An image is named once, and one that is there already takes nothing of a build. A variable may be empty.
_NAMED = {**_TEXT, "pattern": r"\S", "not": {"type": "string", "pattern": _VARIABLE}}
_ONE_SOURCE: Mapping[str, object] = {
    "not": {"required": [*EXISTING_KEYS], "properties": dict.fromkeys(EXISTING_KEYS, _NAMED)},
    "if": {"anyOf": [{"required": [name], "properties": {name: _NAMED}} for name in EXISTING_KEYS]},
    "then": {
        "properties": {
            name: {"type": "null"} for name in IMAGE_KEYS if name in TABLE and TABLE[name].scope is Scope.BUILD
        }
    },
}

# What no input of the action says.
_OTHERS: Mapping[str, Mapping[str, object]] = {
    "name": {"description": "Lambda function's name or ARN, without version or alias", **_TEXT},
    "functions": {
        "description": "Functions that run the image; without any it is only built and pushed",
        "type": ["array", "null"],
        "items": {"anyOf": [_TEXT, {"$ref": "#/definitions/function"}]},
    },
    "repository-prefix": {
        "description": "An image's repository is this and the image's name, such as `shop/` and `orders`, "
        "if `repository` does not say otherwise",
        **_TEXT_OR_NULL,
    },
}


def schema() -> Mapping[str, object]:
    """Return the JSON schema, of the draft that editors' plugins for YAML know best."""
    definitions = {name: _setting(name, description) for name, description in _descriptions().items()}
    image, function = {**_mapping(IMAGE_KEYS), **_ONE_SOURCE}, {**_mapping(FUNCTION_KEYS), "required": ["name"]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": _ID,
        "title": "Manifest of ecr-lambda-deploy",
        "description": "Images and the Lambda functions that run them",
        "type": "object",
        "properties": {
            "version": {"description": "Version of this format", "enum": [1, "1"]},
            "defaults": {
                "description": "Settings of all images that do not say otherwise; null in an image unsets one",
                **_mapping(DEFAULTS_KEYS),
                "type": ["object", "null"],
            },
            "images": {
                "description": "Images by name",
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": f"^{IMAGE_NAME.pattern}$"},
                "additionalProperties": {"$ref": "#/definitions/image"},
            },
        },
        "required": ["version", "images"],
        "additionalProperties": False,
        "definitions": {**definitions, **_OTHERS, "image": image, "function": function},
    }


def rendered() -> str:
    """Return the text of `manifest.json`."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def _descriptions() -> Mapping[str, str]:
    """Return what `action.yml` says of each input that a manifest takes as a key."""
    inputs = yaml.safe_load((_ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    own = {"repository": "ECR repository's name; default: `repository-prefix` and the image's name"}
    return {name: own.get(name, inputs[name]["description"]) for name in IMAGE_KEYS if name in TABLE}


def _setting(name: str, description: str) -> Mapping[str, object]:
    one = TABLE[name]
    if name == "set":
        return {"description": description, "anyOf": [*_list(["string"], _NO_PROPERTY)]}
    choices = {"anyOf": [{"enum": [*one.choices, "", None]}, {"type": "string", "pattern": _VARIABLE}]}
    return {
        "description": description,
        **({"default": yaml.safe_load(one.default)} if one.default else {}),
        **(choices if one.choices else _SHAPES[one.shape]),
    }


def _mapping(keys: Sequence[str]) -> Mapping[str, object]:
    return {
        "type": "object",
        "properties": {name: {"$ref": f"#/definitions/{name}"} for name in keys},
        "additionalProperties": False,
    }


if __name__ == "__main__":
    sys.stdout.write(rendered())
