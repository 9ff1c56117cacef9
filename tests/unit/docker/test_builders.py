import subprocess

import pytest

from ecr_lambda_deploy.docker.builders import builder_platforms, builder_tls, native_platform, unprotected
from ecr_lambda_deploy.model.errors import DeployError

_VARIABLES = {f"BUILDER_NODE_0_AUTH_TLS_{name}": f"PEM of {name}" for name in ("CACERT", "CERT", "KEY")}


def test_rule_10_a_builder_s_tls_is_that_of_setup_buildx_action() -> None:
    assert builder_tls({**_VARIABLES, "BUILDER_NODE_1_AUTH_TLS_KEY": "another's", "PATH": "/bin"}) == {
        "cacert": "PEM of CACERT",
        "cert": "PEM of CERT",
        "key": "PEM of KEY",
    }
    assert builder_tls(dict.fromkeys(_VARIABLES, "")) == {}


@pytest.mark.parametrize(
    "endpoint",
    ["tcp://builder.example:1234", "tcp://10.0.0.5:1234", "tcp://[2001:db8::1]:1234", "tcp://localhost.evil:1234"],
)
def test_rule_10_a_builder_without_tls_is_warned_of(endpoint: str) -> None:
    warning = unprotected(endpoint, {})

    assert endpoint in warning
    assert all(name in warning for name in _VARIABLES)
    assert unprotected(endpoint, builder_tls(_VARIABLES)) == ""


@pytest.mark.parametrize(
    "endpoint",
    [
        *("", "docker-container://buildx_buildkit_b0"),
        *("tcp://127.0.0.1:1", "tcp://127.9.9.9:1", "tcp://[::1]:1", "tcp://localhost:1"),
    ],
)
def test_what_no_network_carries_needs_no_tls(endpoint: str) -> None:
    assert unprotected(endpoint, {}) == ""


def test_rule_6_a_builder_s_answer_need_not_be_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], *, errors: str = "strict", **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="", stderr=b"ERROR: \xff".decode(errors=errors))

    monkeypatch.setattr(subprocess, "run", run)

    with pytest.raises(DeployError, match="The builder cannot be asked: ERROR: \ufffd"):
        builder_platforms("buildx", {"BUILDX_BUILDER": "default"})


def test_the_builder_s_own_platform_is_the_first_that_lambda_has() -> None:
    assert native_platform(["linux/386", "linux/arm64", "linux/amd64"]) == "linux/arm64"
    with pytest.raises(DeployError, match="builds for linux/386, linux/riscv64, and for no platform that Lambda has"):
        native_platform(["linux/386", "linux/riscv64"])
