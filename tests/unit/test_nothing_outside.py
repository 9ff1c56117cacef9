"""The guard of conftest.py works: without it a unit test could reach outside and nobody would know."""

import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest


def test_no_socket_can_be_opened() -> None:
    with pytest.raises(AssertionError, match="reaches outside: socket"):
        socket.socket()


def test_no_name_can_be_looked_up() -> None:
    with pytest.raises(AssertionError, match="reaches outside: socket"):
        socket.getaddrinfo("localhost", 80)


def test_no_program_can_be_started() -> None:
    with pytest.raises(AssertionError, match="reaches outside: subprocess"):
        subprocess.run(["true"], check=True)


def test_no_thread_can_do_it_either() -> None:
    with ThreadPoolExecutor() as pool:
        error = pool.submit(socket.socket).exception()

    assert "reaches outside" in str(error)
