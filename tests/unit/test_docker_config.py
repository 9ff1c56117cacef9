import json
from base64 import b64decode
from pathlib import Path
from stat import S_IMODE

import pytest

from ecr_lambda_deploy.adapters.docker_config import private_docker_config


def test_every_registry_has_the_credentials() -> None:
    with private_docker_config(["one.example", "two.example:443"], "AWS", "pass:word") as folder:
        auths = json.loads(Path(folder, "config.json").read_text())["auths"]

    assert list(auths) == ["one.example", "two.example:443"]
    assert {b64decode(entry["auth"]) for entry in auths.values()} == {b"AWS:pass:word"}


def test_only_this_user_can_read_it() -> None:
    with private_docker_config(["one.example"], "AWS", "password") as folder:
        assert S_IMODE(folder.stat().st_mode) == 0o700
        assert S_IMODE(Path(folder, "config.json").stat().st_mode) == 0o600


def test_it_is_gone_afterwards() -> None:
    with private_docker_config(["one.example"], "AWS", "password") as folder:
        assert folder.exists()
    assert not folder.exists()


def test_it_is_gone_after_a_failure() -> None:
    folders: list[Path] = []

    def fail() -> None:
        with private_docker_config(["one.example"], "AWS", "password") as folder:
            folders.append(folder)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [folder.exists() for folder in folders] == [False]
