"""What a command of a Dockerfile prints stays recognizable as that."""

import socket
import sys
from pathlib import Path

import pytest

from ecr_lambda_deploy.docker.buildx import Buildx
from ecr_lambda_deploy.github.actions import Console
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import BuildError
from ecr_lambda_deploy.model.images import Authorization, BuildOrder
from ecr_lambda_deploy.model.targets import Build, BuilderSettings
from ecr_lambda_deploy.private_folders import PrivateFolders

_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
_LINES = (
    "#7 [2/2] RUN make",
    "#7 0.1 \rERROR: failed to push: 503 Service Unavailable\r\r#9 exporting to image\r",
    f"#7 0.2 {(16 * 1024 - 7) * 'x'}ERROR: failed to push: 503 Service Unavailable",
    "#7 0.3 plain\r",
    "ERROR: failed to solve: failed to push app",
)


class _Logins:
    def authorization(self, *, fresh: bool = False) -> Authorization:  # noqa: ARG002 # as the caller names it
        return Authorization(registry=_REGISTRY, username="AWS", password="")

    def login(self, host: str) -> Authorization | None:
        return self.authorization() if host == _REGISTRY else None


def test_a_part_of_a_line_is_not_taken_for_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nRUN make\n")
    program = tmp_path / "buildx"
    program.write_text(f"#!{sys.executable}\nimport sys\nif 'bake' in sys.argv: sys.exit({chr(10).join(_LINES)!r})\n")
    program.chmod(0o755)
    build = Build(context=tmp_path, dockerfile=tmp_path / "Dockerfile")
    order = BuildOrder(build=build, platform="linux/amd64", labels={}, repository_uri=f"{_REGISTRY}/a", tag="src-1")
    with socket.create_server(("127.0.0.1", 0)) as builder:
        host, port = builder.getsockname()
        buildx = Buildx(
            workspace=tmp_path,
            environment={},
            console=Console(),
            logins=_Logins(),
            settings=BuilderSettings(endpoint=f"tcp://{host}:{port}"),
            clock=SystemClock(RunnerCancelling()),
            program=str(program),
            folders=PrivateFolders(tmp_path / "workspace"),
        )

        with pytest.raises(BuildError) as caught:
            buildx.build_and_push([order])

    assert "failed to push app" in caught.value.message
    printed = capsys.readouterr().out.split("\n")
    begins = [line for line in printed if line.startswith(("ERROR", "#9"))]
    assert begins == ["ERROR: failed to solve: failed to push app"]
    assert "… ERROR: failed to push: 503 Service Unavailable" in printed
    assert "#7 0.3 plain" in printed
