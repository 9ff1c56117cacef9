"""A bridge device for an engine of the sandbox, and the firewall rules that give it access to the outside."""

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
    """Make a bridge device whose containers reach each other and, through the machine's address, the outside.

    Docker's own rules do not work here: one engine replaces those of another. These rules name this device only.

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
        for table, *rule in rules:  # first in their chains, since another engine's rules may refuse foreign traffic
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
