"""Named contexts, secrets, cache, builder, attestations and credentials, as a workflow gives them."""

import json
from base64 import b64encode
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.builds import LONGEST_SECRET
from ecr_lambda_deploy.model.targets import CacheChoice
from tests.unit.given_inputs import parse, parse_build, problems_of

_AUTH = b64encode(b"user:hid:den").decode()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("token=hidden", {"token": "hidden"}),
        ("one=1\n\n  two = 2=2 \nempty=", {"one": "1", "two": "2=2", "empty": ""}),
        ('key="a\n\n b""c"\nnext=1', {"key": 'a\n\n b"c', "next": "1"}),
        ('"key=a\nb, ""c"""\nnext=1', {"key": 'a\nb, "c"', "next": "1"}),
        ('json={"a": "b", "c": 1}', {"json": '{"a": "b", "c": 1}'}),
        ("key=a\r\nnext=b", {"key": "a", "next": "b"}),
        ('key=""', {"key": ""}),
    ],
)
def test_secrets(workspace: Path, given: str, expected: dict[str, str]) -> None:
    assert parse_build(workspace, {"secrets": given}).secrets == expected


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("hidden", 1),
        ("=hidden", 1),
        ("a,b=hidden", 1),
        ("a=1\nhidden", 2),
        ('a="hidden', 1),
        ('a="1"\nb="2" hidden', 2),
        ('"hidden"', 1),
        ("a=1\n two words=hidden", 2),
    ],
)
def test_a_wrong_secret_is_told_without_what_it_holds(workspace: Path, given: str, line: int) -> None:
    (problem,) = problems_of(workspace, {"secrets": given})

    assert problem.startswith("'secrets' holds ID=VALUE lines")
    assert f"line {line} " in problem
    assert "hidden" not in problem


def test_a_secret_is_no_longer_than_an_environment_variable(workspace: Path) -> None:
    """Linux takes 131072 bytes [MAX_ARG_STRLEN]."""
    longest = (LONGEST_SECRET - 2) * "x" + "ü"
    secrets = parse_build(workspace, {"secrets": f"key={longest}"}).secrets
    (problem,) = problems_of(workspace, {"secrets": f"key={longest}x\nother=1"})

    assert len(f"BUILD_SECRET_99999={secrets['key']}\0".encode()) <= 131072
    assert problem.startswith("'secrets' has under the id 'key' more than 131,000 bytes, and has to be shorter: ")
    assert "xx" not in problem


def test_a_secret_has_no_nul(workspace: Path) -> None:
    (problem,) = problems_of(workspace, {"secrets": "key=hid\0den"})

    assert problem.startswith("'secrets' has under the id 'key' a NUL, which has to be encoded, such as in base64: ")
    assert "hid" not in problem


def test_a_secret_is_given_once(workspace: Path) -> None:
    assert problems_of(workspace, {"secrets": "a=1\na=2"}) == ("'secrets' has the id 'a' twice.",)


def test_named_contexts(workspace: Path) -> None:
    remote = ["docker-image://alpine:3", "https://example.com/x.git#main", "git@example.com:x/y", "ssh://git@h/x"]
    layout = "oci-layout://docker:1@sha256:0"
    lines = [f"c{number}={value}" for number, value in enumerate((*remote, layout, "services/orders"))]

    contexts = parse_build(workspace, {"build-contexts": "\n".join(lines)}).build_contexts

    layout = f"oci-layout://{workspace}/docker:1@sha256:0"
    assert [*contexts.values()] == [*remote, layout, f"{workspace}/services/orders"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a", "'a' has no value"),
        ("a=", "'a' has no value"),
        ("a=target:b", "target of a bake file"),
        ("a=..", "leaves the workspace"),
        ("a=oci-layout:///etc:x", "leaves the workspace"),
        ("a=nothing", "no folder of the workspace"),
    ],
)
def test_wrong_named_contexts(workspace: Path, given: str, words: str) -> None:
    (problem,) = problems_of(workspace, {"build-contexts": given})

    assert problem.startswith("'build-contexts' ")
    assert words in problem


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, CacheChoice()),
        ({"cache": "gha"}, CacheChoice(mode="gha")),
        ({"cache-from": "a:b\ntype=gha"}, CacheChoice(imports=("a:b", "type=gha"))),
        ({"cache-to": "type=inline"}, CacheChoice(exports=("type=inline",))),
    ],
)
def test_cache(workspace: Path, given: dict[str, str], expected: CacheChoice) -> None:
    assert parse_build(workspace, given).cache == expected


@pytest.mark.parametrize("name", ["cache-from", "cache-to"])
@pytest.mark.parametrize("mode", ["auto", "gha", "off"])
def test_entries_exclude_a_mode(workspace: Path, name: str, mode: str) -> None:
    (problem,) = problems_of(workspace, {"cache": mode, name: "type=inline"})

    assert problem == "'cache' does not go with 'cache-from' and 'cache-to', which replace it."


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, True),
        ({"reuse": "auto"}, True),
        ({"reuse": "never"}, False),
        ({"pull": "true"}, False),
        ({"no-cache": "true"}, False),
    ],
)
def test_reuse(workspace: Path, given: dict[str, str], expected: bool) -> None:
    assert parse_build(workspace, given).reuse is expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("false", "false")),
        ({"provenance": "true", "sbom": "true"}, ("true", "true")),
        ({"provenance": "max"}, ("mode=max", "false")),
        ({"provenance": "mode=max,builder-id=x"}, ("mode=max,builder-id=x", "false")),
        ({"sbom": "generator=scanner:1"}, ("false", "generator=scanner:1")),
    ],
)
def test_attestations(workspace: Path, given: dict[str, str], expected: tuple[str, str]) -> None:
    build = parse_build(workspace, given)

    assert (build.provenance, build.sbom) == expected


@pytest.mark.parametrize(
    "given",
    [
        {"cache": "s3"},
        {"reuse": "always"},
        {"provenance": "maybe"},
        {"sbom": "yes"},
        {"builder": "unix:///run/buildkit"},
        {"builder": "tcp://host"},
        {"builder": "tcp://host:1234/path"},
        {"builder": "docker-container://"},
        {"builder": "mybuilder"},
    ],
)
def test_wrong_values(workspace: Path, given: dict[str, str]) -> None:
    (problem,) = problems_of(workspace, given)

    assert problem.startswith(f"'{next(iter(given))}' is ")


@pytest.mark.parametrize("endpoint", ["tcp://build.example:1234", "tcp://[::1]:1234", "docker-container://buildx_0"])
def test_builder(workspace: Path, endpoint: str) -> None:
    assert parse(workspace, {"builder": endpoint}).images[0].builder.endpoint == endpoint


def test_credentials_and_what_of_them_is_secret(workspace: Path) -> None:
    config = {"auths": {"one.example": {"auth": _AUTH}, "two.example": {"username": "me", "password": "hidden"}}}

    builder = parse(workspace, {"docker-auth": json.dumps(config)}).images[0].builder

    assert builder.docker_auth == config
    assert builder.secrets == (_AUTH, "hid:den", "hidden")


@pytest.mark.parametrize(
    "given",
    [
        '{"auths": {"hidden": ',
        '["hidden"]',
        '"hidden"',
        '{"auths": "hidden"}',
        '{"auths": {"r.example": "hidden"}}',
        '{"auths": {"r.example": {"auth": 1, "x": "hidden"}}}',
        '{"auths": {"r.example": {"auth": "hidden!"}}}',
        '{"auths": {"r.example": {"auth": "aGlkZGVu"}}}',
    ],
)
def test_wrong_credentials_are_told_without_what_they_are(workspace: Path, given: str) -> None:
    (problem,) = problems_of(workspace, {"docker-auth": given})

    assert problem.startswith("'docker-auth' is ")
    assert "hidden" not in problem
    assert "aGlkZGVu" not in problem


@pytest.mark.parametrize("name", ["credsStore", "credHelpers"])
def test_credential_helpers_cannot_work(workspace: Path, name: str) -> None:
    value = "desktop" if name == "credsStore" else {"r.example": "ecr-login"}

    (problem,) = problems_of(workspace, {"docker-auth": json.dumps({name: value})})

    assert f"credential helpers in '{name}'" in problem
