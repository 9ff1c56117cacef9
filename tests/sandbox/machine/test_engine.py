"""Engines of every kind, next to whatever engine this machine has; needs root."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.machine.dockerd import answers
from sandbox.machine.engine import Engine, Flavour, copy_image, running_engine

IMPORT = ("import", "--change=LABEL made.by=test_engine", "-")

# Run in a network of its own, so that what other programs do to the machine's cannot be taken for the engine's doing.
BESIDE_DOCKER0 = """
import json, subprocess, sys
from sandbox.machine.engine import running_engine

def network():
    command = "ip -brief -4 address | awk '{print $1, $3}'; iptables-save | grep ^-"
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout.splitlines()

setup = "ip link add docker0 type bridge && ip address add 172.17.0.1/16 dev docker0 && ip link set docker0 up"
subprocess.run(["sh", "-c", setup + " && iptables -N DOCKER && iptables -A DOCKER -j RETURN"], check=True)
states = [network()]
for _ in range(2):  # the second time the engine starts with data of the first
    with running_engine(sys.argv[1]) as engine:
        print(engine.version, engine.containerd_store, file=sys.stderr)
        states.append(network())
    states.append(network())
    assert not engine.socket.parent.exists()
print(json.dumps(states))
"""


@pytest.fixture(params=["20.10", "current"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    kind: Flavour = request.param
    return kind


@pytest.fixture
def _no_reachable_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


@pytest.fixture(scope="module")
def reachable() -> Iterator[Engine]:
    with running_engine() as engine:
        yield engine


@pytest.fixture
def image() -> bytes:
    """The root file system of an image with one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("file"))
    return buffer.getvalue()


def processes() -> str:
    """The command lines of all processes."""
    return subprocess.run(["ps", "axww", "-o", "args"], capture_output=True, text=True, check=True).stdout


def test_the_reachable_engine_is_used_and_left_running(reachable: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{reachable.socket}")  # it may be one that was started for the tests
    with running_engine("reachable") as engine:
        assert engine == reachable
        assert engine.docker("version", "--format", "{{.Server.Version}}").strip() == engine.version

    assert answers(reachable.socket)


def test_an_engine_at_another_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")

    with pytest.raises(SandboxError, match="an engine on this machine"), running_engine():
        pass


@pytest.mark.usefixtures("_no_reachable_engine")
def test_an_engine_asked_for_that_does_not_answer_is_not_replaced() -> None:
    with pytest.raises(SandboxError, match="no Docker engine answers at DOCKER_HOST"), running_engine():
        pass


@pytest.mark.usefixtures("_no_reachable_engine")
def test_an_engine_of_each_kind_runs(flavour: Flavour) -> None:
    with running_engine(flavour) as engine:
        assert engine.version.startswith({"20.10": "20.10.", "current": "2"}[flavour])
        assert engine.containerd_store == (flavour == "current")
        assert engine.docker("version", "--format", "{{.Server.Version}}").strip() == engine.version

    assert not answers(engine.socket)


@pytest.mark.usefixtures("_no_reachable_engine")
def test_an_engine_leaves_the_network_of_another_alone(flavour: Flavour) -> None:
    command = ["unshare", "--net", sys.executable, "-c", BESIDE_DOCKER0, flavour]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    before, during, after, during_again, after_again = json.loads(done.stdout)
    assert "docker0 172.17.0.1/16" in before
    assert "-A DOCKER -j RETURN" in before
    assert after == after_again == before
    assert set(during) - set(before) == set(during_again) - set(before)
    assert all("ecr-lambda" in line for line in set(during) - set(before))
    assert set(before) <= set(during)
    assert set(before) <= set(during_again)


@pytest.mark.usefixtures("_no_reachable_engine")
def test_two_engines_of_a_kind_share_nothing(image: bytes) -> None:
    with running_engine("20.10") as one, running_engine("20.10") as other:
        assert one.socket != other.socket
        one.docker(*IMPORT, "ecr-lambda-deploy-test/only-one", input=image)
        assert not other.docker("image", "ls", "--quiet", "ecr-lambda-deploy-test/only-one")
        one.docker("image", "rm", "ecr-lambda-deploy-test/only-one")


def test_an_engine_ends_in_order_when_the_block_fails() -> None:
    sockets: list[Path] = []

    def interrupted() -> None:
        with running_engine("current") as engine:
            sockets.append(engine.socket)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert not sockets[0].parent.exists()
    assert str(sockets[0].parent) not in processes()


def test_an_engine_ends_when_the_sandbox_is_killed() -> None:
    program = """if True:
        from sandbox.machine.engine import running_engine
        with running_engine("current") as engine:
            print(engine.socket, flush=True)
            input()
    """
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as sandbox:
        assert sandbox.stdout
        socket = Path(sandbox.stdout.readline().decode().strip())
        assert answers(socket)
        assert str(socket.parent) in processes()
        os.kill(sandbox.pid, signal.SIGKILL)

    deadline = time.monotonic() + 5
    while str(socket.parent) in processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert str(socket.parent) not in processes()
    with running_engine("current") as engine:
        assert answers(engine.socket)


def test_an_engine_is_started_where_none_is_reachable() -> None:
    """In a network and a file system of its own, so that the engine at hand is neither seen nor disturbed."""
    program = """if True:
        from sandbox.machine.engine import running_engine
        with running_engine() as engine:
            print(engine.socket, engine.docker("version", "--format", "{{.Server.Version}}"))
    """
    script = 'mount -t tmpfs none /run && exec "$0" -c "$1"'
    command = ["unshare", "--net", "--mount", "env", "-u", "DOCKER_HOST", "sh", "-c", script, sys.executable, program]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "/run/ecr-lambda-deploy/reachable-" in done.stdout


def test_an_image_is_copied_between_engines_of_different_kinds(reachable: Engine, image: bytes) -> None:
    name = "ecr-lambda-deploy-test/copied:1"
    reachable.docker(*IMPORT, name, input=image)
    with running_engine("current") as current:
        copy_image(name, reachable, current)
        reachable.docker("image", "rm", name)
        copy_image(name, current, reachable)
        current.docker("image", "rm", name)

    label = reachable.docker("image", "inspect", "--format", '{{index .Config.Labels "made.by"}}', name)
    reachable.docker("image", "rm", name)
    assert label.strip() == "test_engine"


def test_an_image_that_is_not_there_is_not_copied(reachable: Engine) -> None:
    with pytest.raises(SandboxError, match="ecr-lambda-deploy-test/absent"):
        copy_image("ecr-lambda-deploy-test/absent", reachable, reachable)


def test_a_failing_command_says_what_docker_said(reachable: Engine) -> None:
    with pytest.raises(SandboxError, match="No such image: ecr-lambda-deploy-test/absent"):
        reachable.docker("image", "inspect", "ecr-lambda-deploy-test/absent")
