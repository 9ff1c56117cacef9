"""Where buildx and the engine are on somebody's own machine."""

import json
import os
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.machine import engine_of_context, find_buildx
from ecr_lambda_deploy.model.errors import DeployError


def _program(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    path.chmod(mode)
    return path


def _find(tmp_path: Path, path: str = "", own: str = "absent") -> str:
    return find_buildx({"HOME": str(tmp_path / "home"), "PATH": path}, tmp_path / "workspace", own, ())


def test_the_image_s_own_comes_first(tmp_path: Path) -> None:
    own = _program(tmp_path / "own/buildx")
    _program(tmp_path / "home/.docker/cli-plugins/docker-buildx")

    assert _find(tmp_path, own=str(own)) == str(own)


def test_the_plugin_of_the_docker_cli_comes_before_what_is_on_path(tmp_path: Path) -> None:
    plugin = _program(tmp_path / "home/.docker/cli-plugins/docker-buildx")
    _program(tmp_path / "bin/docker-buildx")

    assert _find(tmp_path, str(tmp_path / "bin")) == str(plugin)


@pytest.mark.parametrize("name", ["docker-buildx", "buildx"])
def test_it_may_be_on_path(tmp_path: Path, name: str) -> None:
    program = _program(tmp_path / "bin" / name)

    assert _find(tmp_path, f":relative:{tmp_path / 'none'}:{tmp_path / 'bin'}") == str(program)


@pytest.mark.parametrize(
    "place", ["not executable", "in the workspace", "linked into the workspace", "everybody's", "in everybody's folder"]
)
def test_what_others_may_have_put_there_is_not_started(tmp_path: Path, place: str) -> None:
    program = _program(tmp_path / "bin/docker-buildx")
    match place:
        case "not executable":
            program.chmod(0o644)
        case "in the workspace":
            (tmp_path / "bin").rename(tmp_path / "workspace")
            program = tmp_path / "workspace/docker-buildx"
        case "linked into the workspace":
            _program(tmp_path / "workspace/x")
            program.unlink()
            program.symlink_to(tmp_path / "workspace/x")
        case "everybody's":
            program.chmod(0o777)
        case _:
            program.parent.chmod(0o777)

    with pytest.raises(DeployError, match="is not on this machine") as caught:
        _find(tmp_path, str(program.parent))

    assert "docs.docker.com/build" in str(caught.value)


def _context(home: Path, name: str, host: object) -> None:
    described = home / ".docker/contexts/meta" / sha256(name.encode()).hexdigest() / "meta.json"
    described.parent.mkdir(parents=True)
    described.write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_the_engine_is_that_of_the_context(tmp_path: Path) -> None:
    _context(tmp_path, "colima", "unix:///colima.sock")
    _context(tmp_path, "other", "unix:///other.sock")
    (tmp_path / ".docker/config.json").write_text('{"currentContext": "colima"}')
    environment = {"HOME": str(tmp_path)}

    assert engine_of_context(environment) == "unix:///colima.sock"
    assert engine_of_context({**environment, "DOCKER_CONTEXT": "other"}) == "unix:///other.sock"
    assert engine_of_context({**environment, "DOCKER_CONTEXT": "default"}, __file__) == ""
    assert engine_of_context({**environment, "DOCKER_CONTEXT": "absent"}) == ""
    assert engine_of_context({"DOCKER_CONFIG": str(tmp_path / ".docker")}) == "unix:///colima.sock"


@pytest.mark.parametrize("settings", ["{", "[]", '{"currentContext": 1}'])
def test_what_is_no_context_counts_for_nothing(tmp_path: Path, settings: str) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker/config.json").write_text(settings)

    assert engine_of_context({"HOME": str(tmp_path)}, __file__) == ""


def test_without_a_context_it_may_be_at_another_usual_place(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path)}
    os.mknod(tmp_path / "docker.sock", stat.S_IFSOCK)

    assert engine_of_context(environment, str(tmp_path / "absent")) == f"unix://{tmp_path}/docker.sock"
    assert engine_of_context(environment, __file__) == ""
