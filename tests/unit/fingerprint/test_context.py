"""How a build context is read, whatever is in it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_lambda_deploy.fingerprint.context import digest_of, walk
from ecr_lambda_deploy.fingerprint.dockerignore import Dockerignore, Matches
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from ecr_lambda_deploy.fingerprint.sources import Sources

Change = Callable[[Path], object]


def digest(context: Path) -> str:
    return digest_of(str(context), Dockerignore())


class Removing(Dockerignore):
    """Rules that remove a path as soon as they are asked for it."""

    def __init__(self, context: Path, path: str, remove: Change) -> None:
        super().__init__()
        self._context, self._path, self._remove = context, path, remove

    def match(self, path: str, parent: Matches) -> tuple[bool, Matches]:
        if path == self._path:
            self._remove(self._context / path)
        return super().match(path, parent)


def test_threads_do_not_matter(tmp_path: Path) -> None:
    for number in range(1000):
        (tmp_path / f"{number}").write_text(f"{number}")

    assert len({digest_of(str(tmp_path), Dockerignore(), workers=workers) for workers in (1, 1, 2, 7)}) == 1


def test_every_part_of_a_large_file_counts(tmp_path: Path) -> None:
    digests = set()
    for changed in (0, 1 << 20, (3 << 20) - 1):
        content = bytearray(3 << 20)
        content[changed] = 1
        (tmp_path / "large").write_bytes(content)
        digests.add(digest(tmp_path))

    assert len(digests) == 3


@pytest.mark.parametrize(("path", "remove"), [("file", Path.unlink), ("link", Path.unlink), ("folder", Path.rmdir)])
def test_what_vanishes_is_named(tmp_path: Path, path: str, remove: Change) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("file")

    with pytest.raises(UnknownInputError, match=rf"^{path} cannot be read: No such file"):
        digest_of(str(tmp_path), Removing(tmp_path, path, remove))


@pytest.mark.parametrize("target", ["/etc/passwd", "..", ".", "link", "nowhere", "../../outside"])
def test_symlinks_are_not_followed(tmp_path: Path, target: str) -> None:
    before = digest(tmp_path)
    (tmp_path / "link").symlink_to(target)

    assert list(walk(str(tmp_path), Dockerignore())) == ["link"]
    assert digest(tmp_path) != before


@pytest.mark.parametrize("source", ["link", "link/file", "li*", "*/file", "**/file"])
def test_where_a_symlink_is_read_everything_counts(tmp_path: Path, source: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/file").write_text("1")
    (tmp_path / "link").symlink_to("elsewhere")
    before = digest_of(str(tmp_path), Dockerignore(), Sources({source}))
    (tmp_path / "elsewhere/other").write_text("2")

    assert digest_of(str(tmp_path), Dockerignore(), Sources({source})) != before


@pytest.mark.parametrize("source", ["folder", "f*", "folder/link"])
def test_a_symlink_that_is_copied_or_not_read_is_not_followed(tmp_path: Path, source: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("outside")
    (tmp_path / "folder/link").symlink_to("../outside")
    rules = Dockerignore.parse(b"folder/link" if source == "folder/link" else b"")
    before = digest_of(str(tmp_path), rules, Sources({source}))
    (tmp_path / "outside").write_text("2")

    assert digest_of(str(tmp_path), rules, Sources({source})) == before


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    before = digest(tmp_path)
    os.mkfifo(tmp_path / "fifo")

    assert digest(tmp_path) != before


def test_names_may_be_any_bytes(tmp_path: Path) -> None:
    before = digest(tmp_path)
    file = tmp_path / os.fsdecode(b"\xff\n")
    file.write_text("x")
    named = digest(tmp_path)
    file.write_text("y")

    assert len({before, named, digest(tmp_path)}) == 3


def test_names_of_any_bytes_can_be_printed(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff")
    (tmp_path / name).touch()

    with pytest.raises(UnknownInputError) as caught:
        digest_of(str(tmp_path), Removing(tmp_path, name, Path.unlink))
    assert str(caught.value).encode() == rb"\xff cannot be read: No such file or directory"


def test_names_and_contents_do_not_run_into_each_other(tmp_path: Path) -> None:
    digests = set()
    for number, (name, content) in enumerate([("a", "bc"), ("ab", "c"), ("a 1 b", "c")]):
        context = tmp_path / f"{number}"
        context.mkdir()
        (context / name).symlink_to(content)
        digests.add(digest(context))

    assert len(digests) == 3


def test_many_levels_are_walked(tmp_path: Path) -> None:
    path = tmp_path
    for _ in range(1200):
        path /= "a"
        path.mkdir()

    assert len(list(walk(str(tmp_path), Dockerignore.parse(b"b")))) == 1200

    while path != tmp_path:  # pytest cannot remove that many
        path.rmdir()
        path = path.parent
