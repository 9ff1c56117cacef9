"""The base images, real ones or stand-ins, in an engine of each kind."""

import io
import json
import signal
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import ANY

import pytest
import requests

from sandbox.machine.base_images import ACT_RUNNER, LAMBDA_PYTHON, BaseImage, provide_base_images
from sandbox.machine.engine import Engine, Flavour, running_engine

CLASSIC_BUILDER = {"DOCKER_BUILDKIT": "0"}  # the engine has no buildx
FUNCTION = f"""
FROM {LAMBDA_PYTHON}
COPY app.py ${{LAMBDA_TASK_ROOT}}
CMD ["app.handler"]
"""
APP = """
import os

calls = 0

def handler(event, context):
    global calls
    calls += 1
    if event.get("raise"):
        raise ValueError(event["raise"])
    if event.get("exit"):
        os._exit(7)
    print("the function's log")
    return {"event": event, "calls": calls, "request": context.aws_request_id, "name": context.function_name}
"""


@pytest.fixture(scope="module", params=["reachable", "current"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    flavour: Flavour = request.param
    with running_engine(flavour) as engine:
        yield engine


@pytest.fixture(scope="module")
def images(engine: Engine) -> tuple[BaseImage, ...]:
    return provide_base_images(engine, say=lambda _: None)


@pytest.mark.usefixtures("images")
def test_a_thread_of_the_action_s_base_has_a_small_stack(engine: Engine) -> None:
    parse = "import json, threading; threading.Thread(target=json.loads, args=[9000 * '[' + 9000 * ']']).start()"
    program = f"import subprocess, sys; print(subprocess.run([sys.executable, '-I', '-c', {parse!r}]).returncode)"
    printed = engine.docker("run", "--rm", "python:3.13-alpine", "python3", "-I", "-c", program)
    assert printed.strip() == str(-signal.SIGSEGV)


@contextmanager
def container(engine: Engine, app: str) -> Iterator[tuple[str, str]]:
    """A container of a function's image, and the address where it takes invocations."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as context:
        for name, text in (("Dockerfile", FUNCTION), ("app.py", app)):
            member = tarfile.TarInfo(name)
            member.mode, member.size = 0o644, len(text.encode())
            context.addfile(member, io.BytesIO(text.encode()))
    image = engine.docker("build", "--quiet", "-", input=buffer.getvalue(), environment=CLASSIC_BUILDER).strip()
    name = engine.docker("run", "--detach", "--publish=127.0.0.1::8080", "--env=AWS_LAMBDA_FUNCTION_NAME=hello", image)
    try:
        port = engine.docker("port", name.strip(), "8080/tcp").strip()
        yield name.strip(), f"http://{port}/2015-03-31/functions/function/invocations"
    finally:
        engine.docker("rm", "--force", name.strip())
        engine.docker("image", "rm", image)


@pytest.fixture(scope="module")
def function(engine: Engine, images: tuple[BaseImage, ...]) -> Iterator[tuple[str, str]]:  # noqa: ARG001 # its base
    with container(engine, APP) as running:
        yield running


def named(images: tuple[BaseImage, ...], repository: str) -> str:
    """The reference of the image of this repository, whose tag the action's Dockerfile chooses."""
    (reference,) = (image.reference for image in images if image.reference.startswith(f"{repository}:"))
    return reference


def post(session: requests.Session, address: str, event: object) -> requests.Response:
    return session.post(address, json=event, headers={"X-Amzn-RequestId": "a-request"}, timeout=30)


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        # A container accepts connections a moment before its server does.
        retry = requests.adapters.Retry(total=8, backoff_factor=0.05, allowed_methods=None)
        session.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        yield session


def test_the_engine_has_every_image_that_builds_start_from(engine: Engine, images: tuple[BaseImage, ...]) -> None:
    for reference in (named(images, "python"), named(images, "docker/buildx-bin"), LAMBDA_PYTHON, ACT_RUNNER):
        assert reference in {image.reference for image in images}
    for image in images:
        labels = json.loads(engine.docker("image", "inspect", "--format={{json .Config.Labels}}", image.reference))
        assert (labels or {}).get("ecr-lambda-deploy.stand-in") == ("true" if image.stand_in else None)


def test_they_are_provided_once_and_stand_ins_named_each_time(engine: Engine, images: tuple[BaseImage, ...]) -> None:
    def ids() -> list[str]:
        return [engine.docker("image", "inspect", "--format={{.Id}}", image.reference) for image in images]

    before, said = ids(), list[str]()

    assert provide_base_images(engine, say=said.append) == images
    assert ids() == before
    assert [line.split()[0] for line in said] == [image.reference for image in images if image.stand_in]


def test_the_python_image_runs_python_and_pip(engine: Engine, images: tuple[BaseImage, ...]) -> None:
    run = ("run", "--rm", named(images, "python"))

    assert engine.docker(*run, "python", "--version").startswith("Python 3.")
    assert engine.docker(*run, "pip", "--version").startswith("pip ")


def test_buildx_runs_in_the_python_image(engine: Engine, images: tuple[BaseImage, ...]) -> None:
    python, buildx = named(images, "python"), named(images, "docker/buildx-bin")
    dockerfile = f'FROM {python}\nCOPY --from={buildx} /buildx /\nENTRYPOINT ["/buildx"]\n'
    image = engine.docker("build", "--quiet", "-", input=dockerfile.encode(), environment=CLASSIC_BUILDER).strip()
    version = engine.docker("run", "--rm", image, "version")
    engine.docker("image", "rm", image)

    assert version.startswith("github.com/docker/buildx ")


@pytest.mark.usefixtures("images")
def test_the_runner_image_has_what_a_job_needs(engine: Engine) -> None:
    script = "git --version && test -s /etc/ssl/certs/ca-certificates.crt && readlink /var/run"

    assert engine.docker("run", "--rm", ACT_RUNNER, "bash", "-c", script).splitlines()[-1] == "../run"


def test_a_function_is_invoked_through_a_port_on_loopback(
    engine: Engine, function: tuple[str, str], session: requests.Session
) -> None:
    name, address = function
    first, second = (post(session, address, {"number": number}) for number in (1, 2))

    assert first.status_code == 200
    assert first.json() == {"event": {"number": 1}, "calls": ANY, "request": "a-request", "name": "hello"}
    assert second.json() == first.json() | {"event": {"number": 2}, "calls": first.json()["calls"] + 1}
    log = engine.docker("logs", name).splitlines()
    assert log[0] == "START RequestId: a-request Version: $LATEST"
    assert "the function's log" in log


def test_a_function_that_raises_answers_with_its_error(function: tuple[str, str], session: requests.Session) -> None:
    before, failed, after = (post(session, function[1], event) for event in ({}, {"raise": "no"}, {}))

    assert failed.status_code == 200
    assert (failed.json()["errorType"], failed.json()["errorMessage"]) == ("ValueError", "no")
    assert after.json()["calls"] == before.json()["calls"] + 2


def test_a_function_that_ends_its_process_starts_anew(function: tuple[str, str], session: requests.Session) -> None:
    failed, after = (post(session, function[1], event) for event in ({"exit": True}, {}))

    assert (failed.status_code, failed.json()["errorType"]) == (502, "Runtime.ExitError")
    assert after.json()["calls"] == 1


@pytest.mark.usefixtures("images")
def test_a_function_that_cannot_be_imported_fails_each_time(engine: Engine, session: requests.Session) -> None:
    with container(engine, "import no_such_module") as (_, address):
        answers = [post(session, address, {}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [502, 502]
    assert {answer.json()["errorType"] for answer in answers} == {"Runtime.ImportModuleError"}
