"""A manifest, read: what is given for each image and function, from where, and with what replaced."""

import json
import time
from collections.abc import Mapping

import pytest

from ecr_lambda_deploy.inputs.manifest.manifest import read_manifest
from ecr_lambda_deploy.inputs.problems import Place, Problem
from ecr_lambda_deploy.inputs.settings import FunctionEntry, Given, ImageEntry

_EXAMPLE = """\
version: 1
defaults: { alias: live, repository-prefix: shop/ }
images:
  orders:                              # the repository is shop/orders unless `repository` says otherwise
    context: services/orders
    build-args: { LOG_LEVEL: info }
    functions:
      - orders-api-${stage}
      - { name: orders-worker-${stage}, alias: null, smoke-event: { ping: true } }
  thumbnails:
    promote-from: thumbnails-dev:live
    functions: [thumbnails-prod]
"""


def _read(content: bytes | str, variables: Mapping[str, str] | None = None) -> tuple[ImageEntry, ...]:
    problems: list[Problem] = []
    entries = read_manifest(content, file="deploy.yaml", variables=variables or {}, problems=problems)
    assert not problems
    return entries


def _image(lines: str, *, defaults: str = "{}", variables: Mapping[str, str] | None = None) -> ImageEntry:
    """Return the one image that has these settings."""
    body = "".join(f"    {line}\n" for line in lines.splitlines())
    (entry,) = _read(f"version: 1\ndefaults: {defaults}\nimages:\n  orders:\n{body}", variables)
    return entry


def _given(line: str, **variables: str) -> Given:
    """Return the value of an image's one setting."""
    return _image(line, variables=variables).settings.given[line.partition(":")[0]]


def _function(entry: ImageEntry) -> FunctionEntry:
    (function,) = entry.functions
    return function


def _place(line: int, column: int) -> Place:
    return Place(file="deploy.yaml", line=line, column=column)


def test_the_example_of_the_contract() -> None:
    orders, thumbnails = _read(_EXAMPLE, {"stage": "dev"})

    assert orders.name == "orders"
    assert orders.settings.given == {
        "alias": "live",
        "context": "services/orders",
        "build-args": {"LOG_LEVEL": "info"},
        "repository": "shop/orders",
    }
    api, worker = orders.functions
    assert (api.name, api.settings.given) == ("orders-api-dev", {"alias": "live"})
    assert (worker.name, worker.settings.given) == ("orders-worker-dev", {"smoke-event": '{"ping": true}'})
    assert thumbnails.settings.given["promote-from"] == "thumbnails-dev:live"
    assert thumbnails.settings.given["repository"] == "shop/thumbnails"
    assert [function.name for function in thumbnails.functions] == ["thumbnails-prod"]


def test_places_are_those_of_the_nearest_keys() -> None:
    orders, _ = _read(_EXAMPLE, {"stage": "dev"})
    api, worker = orders.functions

    assert orders.settings.place == _place(4, 3)
    assert orders.settings.places == {
        "alias": _place(2, 13),
        "context": _place(5, 5),
        "build-args": _place(6, 5),
        "repository": _place(4, 3),
    }
    assert (api.settings.place, worker.settings.place) == (_place(8, 9), _place(9, 17))
    assert worker.settings.places == {"alias": _place(9, 41), "smoke-event": _place(9, 54)}


def test_what_each_says_itself_is_told_from_what_it_inherits() -> None:
    orders, _ = _read(_EXAMPLE, {"stage": "dev"})
    api, worker = orders.functions

    assert (orders.settings.owner, {*orders.settings.own}) == ("the image 'orders'", {"context", "build-args"})
    assert (api.settings.owner, {*api.settings.own}) == ("the function 'orders-api-dev'", set())
    assert (worker.settings.owner, {*worker.settings.own}) == (
        "the function 'orders-worker-dev'",
        {"alias", "smoke-event"},
    )


def test_images_and_functions_are_in_the_order_of_the_file() -> None:
    entries = _read("version: 1\nimages:\n  b: {functions: [y, x]}\n  a: {}\n")

    assert [entry.name for entry in entries] == ["b", "a"]
    assert [function.name for function in entries[0].functions] == ["y", "x"]


# Which of them is nearest.


def test_an_image_goes_before_the_defaults() -> None:
    entry = _image("on-failure: revert\nfunctions: [f]", defaults="{on-failure: keep}")

    assert _function(entry).settings.given["on-failure"] == "revert"


def test_a_function_goes_before_its_image() -> None:
    entry = _image("alias: live\nfunctions: [{name: f, alias: beta}]", defaults="{alias: none}")

    assert entry.settings.given["alias"] == "live"
    assert _function(entry).settings.given == {"alias": "beta"}


def test_a_mapping_goes_before_another_as_a_whole() -> None:
    entry = _image("functions: [{name: f, create-function: {Role: b}}]", defaults="{create-function: {Role: a, C: d}}")

    assert _function(entry).settings.given == {"create-function": {"Role": "b"}}


def test_a_function_carries_what_is_said_of_releases() -> None:
    entry = _image(
        "context: a\ntags: [b]\npublish: false\nfunctions: [f]", defaults="{wait-timeout: 9, platform: null}"
    )

    assert _function(entry).settings.given == {"publish": "false", "wait-timeout": "9"}


def test_null_in_an_image_unsets_a_default() -> None:
    entry = _image("alias: null\ntarget: ~\nfunctions: [f]", defaults="{alias: live, target: api}")

    assert entry.settings.given == {"repository": "orders"}
    assert entry.settings.places["alias"] == _place(5, 5)
    assert _function(entry).settings.given == {}


def test_null_in_a_function_unsets_what_its_image_says() -> None:
    entry = _image("alias: live\nfunctions: [{name: f, alias: }]")

    assert _function(entry).settings.given == {}


def test_a_function_may_set_again_what_its_image_unsets() -> None:
    entry = _image("alias: null\nfunctions: [{name: f, alias: beta}]", defaults="{alias: live}")

    assert _function(entry).settings.given == {"alias": "beta"}


def test_an_empty_text_is_given() -> None:
    assert _given("target: ''") == ""
    assert _given("publish: ''") == ""
    assert _given("cache: ''") == ""


@pytest.mark.parametrize("source", ["image-uri: registry.example/orders:v1", "promote-from: orders-dev"])
def test_an_image_that_is_there_leaves_out_how_others_are_built(source: str) -> None:
    entry = _image(source, defaults="{dockerfile: Dockerfile, build-args: {A: b}, tags: [v1], secrets: {}}")

    assert set(entry.settings.given) == {source.partition(":")[0], "tags", "repository"}


def test_an_image_that_is_there_keeps_what_it_says_itself_of_a_build() -> None:
    entry = _image("promote-from: orders-dev\ntarget: api", defaults="{dockerfile: Dockerfile}")

    assert set(entry.settings.given) == {"promote-from", "target", "repository"}


@pytest.mark.parametrize("source", ["image-uri: ${none}", "promote-from: ''", "image-uri: ' '"])
def test_a_source_that_is_empty_is_none(source: str) -> None:
    entry = _image(source, defaults="{dockerfile: docker/orders}", variables={"none": ""})

    assert entry.settings.given["dockerfile"] == "docker/orders"


def test_a_source_that_is_null_is_none() -> None:
    entry = _image("promote-from: null\nimage-uri: registry.example/orders:v1")

    assert set(entry.settings.given) == {"image-uri", "repository"}


@pytest.mark.parametrize(
    ("lines", "defaults", "repository"),
    [
        ("repository: own", "{repository: all, repository-prefix: shop/}", "own"),
        ("target: api", "{repository: all, repository-prefix: shop/}", "all"),
        ("target: api", "{repository-prefix: shop/}", "shop/orders"),
        ("target: api", "{repository-prefix: null}", "orders"),
        ("target: api", "{}", "orders"),
        ("target: api", "{repository-prefix: '${stage}-'}", "dev-orders"),
        ("repository: null", "{repository: all, repository-prefix: shop/}", "shop/orders"),
        ("repository: ${none}", "{repository-prefix: shop/}", "shop/orders"),
    ],
)
def test_repositories(lines: str, defaults: str, repository: str) -> None:
    entry = _image(lines, defaults=defaults, variables={"stage": "dev", "none": ""})

    assert entry.settings.given["repository"] == repository


@pytest.mark.parametrize("functions", ["[]", "null", ""])
def test_an_image_may_have_no_functions(functions: str) -> None:
    assert _image(f"functions: {functions}").functions == ()


@pytest.mark.parametrize("defaults", ["{}", "null", ""])
def test_there_may_be_no_defaults(defaults: str) -> None:
    assert _image("target: api", defaults=defaults).settings.given["target"] == "api"


# Values by their shape.


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("target: api", "api"),
        ("target: 1.10", "1.10"),
        ("target: 010", "010"),
        ("target: 2026-01-02", "2026-01-02"),
        ("target: true", "true"),
        ("target: !!str 5", "5"),
        ('target: "a\\tb"', "a\tb"),
        ("target: |-\n  a\n  b", "a\nb"),
        ("cache: off", "off"),
        ("provenance: false", "false"),
        ("sbom: generator=image", "generator=image"),
        ("publish: True", "true"),
        ("publish: 'false'", "false"),
        ("wait-timeout: 900", "900"),
        ("wait-timeout: '900'", "900"),
        ("tags: [v1, 1.10, 2026-01-02]", ("v1", "1.10", "2026-01-02")),
        ("tags: v1", "v1"),
        ("tags: []", ()),
        ("tags: |\n  v1\n  v2", "v1\nv2\n"),
        ("traffic: [10% 5m, 50% 10m]", ("10% 5m", "50% 10m")),
        ("traffic: 10% 5m, 50% 10m", "10% 5m, 50% 10m"),
        ("build-args: {A: b, VERSION: 1.10, D: yes}", {"A": "b", "VERSION": "1.10", "D": "yes"}),
        ("build-args: {HTTP_PROXY: , B: ''}", {"HTTP_PROXY": None, "B": ""}),
        ("build-args: [A=b, C]", ("A=b", "C")),
        ("build-args: A=b", "A=b"),
        ("build-args: {}", {}),
        ("smoke-event: events/ping.json", "events/ping.json"),
        ("smoke-event: '{\"a\": 1}'", '{"a": 1}'),
        ("smoke-event: true", "true"),
        ("smoke-event: 1.50", "1.5"),
        ("smoke-event: {a: [1, 1.5, true, null, x, {}], ü: '5'}", '{"a": [1, 1.5, true, null, "x", {}], "ü": "5"}'),
        ("smoke-expect: []", "[]"),
        ("create-function: {Role: arn, MemorySize: 512, Tags: {a: '1'}}", {
            "Role": "arn", "MemorySize": 512, "Tags": {"a": "1"}
        }),
        ("create-function: 'Role: arn'", "Role: arn"),
        ("smoke-expect: {auths: {registry.example: {a: eA==}}}", '{"auths": {"registry.example": {"a": "eA=="}}}'),
    ],
)  # fmt: skip
def test_values(line: str, given: Given) -> None:
    assert _given(line) == given


def test_an_alias_of_yaml_stands_for_its_anchor() -> None:
    first, second = _read("version: 1\nimages:\n  a: &a {build-args: &args {A: b}}\n  c: {labels: *args}\n")

    assert first.settings.given["build-args"] == second.settings.given["labels"] == {"A": "b"}


def test_an_anchor_may_be_defined_again() -> None:
    assert _given("tags: [&tag v1, *tag, &tag v2, *tag]") == ("v1", "v1", "v2", "v2")


def test_bytes_may_begin_with_a_byte_order_mark() -> None:
    (entry,) = _read("\ufeffversion: 1\r\nimages:\r\n  ü1: {}\r\n".replace("ü", "u").encode())

    assert entry.settings.place == _place(3, 3)


# `${KEY}`.


@pytest.mark.parametrize(
    ("line", "given"),
    [
        ("target: a-${stage}-b", "a-dev-b"),
        ("target: ${stage}${stage}", "devdev"),
        ("target: '${stage}'", "dev"),
        ('target: "${stage}"', "dev"),
        ("target: >-\n  ${stage}\n  b", "dev b"),
        ("target: $${stage}", "${stage}"),
        ("target: $${stage:-none}", "${stage:-none}"),
        ("target: $stage", "$stage"),
        ("target: $$", "$$"),
        ("target: ${nested}", "${stage}"),
        ("publish: ${flag}", "true"),
        ("wait-timeout: ${number}", "5"),
        ("cache: ${cache}", "gha"),
        ("tags: [v-${stage}, '${flag}']", ("v-dev", "true")),
        ("tags: v-${stage}", "v-dev"),
        ("build-args: {STAGE: ${stage}}", {"STAGE": "dev"}),
        ("build-args: [STAGE=${stage}]", ("STAGE=dev",)),
        ("smoke-event: {a: [${number}], b: $${c}}", '{"a": ["5"], "b": "${c}"}'),
        ("smoke-event: '{\"a\": ${number}}'", '{"a": 5}'),
        ("create-function: {Role: 'role-${stage}', Environment: {Variables: {S: x${stage}}}}", {
            "Role": "role-dev", "Environment": {"Variables": {"S": "xdev"}}
        }),
    ],
)  # fmt: skip
def test_variables(line: str, given: Given) -> None:
    variables = {"stage": "dev", "nested": "${stage}", "flag": "true", "number": "5", "cache": "gha"}

    assert _given(line, **variables) == given


def test_variables_in_the_names_of_functions() -> None:
    entry = _image("functions: [a-${s}, {name: b-${s}}, '${s}', {name: \"${s}-c\", alias: ${s}}]", variables={"s": "x"})

    assert [function.name for function in entry.functions] == ["a-x", "b-x", "x", "x-c"]
    assert entry.functions[3].settings.given == {"alias": "x"}


def test_a_brace_that_belongs_to_yaml_stays_one() -> None:
    assert _given("""build-args: {a: "{", b: '}', c: $, d: "${stage}"}""", stage="dev") == {
        "a": "{",
        "b": "}",
        "c": "$",
        "d": "dev",
    }


# Size.


def _of_many(images: int) -> str:
    """Return a manifest of this many images, each with ten functions."""
    functions = "".join(
        f"      - {{name: f-%d-{number}-${{stage}}, smoke-event: {{a: [1]}}}}\n" for number in range(10)
    )
    return "version: 1\ndefaults: {alias: live}\nimages:\n" + "".join(
        f"  image-{number}:\n    context: services/{number}\n    build-args: {{A: b, C: d}}\n    functions:\n"
        + functions.replace("%d", str(number))
        for number in range(images)
    )


def test_ten_times_the_functions_take_ten_times_the_time_to_read() -> None:
    def seconds(text: str) -> float:
        begin = time.process_time()  # other processes may have the processor meanwhile
        _read(text, {"stage": "dev"})
        return time.process_time() - begin

    few, many = (min(seconds(_of_many(images)) for _ in range(3)) for images in (10, 100))

    assert many < 30 * few  # what is quadratic takes a hundred times as long


def test_a_thousand_functions_are_read() -> None:
    entries = _read(_of_many(100), {"stage": "dev"})

    assert sum(len(entry.functions) for entry in entries) == 1000
    assert json.loads(str(entries[99].functions[9].settings.given["smoke-event"])) == {"a": [1]}
