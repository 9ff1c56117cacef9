"""Unit tests touch nothing outside: whatever opens a socket or starts a program fails."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.fakes.events import every_event_comes

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
        raise AssertionError(f"a unit test reaches outside: {event} with {arguments!r:.200}")


# An audit hook sees what every library does, in every thread, and nothing needs to be patched.
# It cannot be removed again, hence the switch [sys.addaudithook].
sys.addaudithook(_refuse)


@pytest.fixture(autouse=True)
def _nothing_outside() -> Iterator[None]:
    global _guarded  # noqa: PLW0603 # an audit hook has no other way to be told
    _guarded = True
    yield
    _guarded = False


@pytest.fixture(autouse=True)
def _every_event_comes() -> Iterator[None]:
    with every_event_comes():
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A folder with a few Dockerfiles."""
    folder = tmp_path / "workspace"
    for path in ("Dockerfile", "services/orders/Dockerfile", "docker/orders.Dockerfile"):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("FROM scratch\n")
    return folder
