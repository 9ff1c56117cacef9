"""A Docker engine that the sandbox starts, which can run beside another one on the same machine.

It has its own data, socket, containerd and bridge device. It lives in its own mount and process namespaces: when it
ends, or when the sandbox is killed, the kernel ends every container and unmounts every layer with it.
"""

import json
import os
import shutil
import signal
import socket as socketlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path

from docker import APIClient
from docker.errors import DockerException

from sandbox.errors import SandboxError
from sandbox.machine.bridge import bridge
from sandbox.machine.cache import folder, locked
from sandbox.machine.debian_packages import install

_START_SECONDS = 60
_STOP_SECONDS = 20
_SLOTS = 8
_RUN = Path("/run/ecr-lambda-deploy")  # sandboxes with other cache folders share it, so it has its own locks
# A containerd of the machine, which dockerd would use if it saw its socket, knows the other engine's containers.
# And two engines that publish ports from the same range run into each other's: dockerd takes the range from the kernel.
_START = (
    "mkdir -p /run/containerd && mount -t tmpfs none /run/containerd"
    " && mount --bind $1 /proc/sys/net/ipv4/ip_local_port_range && exec dockerd --config-file $0"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot for one engine, held by one process at a time. All that engines must not share is derived from it.

    Attributes:
        name: Name of the kind of engine and number of the slot; names the folders.
        number: Unique among all kinds of engine; names the bridge and its network.
        lock: The file descriptor that holds it.
    """

    name: str
    number: int
    lock: int

    @property
    def data(self) -> Path:
        """Images and build cache, kept for the next start."""
        return folder() / "engines" / self.name

    @property
    def run(self) -> Path:
        """Sockets and process ids; short, since a socket's path may have 108 characters."""
        return _RUN / self.name

    @property
    def bridge(self) -> str:
        """The bridge device, named in at most 15 characters."""
        return f"ecr-lambda{self.number}"

    @property
    def ports(self) -> str:
        """First and last port for containers that publish a port without naming one, below 60999."""
        first = 34000 + 1000 * self.number
        return f"{first}\t{first + 999}\n"

    @property
    def address(self) -> IPv4Interface:
        """The bridge's address, in the range for benchmarks (RFC 2544), which no network uses."""
        return IPv4Interface(f"198.18.{self.number}.1/24")


@contextmanager
def own_dockerd(kind: str, number: int, *, programs: Path | None, settings: Mapping[str, object]) -> Iterator[Path]:
    """Run a dockerd; it ends with the block, or with the thread that started it.

    Args:
        kind: Names the engine's data: engines of one kind share images from one start to the next.
        number: The kind's number, different from other kinds'.
        programs: A folder to look in for dockerd, containerd and what they need before PATH.
        settings: What to add to dockerd's configuration.

    Yields:
        The engine's socket.

    Raises:
        SandboxError: The user is not root, or dockerd does not start.
    """
    if os.geteuid() != 0:
        raise SandboxError(f"to start a Docker engine ({kind}) the sandbox must run as root")
    if shutil.which("runc") is None:
        install("runc")
    with ExitStack() as stack:
        slot = _free_slot(stack, kind, number)
        stack.enter_context(bridge(slot.bridge, slot.address))
        stack.enter_context(_folders(slot))
        yield stack.enter_context(_process(slot, programs, settings))


def _free_slot(stack: ExitStack, kind: str, number: int) -> Slot:
    for index in range(_SLOTS):
        name = f"{kind}-{index}"
        with ExitStack() as attempt:
            try:
                lock = attempt.enter_context(locked(folder() / "locks" / f"engine-{name}", wait=False))
                attempt.enter_context(locked(_RUN / "locks" / name, wait=False))
            except BlockingIOError:
                continue
            stack.push(attempt.pop_all())
            return Slot(name=name, number=number * _SLOTS + index, lock=lock)
    raise SandboxError(f"{_SLOTS} sandboxes with their own Docker engine ({kind}) run already")


@contextmanager
def _folders(slot: Slot) -> Iterator[None]:
    shutil.rmtree(slot.run, ignore_errors=True)
    slot.run.mkdir(parents=True)
    slot.data.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        shutil.rmtree(slot.run)


@contextmanager
def _process(slot: Slot, programs: Path | None, settings: Mapping[str, object]) -> Iterator[Path]:
    socket, log, configuration = slot.run / "docker.sock", slot.data / "dockerd.log", slot.run / "daemon.json"
    own: dict[str, object] = {
        "data-root": str(slot.data),
        "exec-root": str(slot.run),
        "pidfile": str(slot.run / "dockerd.pid"),
        "hosts": [f"unix://{socket}"],
        # Even with its own address pools, dockerd 20.10 would delete docker0, which may be another engine's.
        "bridge": slot.bridge,
        "iptables": False,
        "ip6tables": False,
    }
    configuration.write_text(json.dumps(own | dict(settings)))
    command = ["setpriv", "--pdeathsig", "KILL"]
    command += ["unshare", "--mount", "--propagation", "slave", "--pid", "--mount-proc", "--fork", "--kill-child"]
    ports = slot.run / "ip_local_port_range"
    ports.write_text(slot.ports)
    command += ["sh", "-c", _START, str(configuration), str(ports)]
    path = f"{programs}:{os.environ['PATH']}" if programs else os.environ["PATH"]
    with log.open("w") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[slot.lock],  # the slot stays taken until the last process is gone
            start_new_session=True,  # Ctrl-C reaches the sandbox alone, which stops dockerd in order
        )
    try:
        _wait_until_ready(process, socket, log)
        _clear(socket)  # remove what a killed sandbox left behind
        try:
            yield socket
        finally:
            if process.poll() is None:
                _clear(socket)  # dockerd would give each container ten seconds to end
    finally:
        _end(process)


def _wait_until_ready(process: subprocess.Popen[bytes], socket: Path, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if answers(socket):
            return
        time.sleep(0.05)
    raise SandboxError(f"dockerd does not start; the end of {log}:\n{log.read_text()[-2000:]}")


def answers(socket: Path) -> bool:
    """Return whether a Docker engine answers at this socket."""
    with socketlib.socket(socketlib.AF_UNIX) as probe:  # the SDK leaves its socket open when nothing listens
        if probe.connect_ex(str(socket)) != 0:
            return False
    try:
        APIClient(base_url=f"unix://{socket}", version="auto", timeout=5).close()
    except DockerException:
        return False
    return True


def _clear(socket: Path) -> None:
    """Remove containers and networks."""
    client = APIClient(base_url=f"unix://{socket}", version="auto")
    try:
        for container in client.containers(all=True):
            client.remove_container(container["Id"], force=True, v=True)
        for network in client.networks(filters={"type": "custom"}):
            client.remove_network(network["Id"])
    finally:
        client.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
