"""Prints the manifest's JSON schema: `PYTHONPATH=src python schema/generate.py > schema/manifest.json`."""
# ruff: noqa: INP001 # a script, not a package

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from ecr_lambda_deploy.inputs.manifest.keys import DEFAULTS_KEYS, EXISTING_KEYS, FUNCTION_KEYS, IMAGE_KEYS, IMAGE_NAME
from ecr_lambda_deploy.inputs.table import TABLE, Scope, Shape

_ROOT = Path(__file__).parents[1]
_ID = "https://raw.githubusercontent.com/org/ecr-lambda-deploy/v1/schema/manifest.json"

# YAML reads 1.10 as a number; the manifest takes any single value as it is written.
_TEXT = {"type": ["string", "number", "boolean"]}
_TEXT_OR_NULL = {"type": ["string", "number", "boolean", "null"]}
_VARIABLE = r"\$\{"
_LIST = {"type": "array", "items": _TEXT}

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
    Shape.LINES: {"anyOf": [_LIST, _TEXT_OR_NULL]},
    Shape.PAIRS: {"anyOf": [{"type": "object", "additionalProperties": _TEXT_OR_NULL}, _LIST, _TEXT_OR_NULL]},
    Shape.JSON: {},
    Shape.MAPPING: {"type": ["object", "string", "null"]},
}

# An image is named once, and one that is there already takes nothing of a build. A variable may be empty.
_NAMED = {**_TEXT, "pattern": r"\S", "not": {"type": "string", "pattern": _VARIABLE}}
_ONE_SOURCE: Mapping[str, object] = {
    "not": {"required": [*EXISTING_KEYS], "properties": dict.fromkeys(EXISTING_KEYS, _NAMED)},
    "if": {"anyOf": [{"required": [name], "properties": {name: _NAMED}} for name in EXISTING_KEYS]},
    "then": {"properties": {name: {"type": "null"} for name, one in TABLE.items() if one.scope is Scope.BUILD}},
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
