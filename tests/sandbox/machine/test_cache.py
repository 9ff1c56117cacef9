"""The sandbox's cache folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.machine.cache import cached, folder, locked


@pytest.fixture(autouse=True)
def _private_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_the_folder_is_below_xdg_cache_home(tmp_path: Path) -> None:
    assert folder() == tmp_path / "ecr-lambda-deploy"
    assert folder().is_dir()


def test_a_relative_xdg_cache_home_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert folder() == tmp_path / "home/.cache/ecr-lambda-deploy"


def test_what_is_cached_is_made_once() -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("whole")

    assert cached("some/file", make).read_text() == "whole"
    assert cached("some/file", make).read_text() == "whole"
    assert len(made) == 1


def test_what_could_not_be_made_whole_is_not_there() -> None:
    def fail(path: Path) -> None:
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("file", fail)

    assert [path.name for path in folder().iterdir()] == ["locks"]


def test_a_lock_is_held_against_other_processes(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    take = f"from sandbox.machine.cache import *\nwith locked(Path({str(lock)!r}), wait=False): print('taken')"

    def other_process() -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-c", take], capture_output=True, text=True, check=False)

    with locked(lock):
        assert "BlockingIOError" in other_process().stderr
    assert other_process().stdout == "taken\n"
