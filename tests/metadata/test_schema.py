"""The manifest's JSON schema is what the code reads, and the monorepo of the examples is by it."""

import json
import re
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from ecr_lambda_deploy.inputs.manifest.manifest import read_manifest
from ecr_lambda_deploy.inputs.parse import parse_inputs
from ecr_lambda_deploy.inputs.problems import Problem
from ecr_lambda_deploy.inputs.settings import ImageEntry
from ecr_lambda_deploy.inputs.table import PROPERTIES, TABLE, Scope, Shape
from ecr_lambda_deploy.model.errors import InputError
from schema.generate import rendered

_ROOT = Path(__file__).parents[2]
_SCHEMA: Mapping[str, Any] = json.loads((_ROOT / "schema/manifest.json").read_text(encoding="utf-8"))
_MONOREPO = _ROOT / "examples/monorepo"
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def _is_valid(value: object, schema: Mapping[str, Any]) -> bool:
    """Whether a value is by a schema, as far as the words go that the manifest's has."""
    if "$ref" in schema:
        return _is_valid(value, _SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]])
    types = schema.get("type", list(_TYPES))
    return (
        any(_is_of(value, name) for name in ([types] if isinstance(types, str) else types))
        and ("anyOf" not in schema or any(_is_valid(value, way) for way in schema["anyOf"]))
        and value in schema.get("enum", [value])
        and ("not" not in schema or not _is_valid(value, schema["not"]))
        and ("if" not in schema or not _is_valid(value, schema["if"]) or _is_valid(value, schema["then"]))
        and _is_valid_inside(value, schema)
    )


def _is_valid_inside(value: object, schema: Mapping[str, Any]) -> bool:
    match value:
        case str():
            return re.search(schema.get("pattern", ""), value) is not None
        case int() | float():
            return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
        case list():
            return all(_is_valid(item, schema.get("items", {})) for item in value)
        case dict():
            return _is_valid_mapping(value, schema)
        case _:
            return True


def _is_of(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _is_valid_mapping(value: Mapping[str, object], schema: Mapping[str, Any]) -> bool:
    others = schema.get("additionalProperties", {})
    return (
        len(value) >= schema.get("minProperties", 0)
        and {*schema.get("required", [])} <= {*value}
        and all(_is_valid(key, schema.get("propertyNames", {})) for key in value)
        and all(
            _is_valid(item, schema["properties"][key])
            if key in schema.get("properties", {})
            else others is not False and _is_valid(item, others)
            for key, item in value.items()
        )
    )


def _read(text: str) -> tuple[tuple[ImageEntry, ...], list[Problem]]:
    problems: list[Problem] = []
    entries = read_manifest(text, file="deploy.yaml", variables={"stage": "dev"}, problems=problems)
    return entries, problems


def _keys(owner: str) -> set[str]:
    """Return the keys of `defaults`, or of an `image` or a `function`."""
    mappings = {"defaults": _SCHEMA["properties"]["defaults"], **_SCHEMA["definitions"]}
    return {*mappings[owner]["properties"]}


def _manifest(owner: str, entry: str) -> str:
    """Return a manifest with one more entry somewhere."""
    return {
        "defaults": f"version: 1\ndefaults: {{{entry}}}\nimages: {{orders: {{}}}}\n",
        "image": f"version: 1\nimages: {{orders: {{{entry}}}}}\n",
        "function": f"version: 1\nimages: {{orders: {{functions: [{{name: f, {entry}}}]}}}}\n",
    }[owner]


def test_the_file_is_what_is_generated() -> None:
    """`PYTHONPATH=src python schema/generate.py > schema/manifest.json` makes it so."""
    assert (_ROOT / "schema/manifest.json").read_text(encoding="utf-8") == rendered()


def test_an_image_has_every_input_that_is_not_of_the_run_or_reserved_to_the_workflow() -> None:
    of_the_workflow = {"registry", "builder", "docker-auth", "cache-from", "cache-to"}

    assert _keys("image") == (
        {name for name, one in TABLE.items() if one.scope is not Scope.RUN} - of_the_workflow | {"functions"}
    )


def test_a_function_has_the_inputs_of_a_release() -> None:
    assert _keys("function") == {name for name, one in TABLE.items() if one.scope is Scope.FUNCTION} | {"name"}


def test_defaults_have_what_more_than_one_image_can_have() -> None:
    of_one_image = {"functions", "image-uri", "promote-from"}

    assert _keys("defaults") == (_keys("image") - of_one_image) | {"repository-prefix"}


def test_everything_is_described() -> None:
    inputs = yaml.safe_load((_ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    described = {name: _SCHEMA["definitions"][name]["description"] for name in _keys("image") | _keys("defaults")}
    assert "`repository-prefix`" in described.pop("repository")  # which only a manifest has

    assert all(described.values())
    assert {name: text for name, text in described.items() if name in TABLE} == {
        name: entry["description"] for name, entry in inputs.items() if name in _keys("image") - {"repository"}
    }


@pytest.mark.parametrize("owner", ["defaults", "image", "function"])
def test_the_reader_takes_the_keys_of_the_schema_and_no_others(owner: str) -> None:
    known = {*TABLE, *_keys("defaults"), *_keys("image"), *_keys("function"), *_SCHEMA["properties"], "x"} - {"name"}
    taken = {key for key in known if not _read(_manifest(owner, f"{key}: null"))[1]}

    assert taken == _keys(owner) - {"name"}


_VALUES = {
    Shape.TEXT: ["a", "1.10", "true"],
    Shape.FLAG: ["true", "false", "'true'"],
    Shape.SECONDS: ["5", "'5'"],
    Shape.LINES: ["a", "[a, 1.10]", "[]"],
    Shape.PAIRS: ["{A: b, C: null, D: 1}", "[A=b, C]", "A=b\nC", "5"],
    Shape.VALUES: ["{A: b, D: 1}", "[A=b]", "A=b"],
    Shape.SECRETS: ["{A: b, C: null, D: 1}", "[A=b]", "A=b"],
    Shape.JSON: ["{a: [1, null]}", "[]", "5", "event.json"],
    Shape.MAPPING: ["{Role: arn, MemorySize: 512}", "'Role: arn'"],
}
_WRONG_VALUES = {
    Shape.TEXT: ["[a]", "{a: b}"],
    Shape.FLAG: ["maybe", "5", "[true]"],
    Shape.SECONDS: ["5m", "1.5", "[5]"],
    Shape.LINES: ["{a: b}", "[[a]]", "[null]"],
    Shape.PAIRS: ["{A: [b]}", "[{A: b}]"],
    Shape.VALUES: ["{A: [b]}", "[{A: b}]"],
    Shape.SECRETS: ["{A: [b]}", "[{A: b}]"],
    Shape.JSON: [],
    Shape.MAPPING: ["[a]", "5"],
}


def _cases(values: Mapping[Shape, list[str]]) -> list[str]:
    return [
        f"{name}: {value}"
        for name, one in TABLE.items()
        if name in _keys("image")
        for value in _of(name, one.shape, values)
    ]


def _of(name: str, shape: Shape, values: Mapping[Shape, list[str]]) -> list[str]:
    choices = TABLE[name].choices
    if name == "set":
        return ["shm-size=1m", "[annotations=a, ulimits=b]", "[]"] if values is _VALUES else values[shape]
    if not choices:
        return values[shape]
    return [*(f"'{choice}'" for choice in choices), "''"] if values is _VALUES else ["other", "[a]"]


@pytest.mark.parametrize("entry", [*_cases(_VALUES), "functions: [f, {name: f-2}]", "functions: null"])
def test_what_the_reader_takes_is_by_the_schema(entry: str) -> None:
    text = _manifest("image", entry)

    assert not _read(text)[1]
    assert _is_valid(yaml.safe_load(text), _SCHEMA)


@pytest.mark.parametrize("name", sorted(_keys("image") - {"functions"}))
def test_any_value_may_be_a_variable(name: str) -> None:
    assert _is_valid({"version": 1, "images": {"orders": {name: "${stage}"}}}, _SCHEMA)


@pytest.mark.parametrize(
    "text",
    [
        *(_manifest("image", entry) for entry in _cases(_WRONG_VALUES)),
        _manifest("image", "aws-region: eu-west-1"),
        *(
            _manifest(owner, f"{name}: {value}")
            for owner in ("defaults", "image", "function")
            for name, one in TABLE.items()
            if one.reserved
            for value in ("null", "a")
        ),
        _manifest("function", "context: a"),
        _manifest("defaults", "functions: [f]"),
        "images: {orders: {}}",
        "version: 2\nimages: {orders: {}}",
        "version: 1",
        "version: 1\nimages: {}",
        "version: 1\nimages: [orders]",
        "version: 1\nimages: {orders: null}",
        "version: 1\nimages: {a b: {}}",
        "version: 1\nimages: {orders: {functions: f}}",
        "version: 1\nimages: {orders: {functions: [{alias: live}]}}",
        "version: 1\nimages: {orders: {}}\ndefault: {}",
    ],
)
def test_what_the_reader_refuses_is_not_by_the_schema(text: str) -> None:
    assert _read(text)[1]
    assert not _is_valid(yaml.safe_load(text), _SCHEMA)


_BUILD_KEYS = [name for name, one in TABLE.items() if one.scope is Scope.BUILD]
# Lists, and what they are in an image that is built.
_LISTS = [
    ("build-args: {A: null}", False),
    ("build-args: {A: ''}", True),
    ("build-args: [A]", False),
    ("build-args: [A=]", True),
    ("build-args: A", False),
    ("build-args: 5", False),
    ("build-args: '\"A=1\"'", True),
    ("build-args: '\"A=1'", False),
    ("build-args: '\"A=1\" B'", False),
    ("build-args: ['\"A=1']", False),
    (r'build-args: "\"A=1\n2\"\nB=3"', True),
    (r'build-args: "\"A=1\n2\nB=3"', False),
    (r'build-args: "A\"=1"', False),
    ("build-args: {A'B: c}", False),
    (r'build-args: "A=1\n\n  B=2\r\n"', True),
    (r'build-args: "A=1\n\n B\n"', False),
    (r'build-args: {A: "1\n2"}', True),
    ("build-args: ['${empty}A=']", True),
    ("build-contexts: {a: null}", False),
    ("build-contexts: [a]", False),
    ("labels: {a: null}", True),
    ("labels: [a]", True),
    (r'labels: "a\nb=1"', True),
    (r'labels: "\"a\nb\""', False),
    (r'labels: "a\"b"', False),
    (r'labels: {"a b": c}', False),
    (r'labels: {"a=b": c}', False),
    (r'labels: {"a\u2028": "b\u2028c"}', True),
    (r'labels: ["a=b\u2028c"]', True),
    (r'labels: "a=b\u2028c\td=e"', True),
    *(
        (text, False)
        for code in (r"\0", r"\v", r"\r", r"\e", r"\x7f", r"\x85", r"\x9f")
        for text in (
            rf'labels: ["a=b{code}c"]',
            rf'labels: "a=b{code}c"',
            rf'labels: {{a: "b{code}c"}}',
            rf'labels: {{"a{code}b": c}}',
            rf'build-args: ["a=b{code}c"]',
            rf'build-args: "a=b{code}c"',
            rf'build-args: {{a: "b{code}c"}}',
            rf'secrets: ["a=b{code}c"]',
            rf'secrets: {{"a{code}b": c}}',
            rf'set: ["description=b{code}c"]',
            rf'set: "description=b{code}c"',
        )
    ),
    (r'labels: ["a=b\nc=d"]', False),
    (r'secrets: {a: "b\nc\x85"}', True),
    (r'secrets: "a=\"b\nc\""', True),
    ("secrets: {'a b': c}", False),
    ("secrets: {'a,b': c}", False),
    ("set: shm-size=1m", True),
    ("set: [shm-size=1m, ulimits+=nofile=1, annotations = a=b]", True),
    (r'set: "shm-size=1m\n\n \"description=a\""', True),
    ("set: shm-size", False),
    ("set: shm-size=", False),
    ("set: [bogus=1]", False),
    ("set: [args.A=1]", False),
    *(
        (text, False)
        for name, one in PROPERTIES.items()
        if one.reserved
        for text in (
            f"set: {name}=x",
            f"set: [shm-size=1m, {name}=x]",
            f"set: ['{name}+=x']",
            f"set: [' {name} =x']",
            f"set: {name}.a=x",
            rf'set: "shm-size=1m\n{name}=x"',
            f"set: '\"{name}=x\"'",
        )
    ),
]


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("version: '1'\nimages: {orders: {}}", True),
        *((_manifest("image", entry), is_right) for entry, is_right in _LISTS),
        *((_manifest("defaults", entry), is_right) for entry, is_right in _LISTS),
        *((_manifest("image", f"wait-timeout: {value}"), value in {1, 86400}) for value in (0, 1, 86400, 86401)),
        *(
            (_manifest("image", f"{entry}, platform: linux/amd64, functions: [f]"), is_right)
            for entry, is_right in [
                ("image-uri: 'r/o:1', tags: [v1]", True),
                ("image-uri: 'r/o:1', context: null", True),
                ("image-uri: 'r/o:1', promote-from: null", True),
                ("image-uri: null, context: .", True),
                ("image-uri: '', context: .", True),
                ("image-uri: '${empty}', context: .", True),
                ("image-uri: '', promote-from: f", True),
                ("image-uri: '${empty}', promote-from: f", True),
                ("image-uri: 'r/o:1', promote-from: f", False),
                ("promote-from: f, target: api", False),
                ("promote-from: 5, target: api", False),
                *((f"image-uri: 'r/o:1', {name}: '{TABLE[name].default}'", False) for name in _BUILD_KEYS),
            ]
        ),
    ],
)
def test_what_goes_together_for_the_reader_does_by_the_schema(text: str, is_right: bool, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    (tmp_path / "deploy.yaml").write_text(text)
    runner = {"GITHUB_WORKSPACE": str(tmp_path), "GITHUB_SHA": 40 * "c", "AWS_REGION": "eu-west-1"}

    with nullcontext() if is_right else pytest.raises(InputError):
        parse_inputs({"manifest": "deploy.yaml", "vars": "empty="}, runner)
    assert _is_valid(yaml.safe_load(text), _SCHEMA) is is_right


def test_the_monorepo_is_by_the_schema() -> None:
    text = (_MONOREPO / "deploy.yaml").read_text(encoding="utf-8")

    assert text.startswith(f"# yaml-language-server: $schema={_SCHEMA['$id']}\n")
    assert _is_valid(yaml.safe_load(text), _SCHEMA)


def test_the_monorepo_has_twelve_functions_and_every_path_that_it_names() -> None:
    entries, problems = _read((_MONOREPO / "deploy.yaml").read_text(encoding="utf-8"))

    assert not problems
    assert (len(entries), sum(len(entry.functions) for entry in entries)) == (8, 12)
    for entry in entries:
        given = entry.settings.given
        assert (_MONOREPO / str(given["context"]) / f"{given['target']}.py").is_file()
        assert (_MONOREPO / str(given["dockerfile"])).is_file()
        assert given["build-contexts"] == {"shared": "shared"}
    assert (_MONOREPO / "shared/shop.py").is_file()
