import json
from base64 import b64decode
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pytest

from ecr_lambda_deploy.docker.config import (
    BUILDX,
    build_environment,
    network_environment,
    private_docker_config,
)
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Authorization
from ecr_lambda_deploy.private_folders import PrivateFolders

_FOLDERS = PrivateFolders(Path("/workspace"))

_ONE = Authorization(registry="one.example", username="AWS", password="pass:word")
_TWO = Authorization(registry="two.example:443", username="AWS", password="other")


def _auths(folder: Path) -> dict[str, Any]:
    config = json.loads(Path(folder, "config.json").read_text())
    assert list(config) == ["auths"]
    return dict(config["auths"])


def test_every_registry_has_its_own_credentials() -> None:
    with private_docker_config(_FOLDERS, {"one.example": _ONE, "two.example:443": _TWO}) as folder:
        auths = _auths(folder)

    assert {host: b64decode(entry["auth"]) for host, entry in auths.items()} == {
        "one.example": b"AWS:pass:word",
        "two.example:443": b"AWS:other",
    }


def test_a_user_s_credentials_serve_the_other_registries() -> None:
    theirs = {"auths": {"one.example": {"auth": "theirs"}, "quay.example": {"identitytoken": "theirs"}}}
    with private_docker_config(_FOLDERS, {"one.example": _ONE}, theirs) as folder:
        auths = _auths(folder)

    assert auths["quay.example"] == {"identitytoken": "theirs"}
    assert b64decode(auths["one.example"]["auth"]) == b"AWS:pass:word"


def test_helpers_and_contexts_of_another_machine_are_not_asked() -> None:
    theirs = {"credsStore": "desktop", "credHelpers": {"one.example": "ecr-login"}, "currentContext": "remote"}
    with private_docker_config(_FOLDERS, {"one.example": _ONE}, theirs) as folder:
        assert list(_auths(folder)) == ["one.example"]


def test_only_this_user_can_read_it() -> None:
    with private_docker_config(_FOLDERS, {"one.example": _ONE}) as folder:
        assert S_IMODE(folder.stat().st_mode) == 0o700
        assert S_IMODE(Path(folder, "config.json").stat().st_mode) == 0o600


def test_it_is_gone_afterwards() -> None:
    with private_docker_config(_FOLDERS, {"one.example": _ONE}) as folder:
        assert folder.exists()
    assert not folder.exists()


def test_it_is_gone_after_a_failure() -> None:
    folders: list[Path] = []

    def fail() -> None:
        with private_docker_config(_FOLDERS, {"one.example": _ONE}) as folder:
            folders.append(folder)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert [folder.exists() for folder in folders] == [False]


_NETWORK = {"https_proxy": "http://proxy", "NO_PROXY": "localhost", "SSL_CERT_FILE": "/ca.pem"}
_BUILDS = {"DOCKER_HOST": "tcp://engine", "SOURCE_DATE_EPOCH": "0", "SSH_AUTH_SOCK": "/agent"}
_SECRET = {"AWS_SECRET_ACCESS_KEY": "s", "ACTIONS_RUNTIME_TOKEN": "t", "DOCKER_AUTH_CONFIG": "{}", "NPM_HOME_PATH": "x"}
_SETTINGS = {
    "HOME": "/github/home",
    "TMPDIR": "/github/workspace",
    "DOCKER_CONFIG": "/github/workspace",
    "BUILDX_BUILDER": "theirs",
    "BUILDX_BAKE_ENTITLEMENTS_FS": "0",
    "BUILDKIT_HOST": "tcp://theirs",
    "BAKE_ALLOW_REMOTE_FS_ACCESS": "1",
    "DOCKER_CONTEXT": "theirs",
    "DOCKER_API_VERSION": "1.43",
    "LD_PRELOAD": "/github/workspace/a.so",
}
_PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
_GIVEN = {**_NETWORK, **_BUILDS, **_SECRET, **_SETTINGS, "PATH": "/github/workspace/bin:/bin"}


def test_registries_are_reached_without_an_engine() -> None:
    assert network_environment(_GIVEN) == _NETWORK | _PATH


def test_rule_10_builds_see_the_variables_of_a_list() -> None:
    assert build_environment(_GIVEN) == _NETWORK | _BUILDS | _PATH


def test_rule_10_buildx_is_where_the_image_has_it() -> None:
    dockerfile = Path(__file__).parents[3].joinpath("Dockerfile").read_text()

    assert f"COPY --from=buildx /buildx {BUILDX}\n" in dockerfile


@pytest.mark.parametrize("host", ["two.example", "one.example.evil", ""])
def test_rule_2_no_login_is_filed_under_a_host_that_aws_did_not_name(host: str) -> None:
    with (
        pytest.raises(DeployError, match="is not given the registry's login"),
        private_docker_config(_FOLDERS, {host: _ONE}),
    ):
        pytest.fail("it was filed")
