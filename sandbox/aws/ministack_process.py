"""ministack, the emulator behind the proxy: installed in a virtual environment, started and stopped."""

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import docker
import docker.errors

from sandbox.errors import SandboxError
from sandbox.machine.cache import cached

_REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "ministack.txt"
_NO_ENGINE = "unix:///nonexistent/docker.sock"  # without it ministack would use the machine's engine
_START_SECONDS = 60
_STOP_SECONDS = 10
_BEING_REMOVED = {404, 409}  # already removed, or another client is removing it

# ministack ends with the process that started it, however that ends: prctl(2), PR_SET_PDEATHSIG.
_PROGRAM = "import ctypes; ctypes.CDLL(None).prctl(1, 15); from ministack.app import main; main()"


def installed_python() -> Path:
    """Return the Python of a virtual environment that has ministack, as `requirements/ministack.txt` pins it.

    Raises:
        SandboxError: The installation failed; the message has pip's own words.
    """
    pins = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:16]
    version = ".".join(map(str, sys.version_info[:3]))
    return cached(f"ministack-{pins}-python{version}", _install) / "bin" / "python"


def _install(folder: Path) -> None:
    print("Installing ministack, once")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [*pip, "install", "--require-hashes", "--only-binary=:all:", "--requirement", str(_REQUIREMENTS)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SandboxError(f"ministack could not be installed:\n{done.stdout}{done.stderr}")


@contextmanager
def running_ministack(
    *, docker_host: str | None, registry: str, puller: str, account: str, region: str
) -> Iterator[str]:
    """Run ministack until the block ends, and remove its functions' containers then.

    Args:
        docker_host: The engine that runs functions; None if no function is invoked.
        registry: The registry that they are pulled from.
        puller: User and password to pull with.
        account: The account of requests that name none.
        region: Their Region.

    Yields:
        Its endpoint.

    Raises:
        SandboxError: It did not start; the message has the end of its log.
    """
    python = installed_python()
    instance = f"ecr-lambda-deploy-{uuid.uuid4().hex[:12]}"
    with TemporaryDirectory(prefix="ecr-lambda-deploy-") as name:
        folder, port = Path(name), _free_port()
        auth = base64.b64encode(puller.encode()).decode()
        (folder / "config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))
        settings = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "MINISTACK_ACCOUNT_ID": account,
            "MINISTACK_REGION": region,
            "MINISTACK_HOSTNAME": instance,
            "MINISTACK_DOCKER_TIMEOUT": "120",
            "SERVICES": "cloudformation,lambda,ecr,sts,iam,cloudwatch,logs,s3,ssm",
            "LAMBDA_EXECUTOR": "docker",
            "DOCKER_HOST": docker_host or _NO_ENGINE,
            "DOCKER_CONFIG": name,
            "HOME": name,
            "TMPDIR": name,
            "PATH": os.defpath,
        }
        with _process(python, folder / "log", settings) as process:
            try:
                _wait_until_healthy(process, port, folder / "log")
                yield f"http://127.0.0.1:{port}"
            finally:
                _stop(process)
                if docker_host is not None:
                    _leave_engine(docker_host, f"{instance}:{port}", registry)


@contextmanager
def _process(python: Path, log: Path, settings: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    command = [str(python), "-I", "-c", _PROGRAM]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env=settings, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        with process:
            try:
                yield process
            finally:
                process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise SandboxError("ministack did not start:\n" + log.read_text(errors="replace")[-3000:])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _leave_engine(docker_host: str, instance: str, registry: str) -> None:
    """Remove what only this run used: its functions' containers, and the names of images of its registry."""
    engine = docker.APIClient(base_url=docker_host)
    try:
        for container in engine.containers(all=True, filters={"label": f"ministack.instance={instance}"}):
            _removed(engine.remove_container, container["Id"])
        for image in engine.images():
            for name in (image["RepoTags"] or []) + (image["RepoDigests"] or []):
                if name.startswith(f"{registry}/"):
                    _removed(engine.remove_image, name)
    finally:
        engine.close()


def _removed(remove: Callable[..., object], name: str) -> None:
    try:
        remove(name, force=True)
    except docker.errors.APIError as error:
        if error.status_code not in _BEING_REMOVED:
            raise
