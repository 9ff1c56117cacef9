"""Parts of the action at work on texts that somebody wrote to keep it busy; test_hostile_texts.py starts and ends it.

Each works again and again on two threads, as the images of a manifest do, until the process is ended.
"""

import json
import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import NoReturn

from botocore.stub import Stubber

from ecr_lambda_deploy.aws.ecr_images import EcrImages
from ecr_lambda_deploy.aws.rates import RequestPriority
from ecr_lambda_deploy.aws.session import Aws
from ecr_lambda_deploy.concurrency import for_each
from ecr_lambda_deploy.docker.buildx import Buildx
from ecr_lambda_deploy.fingerprint.fingerprint import BuildInputs
from ecr_lambda_deploy.github.actions import Console
from ecr_lambda_deploy.github.cancelling import RunnerCancelling
from ecr_lambda_deploy.github.clock import SystemClock
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.images import Authorization, BuildOrder
from ecr_lambda_deploy.model.outcomes import Journal
from ecr_lambda_deploy.model.run import WorkflowRun
from ecr_lambda_deploy.model.targets import Build, BuilderSettings, Expectation, SmokeTest
from ecr_lambda_deploy.ports.functions import Response
from ecr_lambda_deploy.private_folders import PrivateFolders
from ecr_lambda_deploy.releases.smoke_test import run_smoke_test
from ecr_lambda_deploy.report.headline import headline
from ecr_lambda_deploy.report.summary import summary

_DOCKERIGNORES = ("**a" * 500 + "b", "*a" * 500 + "b\n" + "**/*[^b]" * 200 + "b", "a\n" * 500_000)
_DOCKERFILES = (
    "# check=a" + 1_000_000 * " " + "b\nFROM a",
    "\n".join(["ARG A0=aaaaaaaaaa", *(f"ARG A{n}={10 * f'$A{n - 1}'}" for n in range(1, 40)), "FROM $A39"]),
    f"ARG V={4000 * 'a'}\nFROM a:${{V#{50 * '*a'}b}}",
    "FROM a\nRUN " + 500_000 * "\\\n",
)
_LOG_LINES = (
    100_000 * "\r",
    "ERROR: " + 70_000 * "error: failed commit on ref unexpected status from ",
    "ERROR: failed to push " + 100_000 * "repository with name ",
    " > [" + 400_000 * "1/1] ",
)
_DOCUMENTS = (
    2_000_000 * "[",
    json.dumps({"config": {"size": 1}, "layers": 200_000 * [{}]}),
    json.dumps({"mediaType": 4_000_000 * "a/"}),
    "[" + ",".join(900 * ["1" * 4200]) + "]",
)
_FAILURES = (
    {"errorType": "E", "errorMessage": 3_000_000 * "\n"},
    {"errorMessage": 500_000 * "@a #1 `````` "},
    {"errorMessage": 1_000_000 * "\ud800"},
)

_DIGEST = f"sha256:{64 * 'a'}"
_REGISTRY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def _build(*, dockerfile: str, dockerignore: str) -> Build:
    folder = Path(mkdtemp(prefix="hostile-"))
    (folder / "Dockerfile").write_text(dockerfile)
    (folder / ".dockerignore").write_text(dockerignore)
    deep = folder / "/".join(400 * "a")
    deep.mkdir(parents=True)
    (folder / f"{120 * 'a'}b{120 * 'a'}").touch()
    return Build(context=folder, dockerfile=folder / "Dockerfile")


def _fingerprints(builds: list[Build]) -> None:
    for build in builds:
        BuildInputs(lambda _: _DIGEST).fingerprint(build, "linux/amd64")


def dockerignore() -> Callable[[], None]:
    """Take the fingerprints of contexts with patterns of many wildcards, and with many patterns."""
    builds = [_build(dockerfile="FROM a", dockerignore=text) for text in _DOCKERIGNORES]
    return lambda: _fingerprints(builds)


def dockerfile() -> Callable[[], None]:
    """Take the fingerprints of Dockerfiles that a parser goes back in, or that grow when they are read."""
    builds = [_build(dockerfile=text, dockerignore="") for text in _DOCKERFILES]
    return lambda: _fingerprints(builds)


class _Logins:
    def authorization(self, *, fresh: bool = False) -> Authorization:  # noqa: ARG002 # as the caller names it
        return Authorization(registry=_REGISTRY, username="AWS", password="")

    def login(self, host: str) -> Authorization | None:
        return self.authorization() if host == _REGISTRY else None


def buildx_log() -> Callable[[], None]:
    """Run a program that prints very long lines and fails, in place of buildx."""
    build = _build(dockerfile="FROM a", dockerignore="")
    program = build.context / "buildx"
    lines = "\n".join(_LOG_LINES)
    program.write_text(f"#!{sys.executable}\nimport sys\nif 'bake' in sys.argv: sys.exit({lines!r})\n")
    program.chmod(0o755)
    builder = socket.create_server(("127.0.0.1", 0))
    host, port = builder.getsockname()
    buildx = Buildx(
        workspace=build.context,
        environment={},
        console=Console(),
        logins=_Logins(),
        settings=BuilderSettings(endpoint=f"tcp://{host}:{port}"),
        clock=SystemClock(RunnerCancelling()),
        program=str(program),
        folders=PrivateFolders(build.context),
    )
    order = BuildOrder(build=build, platform="linux/amd64", labels={}, repository_uri=f"{_REGISTRY}/a", tag="src-1")

    def build_and_push() -> None:
        with builder, suppress(DeployError):
            buildx.build_and_push([order])

    return build_and_push


def registry_answer() -> Callable[[], None]:
    """Read manifests that are deep, long, or full of what is wrong."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret"}  # noqa: TID251 # of this process
    aws = Aws(
        region="eu-west-1",
        role=None,
        id_token=str,
        mask=lambda _: None,
        clock=SystemClock(RunnerCancelling()),
        priority=RequestPriority(),
        run=WorkflowRun(),
        environment={},
    )

    def read() -> None:
        images, stubber = EcrImages(aws, lambda: _REGISTRY), Stubber(aws.ecr())
        for document in _DOCUMENTS:
            digest = f"sha256:{sha256(document.encode()).hexdigest()}"
            stubber.add_response("batch_get_image", {"images": [{"imageManifest": document}], "failures": []})
            with stubber, suppress(DeployError):
                images.read_image("orders", digest, "linux/amd64")

    return read


class _Invocations:
    def __init__(self, payload: str) -> None:
        self._payload = payload

    def check_may_invoke(self, name: str) -> None:
        """Allow it."""

    def invoke(self, *_: str, timeout: float) -> Response:  # noqa: ARG002 # as the port has it
        """Return what the function is said to have answered."""
        return Response(payload=self._payload, error="Unhandled", log=4096 * "\n")


def function_error() -> Callable[[], None]:
    """Tell of functions that fail with megabytes, in the log and in the summary."""
    console, clock = Console(), SystemClock(RunnerCancelling())
    test = SmokeTest(event="{}", expect=Expectation(value={}))
    payloads = [json.dumps(failure) for failure in _FAILURES]

    def fail() -> None:
        for payload in payloads:
            journal = Journal(run=WorkflowRun())
            invocations = _Invocations(payload)
            try:
                run_smoke_test(
                    test, "a", "1", timeout=3, invocations=invocations, log=console, clock=clock, check=lambda: None
                )
            except DeployError as error:
                journal.error = error
            console.info(f"{journal.error}\n{headline(journal)}\n{summary(journal)}")

    return fail


HOSTILE: Mapping[str, Callable[[], Callable[[], None]]] = {
    function.__name__: function for function in (dockerignore, dockerfile, buildx_log, registry_answer, function_error)
}


def _give_up() -> NoReturn:
    os._exit(3)


def main(name: str) -> None:
    """Work until the process is ended: by itself, once it is signalled."""
    cancelling, task = RunnerCancelling(), HOSTILE[name]()
    cancelling.listen(_give_up)

    def work(_: int) -> None:
        while True:
            task()

    os.write(2, b"ready\n")
    for_each(range(2), work)


if __name__ == "__main__":
    main(sys.argv[1])
