"""Which commit is built: the one that is checked out where the context is, as git's own files say."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ecr_lambda_deploy.inputs.checkout import remote_repository
from ecr_lambda_deploy.inputs.files import read_plain
from ecr_lambda_deploy.inputs.parse import parse_inputs
from tests.unit.inputs.given_inputs import COMMIT, parse, parse_build, problems_of

_OUT = 40 * "a"
_OTHER = 40 * "b"
_HERE = {"HEAD": "ref: refs/heads/main\n"}
_PACKED = f"# pack-refs with: peeled fully-peeled sorted \n{_OTHER} refs/heads/mainline\n{_OUT} refs/heads/main\n"


def _write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        {"HEAD": f"{_OUT}\n"},
        _HERE | {"refs/heads/main": f"{_OUT}\n"},
        _HERE | {"packed-refs": _PACKED},
        _HERE | {"packed-refs": _PACKED.removesuffix("\n")},
        _HERE | {"packed-refs": _PACKED.replace(_OUT, _OTHER), "refs/heads/main": f"{_OUT}\n"},
        {"HEAD": "ref: refs/remotes/origin/HEAD", "refs/remotes/origin/HEAD": "ref: refs/heads/main"}
        | {"packed-refs": _PACKED},
        {"HEAD": "ref: refs/heads/feature/é", "refs/heads/feature/é": f"{_OUT}\n"},
        {"HEAD": f"{_OUT}\n", "shallow": f"{_OUT}\n", "config": "[extensions]\n\tobjectformat = sha1\n"},
    ],
    ids=[
        "detached",
        "loose",
        "packed",
        "no last line end",
        "loose first",
        "two steps",
        "a name with a slash",
        "shallow",
    ],
)
def test_what_is_checked_out_is_what_is_built(workspace: Path, files: Mapping[str, str]) -> None:
    _write(workspace / ".git", files)

    build, image = parse_build(workspace, {}), parse(workspace, {}).images[0]
    assert (build.commit, image.tags, image.is_default_tag) == (_OUT, (_OUT,), True)


def test_a_repository_may_have_longer_commits(workspace: Path) -> None:
    _write(workspace / ".git", {"HEAD": 64 * "a"})

    assert parse_build(workspace, {}).commit == 64 * "a"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"config": ""},
        _HERE,
        {"HEAD": ""},
        {"HEAD": "a" * 39},
        {"HEAD": "A" * 40},
        {"HEAD": f"{_OUT} and more"},
        {"HEAD": "ref: refs/heads/.invalid", "reftable/tables.list": "0x1.ref", "refs/heads/.invalid": _OUT},
        {"HEAD": "ref: ../../secret", "../secret": _OUT},
        {"HEAD": "ref: refs/../HEAD2", "HEAD2": _OUT},
        {"HEAD": "ref: HEAD"},
        {"HEAD": "ref: refs/a", "refs/a": "ref: refs/b", "refs/b": "ref: refs/a"},
        _HERE | {"packed-refs": "^" + _OUT + " refs/heads/main"},
    ],
)
def test_what_is_not_known_is_the_run_s(workspace: Path, files: Mapping[str, str]) -> None:
    (workspace / ".git").mkdir()
    _write(workspace / ".git", files)

    assert parse_build(workspace, {}).commit == COMMIT


def test_bytes_that_are_no_text_are_not_known(workspace: Path) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".git/HEAD").write_bytes(b"ref: refs/heads/\xff\x00")

    assert parse_build(workspace, {}).commit == COMMIT


@pytest.mark.parametrize("context", ["services/orders", "."])
def test_the_nearest_repository_above_the_context_counts(workspace: Path, context: str) -> None:
    _write(workspace / ".git", {"HEAD": _OTHER})
    _write(workspace / "services/.git", {"HEAD": _OUT})

    given = {"context": context, "dockerfile": "Dockerfile"}
    assert parse_build(workspace, given).commit == (_OTHER if context == "." else _OUT)


def test_a_checkout_in_a_folder_says_nothing_of_the_workspace(workspace: Path) -> None:
    _write(workspace / "services/.git", {"HEAD": _OUT})

    assert parse_build(workspace, {}).commit == COMMIT


def test_each_image_of_a_manifest_is_of_its_own_checkout(workspace: Path) -> None:
    for name, commit in (("one", _OUT), ("two", _OTHER)):
        _write(workspace / name, {".git/HEAD": commit, "Dockerfile": "FROM scratch"})
    _write(workspace, {"shop.yml": "version: 1\nimages:\n  one: {context: one}\n  two: {context: two}\n"})

    images = parse(workspace, {"manifest": "shop.yml", "function-name": "", "mode": "build"}).images
    assert [image.tags for image in images] == [(_OUT,), (_OTHER,)]


def _worktree(workspace: Path, folder: str, repository: str) -> None:
    _write(workspace / folder, {".git": f"gitdir: {repository}\n", "Dockerfile": "FROM scratch"})


@pytest.mark.parametrize(
    "gitdir",
    [
        "../.git/worktrees/old",
        "/home/runner/work/shop/shop/.git/worktrees/old",  # as the runner sees it, outside of the container
    ],
)
@pytest.mark.parametrize("head", [f"{_OUT}\n", "ref: refs/heads/old\n"])
def test_a_worktree_has_a_head_of_its_own_and_shares_references(workspace: Path, gitdir: str, head: str) -> None:
    _write(workspace / ".git", {"HEAD": _OTHER, "refs/heads/old": _OUT})
    _write(workspace / ".git/worktrees/old", {"HEAD": head, "commondir": "../..\n"})
    _worktree(workspace, "old", gitdir)

    assert parse_build(workspace, {"context": "old"}).commit == _OUT


def test_a_submodule_has_a_repository_inside_the_other(workspace: Path) -> None:
    _write(workspace / ".git", {"HEAD": _OTHER, "modules/lib/HEAD": "ref: refs/heads/main"})
    _write(workspace / ".git/modules/lib", {"packed-refs": _PACKED})
    _worktree(workspace, "lib", "../.git/modules/lib")

    assert parse_build(workspace, {"context": "lib"}).commit == _OUT


def _link_to_folder(workspace: Path, outside: Path) -> None:
    (workspace / ".git").symlink_to(outside)


def _link_to_head(workspace: Path, outside: Path) -> None:
    (workspace / ".git").mkdir()
    (workspace / ".git/HEAD").symlink_to(outside / "HEAD")


def _file(workspace: Path, outside: Path) -> None:
    (workspace / ".git").write_text(f"gitdir: {outside}")


def _file_up(workspace: Path, outside: Path) -> None:
    (workspace / ".git").write_text(f"gitdir: ../{outside.name}")


def _common(workspace: Path, outside: Path) -> None:
    _write(workspace / ".git", {"HEAD": "ref: refs/heads/main", "commondir": str(outside)})


def _packed(workspace: Path, outside: Path) -> None:
    _write(workspace / ".git", _HERE)
    (workspace / ".git/packed-refs").symlink_to(outside / "packed-refs")


def _pipe(workspace: Path, outside: Path) -> None:
    assert outside.is_dir()
    (workspace / ".git").mkdir()
    os.mkfifo(workspace / ".git/HEAD")


@pytest.mark.parametrize("lead", [_link_to_folder, _link_to_head, _file, _file_up, _common, _packed, _pipe])
def test_nothing_outside_the_workspace_is_read(workspace: Path, lead: Callable[[Path, Path], None]) -> None:
    outside = workspace.parent / f"{workspace.name}-outside"
    _write(outside, {"HEAD": _OUT, "refs/heads/main": _OUT, "packed-refs": f"{_OUT} refs/heads/main"})
    _write(workspace.parent / ".git", {"HEAD": _OUT})  # above the workspace
    lead(workspace, outside)

    assert parse_build(workspace, {}).commit == COMMIT


def test_outside_github_a_checkout_gives_the_tag(workspace: Path) -> None:
    _write(workspace / ".git", {"HEAD": _OUT})

    assert parse(workspace, {}, GITHUB_SHA="").images[0].tags == (_OUT,)
    (workspace / ".git/HEAD").unlink()
    assert problems_of(workspace, {}, GITHUB_SHA="") == (
        "'tags' is required where neither a checkout nor GITHUB_SHA names the commit.",
    )


def test_what_exists_is_not_of_what_is_checked_out(workspace: Path) -> None:
    _write(workspace / ".git", {"HEAD": _OUT})
    given = {"image-uri": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/orders@sha256:{64 * 'a'}"}

    image = parse(workspace, given).images[0]
    assert (image.tags, image.is_default_tag) == ((), False)


def test_rule_6_a_path_of_thousands_of_folders_is_not_looked_for(workspace: Path) -> None:
    for number in range(20):
        _write(workspace / f"app-{number}", {"Dockerfile": "FROM scratch\n", ".git": f"gitdir: /{2000 * 'a/'}.git"})
    started = time.process_time()

    for number in range(20):
        assert parse_build(workspace, {"context": f"app-{number}"}).commit == COMMIT

    assert time.process_time() - started < 5


def test_rule_6_references_are_read_once_for_all_folders_of_a_repository(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(workspace / ".git", _HERE | {"packed-refs": _PACKED})
    names = [f"app-{number}" for number in range(10)]
    for name in names:
        _write(workspace / name, {"Dockerfile": "FROM scratch\n"})
    images = "".join(f"  {name}: {{ context: {name}, repository: {name} }}\n" for name in names)
    (workspace / "deploy.yaml").write_text(f"version: 1\nimages:\n{images}")
    read = list[str]()

    def noted(path: Path, *, most: int) -> bytes:
        read.append(path.name)
        return read_plain(path, most=most)

    monkeypatch.setattr("ecr_lambda_deploy.inputs.checkout.read_plain", noted)
    inputs = parse_inputs({"manifest": "deploy.yaml"}, {"GITHUB_WORKSPACE": str(workspace), "AWS_REGION": "eu-west-1"})

    assert {image.tags for image in inputs.images} == {(_OUT,)}
    assert read.count("packed-refs") == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/shop.git",
        "https://github.com/acme/shop",
        "https://token@github.example:8443/acme/shop/",
        "git@github.com:acme/shop.git",
        "ssh://git@github.com:22/acme/shop.git",
    ],
)
def test_the_repository_is_that_of_the_remote_origin(workspace: Path, url: str) -> None:
    config = '[core]\n\tbare = false\n[remote "fork"]\n\turl = https://github.com/eve/shop\n[remote "origin"]\n'
    _write(workspace / ".git", _HERE | {"config": f"{config}\tfetch = +refs/heads/*\n\turl = {url}\n[branch]\n\tx = y"})

    assert remote_repository(workspace) == "acme/shop"


@pytest.mark.parametrize(
    "config",
    [
        "",
        '[remote "fork"]\n\turl = https://github.com/eve/shop\n',
        '[remote "origin"]\n[branch "x"]\n\turl = https://github.com/eve/shop\n',
        '[remote "origin"]\n\turl = /srv/git/shop.git\n',
        '[remote "origin"]\n\turl = https://gitlab.example/group/of/shop\n',
        '[remote "origin"]\n\turl = https://github.com/acme/shop x=1\n',
        "\udcff",
    ],
)
def test_a_repository_that_no_url_tells_is_not_known(workspace: Path, config: str) -> None:
    _write(workspace / ".git", _HERE)
    (workspace / ".git/config").write_bytes(config.encode(errors="surrogateescape"))

    assert remote_repository(workspace) == ""


def test_settings_outside_the_folder_are_not_read(workspace: Path, tmp_path: Path) -> None:
    _write(workspace / ".git", _HERE)
    (tmp_path / "config").write_text('[remote "origin"]\n\turl = https://github.com/acme/shop\n')
    (workspace / ".git/config").symlink_to(tmp_path / "config")

    assert remote_repository(workspace) == ""
    assert remote_repository(tmp_path / "absent") == ""
