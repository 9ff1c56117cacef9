"""Inputs that say how an image is built: paths, arguments, contexts, secrets, cache, builder and credentials."""

from base64 import b64encode
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.builds import LONGEST_SECRET
from ecr_lambda_deploy.model.targets import CacheSettings
from tests.unit.inputs.given_inputs import parse, parse_build, problems_of

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
    layout = f"oci-layout://docker:1@sha256:{64 * '0'}"
    lines = [f"c{number}={value}" for number, value in enumerate((*remote, layout, "services/orders"))]

    contexts = parse_build(workspace, {"build-contexts": "\n".join(lines)}).build_contexts

    layout = f"oci-layout://{workspace}/docker:1@sha256:{64 * '0'}"
    assert [*contexts.values()] == [*remote, layout, f"{workspace}/services/orders"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a", "'a' has no value"),
        ("a=", "'a' has no value"),
        ("a=target:b", "target of a bake file"),
        ("a=..", "leaves the workspace"),
        ("a=oci-layout:///etc:x", "leaves the workspace"),
        ("a=oci-layout://docker:1@sha256:0", "is not a folder in the workspace"),
        ("a=docker-image://", "'' is not one"),
        ("a=docker-image://--help", "names an image, REPOSITORY:TAG or REPOSITORY@DIGEST; '--help' is not one"),
        ("a=docker-image://Alpine", "'Alpine' is not one"),
        ("a=nothing", "is not a folder in the workspace"),
    ],
)
def test_wrong_named_contexts(workspace: Path, given: str, words: str) -> None:
    (problem,) = problems_of(workspace, {"build-contexts": given})

    assert problem.startswith("'build-contexts' ")
    assert words in problem


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, CacheSettings()),
        ({"cache": "gha"}, CacheSettings(mode="gha")),
        ({"cache-from": "a:b\ntype=gha"}, CacheSettings(imports=("a:b", "type=gha"))),
        ({"cache-to": "type=inline"}, CacheSettings(exports=("type=inline",))),
    ],
)
def test_cache(workspace: Path, given: dict[str, str], expected: CacheSettings) -> None:
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
        {"sbom": 'x=1,"generator=-x"'},
        {"provenance": "mode=max\x85,x=1"},
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


@pytest.mark.parametrize("value", ["generator=--help", "generator=", "mode=max, Generator = ../x", "generator=a b"])
def test_a_generator_is_an_image(workspace: Path, value: str) -> None:
    (problem,) = problems_of(workspace, {"sbom": value})

    assert problem.startswith("'sbom' names an image, REPOSITORY:TAG or REPOSITORY@DIGEST; ")


@pytest.mark.parametrize("endpoint", ["tcp://build.example:1234", "tcp://[::1]:1234", "docker-container://buildx_0"])
def test_builder(workspace: Path, endpoint: str) -> None:
    assert parse(workspace, {"builder": endpoint}).images[0].builder.endpoint == endpoint


def test_the_dockerfile_is_looked_for_in_the_context(workspace: Path) -> None:
    build = parse_build(workspace, {"context": "services/orders"})

    assert build.dockerfile == workspace / "services/orders/Dockerfile"


def test_a_build_argument_without_a_value_comes_from_the_environment(workspace: Path) -> None:
    build = parse_build(workspace, {"build-args": "TOKEN\nEMPTY\nABSENT\nEMPTIED="}, TOKEN="t=1", EMPTY="")

    assert build.build_args == {"TOKEN": "t=1", "EMPTY": "", "EMPTIED": ""}


@pytest.mark.parametrize(
    "name",
    [
        "args.A", "attest", "cache-to", "call", "context", "dockerfile", "labels.a", "load", "no-cache", "output",
        "output+", "platform", "platform+", "pull", "push", "secret", "tags", "tags+", "target",
    ],
)  # fmt: skip
def test_set_cannot_change_what_the_run_decides_on(workspace: Path, name: str) -> None:
    (problem,) = problems_of(workspace, {"set": f"{name}=x"})

    assert problem.endswith(f"'{name}=x' is none of them.")


@pytest.mark.parametrize("workspace_exists", [True, False])
def test_an_empty_workspace_hints_at_the_checkout(tmp_path: Path, workspace_exists: bool) -> None:
    workspace = tmp_path / "workspace"
    if workspace_exists:
        workspace.mkdir()

    (problem,) = problems_of(workspace, {"context": "." if workspace_exists else "services"})

    assert "is an actions/checkout step missing before this one?" in problem


def test_a_workspace_with_files_does_not_hint_at_the_checkout(workspace: Path) -> None:
    (problem,) = problems_of(workspace, {"context": "nothing"})

    assert "checkout" not in problem


@pytest.mark.parametrize("name", ["context", "dockerfile"])
@pytest.mark.parametrize("way", ["above", "absolute", "symlink"])
def test_a_path_cannot_leave_the_workspace(workspace: Path, name: str, way: str) -> None:
    elsewhere = workspace.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "Dockerfile").write_text("FROM scratch\n")
    (workspace / "link").symlink_to(elsewhere)
    folder = {"above": "../elsewhere", "absolute": str(elsewhere), "symlink": "link"}[way]
    value = folder if name == "context" else f"{folder}/Dockerfile"

    (problem,) = problems_of(workspace, {name: value})
    assert problem.startswith(f"'{name}' ")
    assert problem.endswith(f"{Path(value).name}' leaves the workspace.")


def test_the_default_dockerfile_cannot_leave_the_workspace_either(workspace: Path) -> None:
    secret = workspace.parent / "secret"
    secret.write_text("secret")
    (workspace / "services/orders/Dockerfile").unlink()
    (workspace / "services/orders/Dockerfile").symlink_to(secret)

    (problem,) = problems_of(workspace, {"context": "services/orders"})
    assert "leaves the workspace" in problem


def test_a_symlink_within_the_workspace_is_fine(workspace: Path) -> None:
    (workspace / "link").symlink_to(workspace / "services/orders")

    assert parse_build(workspace, {"context": "link"}).context == workspace / "link"


def test_a_symlinked_workspace_is_fine(workspace: Path) -> None:
    link = workspace.parent / "link"
    link.symlink_to(workspace)

    assert parse_build(link, {"context": "services/orders"}).context == link / "services/orders"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"context": "loop"}, "'context' 'loop' is not a folder in the workspace"),
        ({"dockerfile": "loop"}, "'dockerfile' 'loop' is not a file in the workspace"),
        ({"build-contexts": "shared=loop"}, "'build-contexts' 'loop' is not a folder in the workspace"),
        ({"build-contexts": "shared=oci-layout://loop"}, "'build-contexts' 'loop' is not a folder in the workspace"),
        ({"smoke-event": "loop"}, "'smoke-event' is neither JSON nor a file in the workspace: 'loop'"),
        ({"function-name": "", "manifest": "loop"}, "'manifest' 'loop' is not a file in the workspace"),
    ],
)
def test_symlinks_that_lead_in_a_circle_are_told(workspace: Path, given: dict[str, str], told: str) -> None:
    (workspace / "loop").symlink_to("pool")
    (workspace / "pool").symlink_to("loop")

    assert problems_of(workspace, given) == (f"{told}: its symbolic links form a loop; fix them.",)
