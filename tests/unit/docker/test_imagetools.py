"""What buildx prints of registries; that it does so is tested with the real one."""

import subprocess
from collections.abc import Callable

import pytest

from ecr_lambda_deploy.docker.builders import check_platform
from ecr_lambda_deploy.docker.imagetools import ImageDigests
from ecr_lambda_deploy.model.errors import DeployError

_REASON = b"ERROR: unexpected status from HEAD request to https://registry.example/v2/a/manifests/1: 403 \xff"


def _printing(stderr: bytes) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return what stands in for `subprocess.run`: a program that fails, whose output is decoded as that would."""

    def run(command: list[str], *, errors: str = "strict", **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, 1, stdout="", stderr=stderr.decode(errors=errors))

    return run


def test_rule_6_a_registry_s_status_need_not_be_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = list[str]()
    digests = ImageDigests(program="buildx", environment={}, has_engine=False, say=lines.append)
    monkeypatch.setattr(subprocess, "run", _printing(_REASON))

    assert digests.resolve("registry.example/a:1") == "registry.example/a:1"
    assert digests.stand_ins == {"registry.example/a:1"}
    assert "403 \ufffd" in lines[0]


def test_rule_6_a_builder_s_answer_need_not_be_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", _printing(b"ERROR: \xff"))

    with pytest.raises(DeployError, match="The builder cannot be asked: ERROR: \ufffd"):
        check_platform("buildx", {"BUILDX_BUILDER": "default"}, None)


def test_rule_6_a_registry_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = list[list[str]]()

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(
            command, 2, stdout="", stderr="fatal error: out of memory\n\nruntime stack:\n"
        )

    lines = list[str]()
    digests = ImageDigests(program="buildx", environment={}, has_engine=False, say=lines.append)
    monkeypatch.setattr(subprocess, "run", run)

    assert digests.resolve("registry.example/a:1") == "registry.example/a:1"
    assert lines[0].endswith("(fatal error: out of memory)")
    shell, *arguments = commands[0]
    assert shell == "/bin/sh"
    assert arguments[:3] == ["-c", 'ulimit -d 1048576; exec "$@"', "sh"]
    assert arguments[3:6] == ["buildx", "imagetools", "inspect"]
