"""The emulator ends with the block that started it."""

import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from sandbox.aws import running_aws
from sandbox.machine.engine import Engine


def test_nothing_is_left_when_it_stops(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    children = ["ps", "-o", "pid=,comm=", f"--ppid={os.getpid()}"]
    before = subprocess.run(children, capture_output=True, text=True, check=True).stdout.count("python")
    ports = []

    def interrupted() -> None:
        with running_aws(docker_host=engine.environment()["DOCKER_HOST"]) as aws:
            ports.append(int(aws.registry.rpartition(":")[2]))
            assert aws.snapshot().functions == {}
            assert list(tmp_path.iterdir()) != []
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", ports[0])) != 0
    assert list(tmp_path.iterdir()) == []
    assert subprocess.run(children, capture_output=True, text=True, check=True).stdout.count("python") == before
