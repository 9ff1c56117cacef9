"""Notices of what a checkout leaves otherwise than it is meant to be in an image."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.fingerprint.test_fingerprint import make, take

_POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{64 * 'a'}\nsize 12345\n"


def _chmod(context: Path, mode: int, *names: str) -> object:
    for name in names:
        (context / name).chmod(mode)
    return names


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        (
            lambda context: (context / "app/main.py").write_text(_POINTER),
            "'app/main.py' of the build context stands for",
        ),
        (
            lambda context: [(context / f"app/{name}").write_text(_POINTER) for name in ("main.py", "run.sh")],
            "'app/main.py' and 1 more of the build context stand for what Git LFS has",
        ),
        (
            lambda context: _chmod(context, 0o640, "app/main.py"),
            "'app/main.py' of the build context may not be read by",
        ),
        (lambda context: _chmod(context, 0o700, "app"), "'app' of the build context may not be read by everybody"),
        (lambda context: _chmod(context, 0o600, "app/main.py", "app/run.sh"), "'app/main.py' and 1 more of"),
        (
            lambda context: (context / ".gitmodules").write_text('[submodule "x"]\n\tpath = app/empty\n'),
            "The submodule 'app/empty' is an empty folder",
        ),
        (
            lambda context: (context.parent / ".gitmodules").write_text("[submodule]\npath=context/app/empty\n"),
            "The submodule 'context/app/empty' is an empty folder",
        ),
    ],
)
def test_a_notice_names_the_file(tmp_path: Path, change: Callable[[Path], object], hint: str) -> None:
    build = make(tmp_path / "context")
    change(build.context)
    (said,) = take(build).hints

    assert hint in said


@pytest.mark.parametrize(
    "change",
    [
        lambda context: (context / "notes.md").write_text(_POINTER),
        lambda context: (context / "app/main.py").write_text(f"# {_POINTER}"),
        lambda context: _chmod(context, 0o600, "notes.md"),
        lambda context: _chmod(context, 0o444, "app/main.py"),
        lambda context: (context / ".gitmodules").write_text("path = app\npath = ../x\npath = node_modules/left\n"),
        lambda context: (context / ".gitmodules").symlink_to("/dev/zero"),
        lambda context: (
            (context / ".git").mkdir(),
            (context / ".dockerignore").write_text(".git\n.gitmodules\n*.md\n"),
            (context.parent / ".gitmodules").write_text("path = context/app/empty\n"),
        ),
        lambda context: [
            (context / "Dockerfile").write_text("FROM scratch\nCOPY --chmod=755 app /\n"),
            _chmod(context, 0o600, "app/main.py"),
        ],
    ],
    ids=[
        "a pointer that is left out",
        "no pointer",
        "a private file that is left out",
        "readable by everybody",
        "submodules that are there, outside or left out",
        "a link in place of .gitmodules",
        "of another repository above",
        "the Dockerfile sets modes",
    ],
)
def test_what_does_no_harm_is_not_told(tmp_path: Path, change: Callable[[Path], object]) -> None:
    build = make(tmp_path / "context")
    change(build.context)

    assert take(build).hints == ()


def test_patterns_in_utf_16_are_told_to_leave_nothing_out(tmp_path: Path) -> None:
    build = make(tmp_path / "context")
    (build.context / ".dockerignore").write_text("secret\n", encoding="utf-16")
    taken = take(build)

    assert taken.tag is None
    assert taken.hints == (".dockerignore is in UTF-16, so nothing is left out of the image by it: save it in UTF-8.",)


def test_files_are_counted_once_though_a_symlink_has_them_read_again(tmp_path: Path) -> None:
    build = make(tmp_path / "context")
    (build.context / "Dockerfile").write_text("FROM scratch\nCOPY app link /\n")
    for number in range(40):
        (build.context / f"app/{number:02}.bin").write_text(_POINTER)
    (build.context / "link").symlink_to("app")

    assert [hint.partition(" of the")[0] for hint in take(build).hints] == ["'app/00.bin' and 39 more"]
