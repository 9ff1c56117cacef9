"""Unit tests touch nothing outside: whatever opens a socket or starts a program fails."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident

import pytest

_FORBIDDEN = {
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.system",
    "socket.__new__",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "subprocess.Popen",
}
_guarded = False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if _guarded and event in _FORBIDDEN:
        raise AssertionError(f"a unit test reaches outside: {event} in thread {get_ident()} with {arguments!r:.200}")


# An audit hook sees what every library does, in every thread, and nothing needs to be patched.
# It cannot be removed again, hence the switch [sys.addaudithook].
sys.addaudithook(_refuse)


@contextmanager
def _guard() -> Iterator[None]:
    global _guarded  # noqa: PLW0603 # an audit hook has no other way to be told
    _guarded = True
    try:
        yield
    finally:
        _guarded = False


@pytest.fixture(autouse=True)
def _nothing_outside() -> Iterator[None]:
    with _guard():
        yield
