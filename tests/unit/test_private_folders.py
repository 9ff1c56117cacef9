"""Where secrets lie on disk, and that they are gone at the end."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE
from threading import Event

import pytest

from ecr_lambda_deploy.model.errors import CancelledError, DeployError
from ecr_lambda_deploy.private_folders import PrivateFolders

_MEMORY = Path("/dev/shm")  # noqa: S108 # the place that is tested


@pytest.fixture
def folders(tmp_path: Path) -> PrivateFolders:
    return PrivateFolders(tmp_path / "workspace")


def test_rule_9_a_folder_is_private_and_in_memory_whatever_tmpdir_says(
    folders: PrivateFolders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with folders.folder() as folder:
        assert S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.parent == (_MEMORY if _MEMORY.is_dir() else Path("/tmp"))  # noqa: S108 # see _MEMORY


@pytest.mark.parametrize("workspace", [".", "workspace", "link"])
def test_rule_9_no_folder_is_in_the_workspace(tmp_path: Path, workspace: str) -> None:
    inside, outside = tmp_path / "workspace/shm", tmp_path / "elsewhere"
    inside.mkdir(parents=True)
    outside.mkdir()
    tmp_path.joinpath("link").symlink_to("workspace")
    folders = PrivateFolders(tmp_path / workspace, [inside, tmp_path / "missing", outside])

    if workspace == ".":
        with pytest.raises(DeployError, match="no place for credentials"), folders.folder():
            pytest.fail("there was one")
    else:
        with folders.folder() as folder:
            assert folder.parent == outside


@pytest.mark.parametrize("error", [None, ZeroDivisionError, KeyboardInterrupt])
def test_rule_9_a_folder_is_gone_after_the_block(folders: PrivateFolders, error: type[BaseException] | None) -> None:
    found: list[Path] = []

    def use() -> None:
        with folders.folder() as folder:
            folder.joinpath("secret").write_text("secret")
            found.append(folder)
            if error:
                raise error

    if error:
        with pytest.raises(error):
            use()
    else:
        use()
    assert [folder.exists() for folder in found] == [False]


def test_rule_9_all_folders_are_gone_at_the_end_and_no_more_are_made(folders: PrivateFolders) -> None:
    with folders.folder() as one, folders.folder() as two:
        two.joinpath("nested").mkdir()
        two.joinpath("nested/secret").write_text("secret")
        folders.remove_all()

        assert not one.exists()
        assert not two.exists()
        with pytest.raises(CancelledError), folders.folder():
            pytest.fail("one was made")
    folders.remove_all()


def test_rule_9_a_folder_that_others_still_write_to_is_removed(folders: PrivateFolders) -> None:
    began = Event()

    def write(folder: Path) -> int:
        for number in range(100_000):
            try:
                folder.joinpath(f"secret-{number}").touch()
            except FileNotFoundError:
                return number
            began.set()
        return -1

    with folders.folder() as folder, ThreadPoolExecutor(1) as pool:
        written = pool.submit(write, folder)
        began.wait()
        folders.remove_all()
        assert written.result() > 0
        assert not folder.exists()
