"""Paths of the workspace, build arguments and other properties of the build."""

from pathlib import Path

import pytest

from tests.unit.given_inputs import parse_build, problems_of


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
        ({"context": "loop"}, "'context' 'loop' is no folder of the workspace"),
        ({"dockerfile": "loop"}, "'dockerfile' 'loop' is no file of the workspace"),
        ({"build-contexts": "shared=loop"}, "'build-contexts' 'loop' is no folder of the workspace"),
        ({"build-contexts": "shared=oci-layout://loop"}, "'build-contexts' 'loop' is no folder of the workspace"),
        ({"smoke-event": "loop"}, "'smoke-event' is neither JSON nor a file of the workspace: 'loop'"),
        ({"function-name": "", "manifest": "loop"}, "'manifest' 'loop' is no file of the workspace"),
    ],
)
def test_symlinks_that_lead_in_a_circle_are_told(workspace: Path, given: dict[str, str], told: str) -> None:
    (workspace / "loop").symlink_to("pool")
    (workspace / "pool").symlink_to("loop")

    assert problems_of(workspace, given) == (f"{told}: its symbolic links lead in a circle; mend them.",)
