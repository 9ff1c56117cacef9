"""Inputs of a run whose images a manifest names."""

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.parse import Inputs, parse_inputs
from ecr_lambda_deploy.model.errors import InputError
from ecr_lambda_deploy.model.targets import Build, EarlierRelease, FunctionTarget, ServedImage
from tests.unit.inputs.given_inputs import COMMIT

_MANIFEST = """\
version: 1
defaults: { alias: live, repository-prefix: shop/ }
images:
  orders:
    context: orders
    functions: ["orders-api-${stage}", { name: "orders-worker-${stage}", alias: null }]
  thumbnails:
    promote-from: thumbnails-dev:live
    functions: [thumbnails-prod]
"""


def _parse(workspace: Path, manifest: str = _MANIFEST, given: Mapping[str, str] | None = None) -> Inputs:
    (workspace / "orders").mkdir(exist_ok=True)
    (workspace / "orders/Dockerfile").touch()
    (workspace / "deploy.yaml").write_text(manifest)
    inputs = {"manifest": "deploy.yaml", "vars": "stage=prod", **(given or {})}
    runner = {"GITHUB_WORKSPACE": str(workspace), "GITHUB_SHA": COMMIT, "AWS_REGION": "eu-west-1"}
    return parse_inputs({name: value for name, value in inputs.items() if value}, runner)


def _problems(workspace: Path, manifest: str = _MANIFEST, given: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        _parse(workspace, manifest, given)
    return caught.value.problems


def test_a_manifest_is_read_into_what_the_inputs_are_read_into(workspace: Path) -> None:
    orders, thumbnails = _parse(workspace).images

    assert (orders.name, orders.repository, orders.tags) == ("orders", "shop/orders", (COMMIT,))
    assert isinstance(orders.source, Build)
    assert orders.source.context == workspace / "orders"
    assert orders.functions == (
        FunctionTarget(name="orders-api-prod", alias="live"),
        FunctionTarget(name="orders-worker-prod"),
    )
    assert thumbnails.source == ServedImage(function="thumbnails-dev", qualifier="live")


@pytest.mark.parametrize(
    ("only", "names"), [("orders", ["orders"]), ("*", ["orders", "thumbnails"]), ("t*\no*", ["orders", "thumbnails"])]
)
def test_only_names_images_by_globs(workspace: Path, only: str, names: list[str]) -> None:
    assert [image.name for image in _parse(workspace, given={"only": only}).images] == names


def test_a_name_that_only_has_wrong_is_told(workspace: Path) -> None:
    (problem,) = _problems(workspace, given={"only": "ordres"})

    assert problem == "'only' names images of the manifest; none is called 'ordres': did you mean 'orders'?"


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("function-name", "name it in 'functions' of an image"),
        ("image-uri", "give it in an image"),
        *((name, "give it in 'defaults'") for name in ("context", "tags", "alias", "on-failure", "wait-timeout")),
    ],
)
def test_what_the_manifest_holds_itself_is_not_given_beside_it(workspace: Path, name: str, instead: str) -> None:
    (problem,) = _problems(workspace, given={name: "keep" if name == "on-failure" else "1"})

    assert problem == f"'{name}' does not go with 'manifest', which holds it itself: {instead} of deploy.yaml."


@pytest.mark.parametrize("name", ["only", "vars"])
def test_only_and_vars_are_for_a_manifest(workspace: Path, name: str) -> None:
    given = {"manifest": "", "vars": "", "function-name": "orders-api", name: "a=b"}

    assert any(problem.startswith(f"'{name}' does not go with") for problem in _problems(workspace, given=given))


def test_a_registry_may_be_given_beside_a_manifest(workspace: Path) -> None:
    assert _parse(workspace, given={"registry": "localhost:4566"}).registry == "localhost:4566"


def test_a_wrong_registry_beside_a_manifest_is_a_wrong_input(workspace: Path) -> None:
    (problem,) = _problems(workspace, given={"registry": "https://localhost:4566"})

    assert problem.startswith("'registry' is a registry host")


def test_a_function_of_another_region_is_told_where_it_stands(workspace: Path) -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:orders"
    problems = _problems(workspace, _MANIFEST.replace("thumbnails-prod", arn).replace('"orders-api-${stage}"', "a b"))

    assert problems[0].startswith("deploy.yaml:6:17: 'functions' is a Lambda function's name or ARN")
    assert problems[1] == (
        f"deploy.yaml:9:17: 'functions' has {arn}, which is in us-east-1, but the Region of this run is eu-west-1."
    )


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("missing.yaml", "is not a file in the workspace"),
        ("../deploy.yaml", "leaves the workspace"),
        (".", "is not a file"),
    ],
)
def test_a_manifest_is_a_file_of_the_workspace(workspace: Path, path: str, words: str) -> None:
    (problem,) = _problems(workspace, given={"manifest": path})

    assert problem.startswith("'manifest'")
    assert words in problem


def test_two_images_may_not_push_one_tag_to_one_repository(workspace: Path) -> None:
    image = "{ context: orders, repository: shop }"
    text = f"version: 1\nimages:\n  one: {image}\n  two: {image}\n"
    (problem,) = _problems(workspace, text, {"vars": ""})

    assert problem.startswith("deploy.yaml:4:3: the images one and two both push the tag")


@pytest.mark.parametrize(("one", "two"), [("/shop/image", "/shop/image"), ("image", "/image")])
def test_two_images_may_not_name_one_parameter(workspace: Path, one: str, two: str) -> None:
    text = (
        "version: 1\nimages:\n"
        f"  one: {{ context: orders, repository: one, ssm-parameter: {one} }}\n"
        f"  two: {{ context: orders, repository: two, ssm-parameter: {two} }}\n"
    )
    (problem,) = _problems(workspace, text, {"vars": ""})

    assert problem.startswith(f"deploy.yaml:4:44: the images one and two both name {two}, which holds one URI.")


def test_images_may_name_parameters_of_their_own(workspace: Path) -> None:
    text = (
        "version: 1\nimages:\n"
        "  one: { context: orders, repository: one, ssm-parameter: '/${STAGE}/one' }\n"
        "  two: { context: orders, repository: two, ssm-parameter: '/${STAGE}/two' }\n"
        "  three: { context: orders, repository: three }\n"
        "  four: { context: orders, repository: four, ssm-parameter: null }\n"
    )
    images = _parse(workspace, text, {"vars": "STAGE=prod"}).images

    assert [image.parameter for image in images] == ["/prod/one", "/prod/two", "", ""]


def test_secrets_of_a_mapping_are_read(workspace: Path) -> None:
    text = "version: 1\nimages:\n  orders: { context: orders, secrets: { npm-token: '1', other: null } }\n"
    (image,) = _parse(workspace, text, {"vars": ""}).images

    assert isinstance(image.source, Build)
    assert image.source.secrets == {"npm-token": "1"}


def _written(workspace: Path, defaults: str, secrets: str, value: str) -> str:
    text = f"version: 1\ndefaults: {{ {defaults} }}\nimages:\n  orders: {{ context: orders, {secrets} }}\n"
    (image,) = _parse(workspace, text, {"vars": f"TOKEN={value}"}).images
    assert isinstance(image.source, Build)
    return image.source.secrets_written


@pytest.mark.parametrize(
    "secrets",
    [
        "secrets: { npmrc: 'registry=https://evil.example', other: '1' }",
        "secrets: { npmrc: '${TOKEN} registry=https://evil.example', other: '1' }",
        "secrets: { npmrc: 'theirs', other: '1' }",
        'secrets: ["npmrc=registry=https://evil.example", other=1]',
        "secrets: 'npmrc=registry=https://evil.example'",
    ],
)
def test_what_a_manifest_says_of_secrets_counts_and_what_the_workflow_says_does_not(
    workspace: Path, secrets: str
) -> None:
    ours = "secrets: { npmrc: '${TOKEN}', other: '1' }"
    reviewed = _written(workspace, ours, "target: a", "ours")

    assert _written(workspace, "alias: live", ours, "theirs") == reviewed
    assert _written(workspace, "alias: live", "secrets: { other: '1', npmrc: '${TOKEN}' }", "ours") == reviewed
    assert _written(workspace, "alias: live", secrets, "theirs") != reviewed
    assert _written(workspace, secrets, "target: a", "theirs") != reviewed
    assert _written(workspace, ours, secrets, "theirs") != reviewed


@pytest.mark.parametrize(
    ("id_", "begin"),
    [
        ("npm token", "npm"),
        ("token,type=file", "token"),
        ("token=hidden", "token"),
        ('"token', ""),
        ("", ""),
        ("token\\n", "token"),
    ],
)
def test_ids_of_secrets_are_what_they_are_in_lines_too(workspace: Path, id_: str, begin: str) -> None:
    quoted = id_.replace('"', '\\"')
    text = f'version: 1\nimages:\n  orders:\n    context: orders\n    secrets: {{ "{quoted}": hidden }}\n'
    (problem,) = _problems(workspace, text, {"vars": ""})

    assert problem.startswith("deploy.yaml:5:5: 'secrets' has ids without blanks")
    assert f"begins {begin!r}" in problem
    assert "hidden" not in problem


@pytest.mark.parametrize(("value", "words"), [('"hid\\0den"', "a NUL"), ("${long}${long}", "more than 131,000 bytes")])
def test_secrets_of_a_mapping_are_what_an_environment_can_hold(workspace: Path, value: str, words: str) -> None:
    text = f"version: 1\nimages:\n  orders:\n    context: orders\n    secrets: {{ token: {value} }}\n"
    (problem,) = _problems(workspace, text, {"vars": f"long={70_000 * 'x'}"})

    assert problem.startswith("deploy.yaml:5:5: 'secrets' has under the id 'token' ")
    assert words in problem
    assert "xx" not in problem
    assert "hid" not in problem


@pytest.mark.parametrize("name", ["build-args", "build-contexts", "labels"])
@pytest.mark.parametrize("key", ["", " ", "A B", "A=B", "A\\n", "'A'"])
def test_keys_of_a_mapping_are_what_they_are_in_lines_too(workspace: Path, name: str, key: str) -> None:
    text = f'version: 1\nimages:\n  orders:\n    context: orders\n    {name}: {{ "{key}": orders, C: orders }}\n'
    (problem,) = _problems(workspace, text, {"vars": ""})

    assert problem.startswith(f"deploy.yaml:5:5: '{name}' has keys without blanks, quotes and '='; ")
    assert f"{key}' is not one" in problem or f'{key}" is not one' in problem


def test_a_folder_that_is_missing_is_told_where_it_is_named(workspace: Path) -> None:
    text = _MANIFEST.replace("context: orders", "context: nowhere")
    with pytest.raises(InputError) as caught:
        _parse(workspace, text)

    assert caught.value.problems == ("deploy.yaml:5:5: 'context' 'nowhere' is not a folder in the workspace.",)
    assert caught.value.location is not None
    assert (caught.value.location.file, caught.value.location.line) == ("deploy.yaml", 5)


def test_a_wrong_default_is_told_once_however_many_inherit_it(workspace: Path) -> None:
    (problem,) = _problems(workspace, _MANIFEST.replace("alias: live", "alias: $LATEST"))

    assert problem.startswith("deploy.yaml:2:13: 'alias' is an alias's name")


_DEFAULTS = """\
version: 1
defaults: { context: orders, alias: live, traffic: 10% 5m, cache: gha, smoke-expect: { ok: true }, smoke-event: {} }
images:
  orders:
"""
_NEEDS_ALIAS = "needs 'alias': it is an alias's traffic that is shifted."
_NEEDS_EVENT = "needs 'smoke-event', the event that is answered."
_EXCLUDES = "excludes 'promote-from': both name the image."
_NEEDS_PUBLISH = "needs 'publish: true': an alias points to a published version."


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        (
            "functions:\n- a\n- { name: b, alias: null }\n- { name: c, alias: null }",
            [
                f"7:18: 'traffic' of the function 'b' {_NEEDS_ALIAS} 'traffic' is in line 2.",
                f"8:18: 'traffic' of the function 'c' {_NEEDS_ALIAS} 'traffic' is in line 2.",
            ],
        ),
        (
            "functions:\n- { name: a, publish: false }",
            [f"6:18: 'alias' of the function 'a' {_NEEDS_PUBLISH} 'alias' is in line 2."],
        ),
        (
            "alias: null\nfunctions:\n- a\n- { name: b }\n- { name: c, traffic: 5% 1m }\n- { name: d, alias: beta }",
            [
                f"7:7: 'traffic' of the function 'a' {_NEEDS_ALIAS} 'traffic' is in line 2.",
                f"8:15: 'traffic' of the function 'b' {_NEEDS_ALIAS} 'traffic' is in line 2.",
                f"9:18: 'traffic' of the function 'c' {_NEEDS_ALIAS}",
            ],
        ),
        (
            "functions:\n- name: a\n  alias: null\n  traffic: null\n  alarms: [errors]",
            ["9:7: 'alarms' of the function 'a' needs 'traffic': they are watched while it is shifted."],
        ),
        (
            "functions: [{ name: a, smoke-event: null }]",
            [f"5:28: 'smoke-expect' of the function 'a' {_NEEDS_EVENT} 'smoke-expect' is in line 2."],
        ),
        ("alias: null", [f"5:5: 'traffic' of the image 'orders' {_NEEDS_ALIAS} 'traffic' is in line 2."]),
        (
            "promote-from: f\nimage-uri: localhost/b:c",
            [f"6:5: 'image-uri' of the image 'orders' {_EXCLUDES} 'promote-from' is in line 5."],
        ),
    ],
)
def test_mistakes_between_settings_are_told_where_they_are_made(
    workspace: Path, lines: str, problems: list[str]
) -> None:
    text = _DEFAULTS + "".join(f"    {line}\n" for line in lines.splitlines())

    assert _problems(workspace, text) == tuple(f"deploy.yaml:{problem}" for problem in problems)


@pytest.mark.parametrize(
    ("lines", "place", "end"),
    [("functions: [a]", "4:3", " 'cache' is in line 2."), ("cache: off", "5:5", "")],
    ids=["inherited", "the image's own"],
)
def test_entries_of_the_step_exclude_a_mode_of_the_manifest(workspace: Path, lines: str, place: str, end: str) -> None:
    text = "'cache' of the image 'orders' does not go with 'cache-from' and 'cache-to', which replace it."

    assert _problems(workspace, f"{_DEFAULTS}    {lines}\n", {"cache-from": "type=gha"}) == (
        f"deploy.yaml:{place}: {text}{end}",
    )


def test_images_that_push_one_inherited_tag_are_told_one_by_one(workspace: Path) -> None:
    image = "{ context: orders, repository: shop }"
    text = f"version: 1\ndefaults: {{ tags: [v1] }}\nimages:\n  a: {image}\n  b: {image}\n  c: {image}\n"

    assert [problem[:29] for problem in _problems(workspace, text)] == [
        "deploy.yaml:5:3: the images a",
        "deploy.yaml:6:3: the images a",
    ]


def test_mistakes_are_told_in_the_order_of_the_file(workspace: Path) -> None:
    functions = "[{ name: f, alias: a b }, { name: g, colour: red }, { name: h, alias: c d }]"
    problems = _problems(workspace, f"version: 1\nimages:\n  orders: {{ context: orders, functions: {functions} }}\n")

    assert [problem.partition(": ")[0] for problem in problems] == [f"deploy.yaml:3:{c}" for c in (53, 78, 104)]


def test_more_mistakes_than_anybody_reads_are_neither_looked_for_nor_told(workspace: Path) -> None:
    functions = "".join(f"      - {{ name: f{number}, alias: a b }}\n" for number in range(8000))
    begin = time.process_time()
    problems = _problems(workspace, f"version: 1\nimages:\n  orders:\n    context: orders\n    functions:\n{functions}")

    assert time.process_time() - begin < 5
    assert len(problems) == 101
    assert problems[-1] == "deploy.yaml:105:22: There may be more problems: fix these first."


def test_a_promoted_image_is_built_for_what_its_functions_run_on(workspace: Path) -> None:
    """In mode build too: a plan's matrix names it like any other."""
    (image,) = _parse(workspace, given={"mode": "build", "only": "thumbnails"}).images

    assert (image.platform, len(image.functions)) == (None, 1)


def test_a_rollback_looks_at_no_image(workspace: Path) -> None:
    text = _MANIFEST.replace("context: orders", "context: nowhere")
    inputs = _parse(workspace, text, {"mode": "rollback"})

    assert {image.source for image in inputs.images} == {EarlierRelease(to="previous")}


_CREATION = 'create-function: { Role: "arn:aws:iam::123456789012:role/orders" }'
_NO_ROLE = "'create-function' has no Role, the ARN of the function's execution role."
_NOT_MERGED = "This one replaces the one in line 2 whole, so it needs all parameters."


@pytest.mark.parametrize(
    ("images", "problem"),
    [
        ("{ functions: [{ name: orders, create-function: { Timeout: 5 } }] }", f"3:49: {_NO_ROLE} {_NOT_MERGED}"),
        ("{ create-function: { Timeout: 5 }, functions: [orders, mail] }", f"3:21: {_NO_ROLE} {_NOT_MERGED}"),
    ],
)
def test_a_creation_without_a_role_is_a_mistake_where_it_stands(workspace: Path, images: str, problem: str) -> None:
    defaults = f"defaults: {{ context: orders, {_CREATION} }}"

    assert _problems(workspace, f"version: 1\n{defaults}\nimages: {{ orders: {images} }}\n") == (
        f"deploy.yaml:{problem}",
    )


def test_a_creation_that_all_functions_inherit_is_one_mistake(workspace: Path) -> None:
    defaults = "defaults: { context: orders, create-function: 'Timeout: 5' }"

    assert _problems(workspace, f"version: 1\n{defaults}\nimages: {{ orders: {{ functions: [a, b] }} }}\n") == (
        f"deploy.yaml:2:30: {_NO_ROLE}",
    )
