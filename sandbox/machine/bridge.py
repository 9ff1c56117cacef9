"""A bridge device for an engine of the sandbox, with a way out through the machine's firewall."""

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Interface

from sandbox.errors import SandboxError
from sandbox.machine.debian_packages import install


@contextmanager
def bridge(name: str, address: IPv4Interface) -> Iterator[None]:
    """Have a bridge device whose containers reach each other and, behind the machine's address, the outside.

    Docker's own rules would not do: an engine replaces those of another. These concern this one device.

    Args:
        name: The device's name, of at most 15 characters; one left behind by a sandbox that was killed is replaced.
        address: Its address and network.

    Raises:
        SandboxError: It cannot be made.
    """
    if shutil.which("iptables") is None:
        install("iptables")
    rules = (
        ("filter", "FORWARD", "--in-interface", name, "--jump", "ACCEPT"),
        ("filter", "FORWARD", "--out-interface", name, "--jump", "ACCEPT"),
        ("nat", "POSTROUTING", "--source", str(address.network), "!", "--out-interface", name, "--jump", "MASQUERADE"),
    )
    _remove(name, rules)
    try:
        _run("ip", "link", "add", name, "type", "bridge")
        _run("ip", "address", "add", str(address), "dev", name)
        _run("ip", "link", "set", name, "up")
        for table, *rule in rules:  # first in their chains, since another engine's may refuse what is not its own
            _run("iptables", "--wait", "--table", table, "--insert", *rule)
        yield
    finally:
        _remove(name, rules)


def _remove(name: str, rules: tuple[tuple[str, ...], ...]) -> None:
    for table, *rule in rules:
        check = ["iptables", "--wait", "--table", table, "--check", *rule]
        if subprocess.run(check, capture_output=True, check=False).returncode == 0:
            _run("iptables", "--wait", "--table", table, "--delete", *rule)
    if name in (device for _, device in socket.if_nameindex()):
        _run("ip", "link", "delete", name)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SandboxError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
