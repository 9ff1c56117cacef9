"""Inputs that name an image that is there already: `image-uri` and `promote-from`."""

from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.table import INPUTS
from ecr_lambda_deploy.model.targets import ExistingImage, ServedImage
from tests.unit.inputs.given_inputs import parse, problems_of

_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
_IMAGE_URI = f"{_REGISTRY}/orders:v1"
_ARN = "arn:aws:lambda:us-east-1:210987654321:function:orders-dev"


@pytest.mark.parametrize(
    "uri",
    [
        f"{_REGISTRY}/orders:v1",
        f"{_REGISTRY}/shop/orders@sha256:{64 * 'a'}",
        f"{_REGISTRY}/orders:v1@sha256:{64 * 'a'}",
        "localhost:4566/orders:v1",
    ],
)
def test_images_that_are_accepted(workspace: Path, uri: str) -> None:
    assert parse(workspace, {"image-uri": uri}).images[0].source == ExistingImage(uri=uri)


@pytest.mark.parametrize(
    ("given", "function", "qualifier"),
    [
        ("orders-dev", "orders-dev", ""),
        ("orders-dev:live", "orders-dev", "live"),
        ("orders-dev:7", "orders-dev", "7"),
        ("orders-dev:$LATEST", "orders-dev", "$LATEST"),
        (_ARN, _ARN, ""),  # of another account and Region
        (f"{_ARN}:live", _ARN, "live"),
        (f"{_ARN}:7", _ARN, "7"),
    ],
)
def test_functions_that_an_image_can_come_from(workspace: Path, given: str, function: str, qualifier: str) -> None:
    source = parse(workspace, {"promote-from": given}).images[0].source

    assert source == ServedImage(function=function, qualifier=qualifier)


@pytest.mark.parametrize("existing", [{"image-uri": _IMAGE_URI}, {"promote-from": "orders-dev"}])
def test_an_image_that_is_there_gets_no_tag_that_is_not_asked_for(workspace: Path, existing: dict[str, str]) -> None:
    assert parse(workspace, existing, GITHUB_SHA="").images[0].tags == ()
    assert parse(workspace, existing).images[0].tags == ()
    assert parse(workspace, {**existing, "tags": "v1"}).images[0].tags == ("v1",)


@pytest.mark.parametrize("tag", [f"src-{'a' * 64}", "cache-0123456789ab", f"digest-{'b' * 32}"])
@pytest.mark.parametrize("source", [{}, {"image-uri": _IMAGE_URI}])
def test_no_image_gets_a_tag_by_which_later_runs_take_another_for_their_own(
    workspace: Path, source: dict[str, str], tag: str
) -> None:
    (problem,) = problems_of(workspace, {**source, "tags": f"v1\n{tag}"})

    assert tag in problem
    assert "this action's own" in problem


def test_an_image_that_is_there_needs_no_checkout(tmp_path: Path) -> None:
    assert parse(tmp_path / "nothing", {"image-uri": _IMAGE_URI}).images[0].source == ExistingImage(uri=_IMAGE_URI)


@pytest.mark.parametrize("existing", [{"image-uri": _IMAGE_URI}, {"promote-from": "orders-dev"}])
@pytest.mark.parametrize(
    "build",
    [
        {"context": "services/orders"}, {"dockerfile": "Dockerfile"}, {"target": "final"}, {"build-args": "A=1"},
        {"build-contexts": "base=docker-image://alpine"}, {"labels": "a=1"}, {"secrets": "token=1"},
        {"set": "network=host"}, {"pull": "true"}, {"no-cache": "true"}, {"cache": "auto"},
        {"cache-from": "type=inline"}, {"cache-to": "type=inline"}, {"builder": "tcp://buildkit.example:1234"},
        {"provenance": "true"}, {"sbom": "true"}, {"reuse": "never"}, {"docker-auth": '{"auths": {}}'},
    ],
    ids=lambda build: next(iter(build)),
)  # fmt: skip
def test_an_image_that_is_there_takes_no_input_of_a_build(
    workspace: Path, existing: dict[str, str], build: dict[str, str]
) -> None:
    (name,), (source,) = build, existing

    assert problems_of(workspace, {**existing, **build}) == (
        f"'{name}' does not go with '{source}', which takes an image that is built already.",
    )


@pytest.mark.parametrize("existing", [{"image-uri": _IMAGE_URI}, {"promote-from": "orders-dev"}])
def test_what_a_build_has_by_default_can_be_given_with_an_image_that_is_there(
    workspace: Path, existing: dict[str, str]
) -> None:
    defaults = {name: default for name, default in INPUTS.items() if default}

    assert parse(workspace, {**defaults, **existing}) == parse(workspace, existing)


def test_mode_build_takes_an_image_that_is_there_for_a_platform(workspace: Path) -> None:
    given = {"mode": "build", "function-name": "", "repository": "orders", "promote-from": _ARN}
    target = parse(workspace, {**given, "platform": "linux/arm64"}).images[0]

    assert (target.source, target.platform, target.functions) == (ServedImage(function=_ARN), "linux/arm64", ())


# What eu-west-1 leaves of 1011 characters: the ARN before the name has 45.
@pytest.mark.parametrize("name", ["image", "/image", "/shop/orders.api/The_image-1", 15 * "/a", "/" + 965 * "a"])
@pytest.mark.parametrize("mode", ["deploy", "plan", "rollback"])
def test_parameters_that_are_accepted(workspace: Path, name: str, mode: str) -> None:
    assert parse(workspace, {"mode": mode, "ssm-parameter": name}).images[0].parameter == name


@pytest.mark.parametrize(
    ("given", "words"),
    [
        *(
            ({"ssm-parameter": name}, "'ssm-parameter' is a Systems Manager parameter's name such as")
            for name in (
                *("shop/orders", "/shop//orders", "/shop/", "/", "/shop orders", "image:1", "/caf\u00e9", 16 * "/a"),
                "arn:aws:ssm:eu-west-1:123456789012:parameter/shop/orders",
            )
        ),
        *(
            ({"ssm-parameter": name}, "'ssm-parameter' is a name that does not begin with aws or ssm")
            for name in ("/aws/image", "AWSimage", "/Ssm/image", "ssm")
        ),
        ({"ssm-parameter": "/" + 966 * "a"}, "'ssm-parameter' has at most 966 characters in this Region, not 967."),
        ({"image-uri": _IMAGE_URI, "promote-from": "orders-dev"}, "'image-uri' excludes 'promote-from': both name"),
        (
            {"mode": "build", "function-name": "", "repository": "orders", "image-uri": _IMAGE_URI},
            "'platform' is required with mode: build",
        ),
        (
            {"mode": "build", "function-name": "", "repository": "orders", "promote-from": "orders-dev"},
            "'platform' is required with mode: build",
        ),
        (
            {"tags": "feature/foo"},
            "'feature/foo' is not one. 'feature-foo' is: letters, digits and `_.-`, 128 at most.",
        ),
        ({"tags": f"{_REGISTRY}/orders:v1"}, " 'v1' is: letters"),
        ({"tags": 129 * "a"}, f" '{128 * 'a'}' is: letters"),
        ({"tags": "/"}, "'/' is not one."),
        ({"image-uri": f"{_REGISTRY}/orders"}, "'image-uri' "),
        ({"image-uri": "orders:v1"}, "'image-uri' "),
        ({"image-uri": "orders"}, "'image-uri' "),
        ({"image-uri": f"{_REGISTRY}/Orders:v1"}, "'image-uri' "),
        ({"image-uri": f"https://{_REGISTRY}/orders:v1"}, "'image-uri' "),
        ({"image-uri": f"{_REGISTRY}/orders@sha256:{63 * 'a'}"}, "'image-uri' "),
        ({"promote-from": "orders-dev:live:1"}, "'promote-from' is FUNCTION, FUNCTION:ALIAS or FUNCTION:VERSION"),
        ({"promote-from": "orders-dev:"}, "'promote-from' is"),
        ({"promote-from": ":live"}, "'promote-from' is"),
        ({"promote-from": "orders dev"}, "'promote-from' is"),
        ({"promote-from": f"{_ARN}:live:1"}, "'promote-from' is"),
        ({"promote-from": "arn:aws:s3:::orders"}, "'promote-from' is"),
        ({"promote-from": "arn:live"}, "'promote-from' is"),
    ],
)
def test_each_mistake_is_one_problem(workspace: Path, given: dict[str, str], words: str) -> None:
    problems = problems_of(workspace, given)

    assert len(problems) == 1, problems
    assert words in problems[0]
