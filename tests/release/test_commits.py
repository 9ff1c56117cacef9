"""The release commit and the tags, in a clone of a bare repository."""

from pathlib import Path

import pytest

from release.commits import Repository
from release.versions import ReleaseError, Version
from tests.git import git

_VERSION = Version(1, 2, 3)
_IMAGE = f"ghcr.io/org/action@sha256:{'a' * 64}"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """A bare repository whose branch main has an action."""
    bare = tmp_path / "remote.git"
    git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", str(bare), str(work))
    (work / "action.yml").write_text("name: a\nruns:\n  using: docker\n  image: Dockerfile\n")
    (work / "Dockerfile").write_text("FROM a:1\n")
    (work / "code.py").write_text("print()\n")
    _commit(work, "First")
    git(work, "push", "--quiet", "origin", "HEAD:main")
    return bare


@pytest.fixture
def clone(remote: Path, tmp_path: Path) -> Path:
    """A person's clone."""
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(remote), str(folder))
    return folder


def _commit(folder: Path, message: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", f"--message={message}")
    return git(folder, "rev-parse", "HEAD")


def _tag(folder: Path, tag: str, *options: str) -> str:
    git(folder, "tag", *options, tag)
    git(folder, "push", "--quiet", "origin", tag)
    return git(folder, "rev-parse", f"{tag}^{{commit}}")


def _release(folder: Path, commit: str, version: Version = _VERSION) -> str:
    return Repository(folder=folder).ensure_release_commit(version, commit, _IMAGE, "FROM a:1@sha256:b\n")


@pytest.mark.parametrize("options", [(), ("--annotate", "--message=Release")], ids=["lightweight", "annotated"])
def test_the_tag_moves_to_a_commit_whose_action_names_the_image(
    remote: Path, clone: Path, options: tuple[str, ...]
) -> None:
    tagged = _tag(clone, "v1.2.3", *options)

    release = _release(clone, tagged)

    assert git(remote, "rev-parse", "v1.2.3^{commit}") == release
    assert git(remote, "rev-parse", f"{release}^") == tagged
    assert git(remote, "rev-parse", "main") == tagged
    assert f"  image: docker://{_IMAGE}" in git(remote, "show", f"{release}:action.yml").splitlines()
    assert git(remote, "show", f"{release}:Dockerfile") == "FROM a:1@sha256:b"
    assert git(remote, "diff", "--name-only", tagged, release).splitlines() == ["Dockerfile", "action.yml"]


def test_a_second_attempt_finds_what_the_first_has_done(remote: Path, clone: Path, tmp_path: Path) -> None:
    tagged = _tag(clone, "v1.2.3")
    release = _release(clone, tagged)
    git(tmp_path, "clone", "--quiet", str(remote), "later")
    later = Repository(folder=tmp_path / "later")

    assert later.tagged_commit(_VERSION) == tagged
    assert _release(later.folder, tagged) == release
    assert git(remote, "rev-parse", "v1.2.3") == release


def test_a_commit_that_was_made_and_not_pushed_is_made_again(remote: Path, clone: Path) -> None:
    tagged = _tag(clone, "v1.2.3")
    refusal = remote / "hooks/update"
    refusal.write_text("#!/bin/sh\necho 'not now' >&2\nexit 1\n")
    refusal.chmod(0o755)
    with pytest.raises(ReleaseError, match="not now"):
        _release(clone, tagged)
    refusal.unlink()

    release = _release(clone, tagged)

    assert git(remote, "rev-parse", "v1.2.3") == release
    assert git(remote, "rev-parse", f"{release}^") == tagged


def test_a_tag_that_somebody_moves_meanwhile_is_not_overwritten(remote: Path, clone: Path) -> None:
    tagged = _tag(clone, "v1.2.3")
    (clone / "code.py").write_text("other\n")
    other = _commit(clone, "Other")
    git(clone, "push", "--quiet", "--force", "origin", f"{other}:refs/tags/v1.2.3")

    with pytest.raises(ReleaseError, match=f"points to {other}, which is neither"):
        _release(clone, tagged)
    assert git(remote, "rev-parse", "v1.2.3") == other


def test_moving_tags_follow_the_newest_release(remote: Path, clone: Path) -> None:
    repository = Repository(folder=clone)
    first = _release(clone, _tag(clone, "v1.2.3"))
    assert repository.move_tags(_VERSION) == ["v1", "v1.2"]
    assert {git(remote, "rev-parse", tag) for tag in ("v1", "v1.2")} == {first}

    (clone / "code.py").write_text("newer\n")
    _commit(clone, "Newer")
    newer = _release(clone, _tag(clone, "v1.3.0"), Version(1, 3, 0))
    assert repository.move_tags(Version(1, 3, 0)) == ["v1", "v1.3"]
    assert repository.move_tags(_VERSION) == ["v1.2"]
    assert [git(remote, "rev-parse", tag) for tag in ("v1", "v1.2", "v1.3")] == [newer, first, newer]


def test_moving_tags_stay_where_there_is_no_release_commit(clone: Path) -> None:
    _tag(clone, "v1.2.3")

    with pytest.raises(ReleaseError, match="no release commit"):
        Repository(folder=clone).move_tags(_VERSION)
