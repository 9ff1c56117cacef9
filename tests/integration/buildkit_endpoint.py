"""BuildKit at endpoints of its own: that of a current Docker engine, reached as buildx reaches a remote one.

dockerd speaks BuildKit's protocol to whoever upgrades a connection of its API [Docker Engine API, POST /grpc]. So this
needs no buildkitd, of which Debian has no package.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

BUILDCTL = f"""#!/usr/bin/env python3
import os, socket, sys, threading
if "dial-stdio" not in sys.argv:
    sys.exit()
engine = socket.socket(socket.AF_UNIX)
engine.connect("/var/run/docker.sock")
engine.sendall({_UPGRADE!r})
answer = b""
while not answer.endswith(b"\\r\\n\\r\\n"):
    answer += engine.recv(1)
def send():
    while data := os.read(0, 65536):
        engine.sendall(data)
    engine.shutdown(socket.SHUT_WR)
threading.Thread(target=send, daemon=True).start()
while data := engine.recv(65536):
    os.write(1, data)
"""
"""What a BuildKit container has under this name, for a container with Python and the engine's socket."""


@contextmanager
def buildkit_at_tcp(engine: Path, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Yield the endpoint of an engine's BuildKit on loopback.

    Args:
        engine: its socket.
        tls: of the server; None for none.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_accept, args=(listener, engine, tls), daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, engine: Path, tls: ssl.SSLContext | None) -> None:
    with suppress(OSError):  # closed
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, engine, tls), daemon=True).start()


def _serve(client: socket.socket, engine: Path, tls: ssl.SSLContext | None) -> None:
    with client, suppress(OSError):  # a client that is not let in
        _relay(tls.wrap_socket(client, server_side=True) if tls else client, engine)


def _relay(client: socket.socket, engine: Path) -> None:
    with client, socket.socket(socket.AF_UNIX) as upstream:
        upstream.connect(str(engine))
        upstream.sendall(_UPGRADE)
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += upstream.recv(1)
        threading.Thread(target=_copy, args=(client, upstream), daemon=True).start()
        _copy(upstream, client)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):  # one side has gone
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
