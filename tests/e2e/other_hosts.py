"""Hosts that a Dockerfile, an input or a variable names, on loopback: what each of them hears is kept."""

import gzip
import io
import json
import tarfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedReader
from threading import Event, Thread

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class HeldRequest:
    """A request that waits until it is released."""

    def __init__(self) -> None:
        self._reached, self._released = Event(), Event()

    def reached(self, timeout: float = 60) -> None:
        """Wait until there is a request.

        Raises:
            TimeoutError: none came within so many seconds.
        """
        if not self._reached.wait(timeout):
            raise TimeoutError(f"the host was not asked in {timeout} s")

    def release(self) -> None:
        """Let it be answered."""
        self._released.set()

    def wait(self) -> None:
        """Be the request."""
        self._reached.set()
        self._released.wait()


@dataclass(kw_only=True)
class OtherHost:
    """A registry with one small image, which also has a file for `ADD`; as a proxy it refuses.

    Attributes:
        address: host and port.
        login: `user:password` that its registry asks for; empty if it gives the image to anyone.
        tokens_from: address of the host that its registry sends clients to for a token; empty for none.
        heard: every request, with its headers and its body.
    """

    address: str
    login: str = ""
    tokens_from: str = ""
    heard: list[str] = field(default_factory=list)
    _held: HeldRequest | None = None

    def hold(self) -> HeldRequest:
        """Hold the next request, and those that follow."""
        self._held = HeldRequest()
        return self._held

    def hear(self, request: str) -> None:
        """Note a request, and wait while requests are held."""
        self.heard.append(request)
        if self._held:
            self._held.wait()

    def end(self) -> None:
        """Hold no request any more."""
        if self._held:
            self._held.release()

    @cached_property
    def blobs(self) -> dict[str, tuple[str, bytes]]:
        """Media type and content of the image's parts, by digest; the manifest is the last."""
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("word"))
        diff, packed = layer.getvalue(), gzip.compress(layer.getvalue(), mtime=0)
        rootfs = {"type": "layers", "diff_ids": [_digest(diff)]}
        config = json.dumps({"os": "linux", "architecture": "amd64", "config": {}, "rootfs": rootfs}).encode()
        parts = {
            "application/vnd.oci.image.config.v1+json": config,
            "application/vnd.oci.image.layer.v1.tar+gzip": packed,
        }
        of_config, of_layer = (
            {"mediaType": kind, "digest": _digest(content), "size": len(content)} for kind, content in parts.items()
        )
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": _MANIFEST, "config": of_config, "layers": [of_layer]}
        ).encode()
        return {_digest(content): (kind, content) for kind, content in {**parts, _MANIFEST: manifest}.items()}

    def answer(self, path: str, authorization: str) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body for a GET or HEAD."""
        if not path.startswith("/v2/"):
            return (
                200,
                {"Content-Type": "application/json"},
                b'{"token": "of-this-host", "access_token": "of-this-host"}',
            )
        if self.tokens_from and authorization != "Bearer of-this-host":
            challenge = f'Bearer realm="http://{self.tokens_from}/token",service="{self.address}"'
            return 401, {"WWW-Authenticate": challenge}, b""
        if self.login and authorization != f"Basic {b64encode(self.login.encode()).decode()}":
            return 401, {"WWW-Authenticate": 'Basic realm="of this host"'}, b""
        reference = path.rpartition("/")[2]
        digest = [*self.blobs][-1] if reference == "1" else reference
        if digest not in self.blobs:
            return 200 if path == "/v2/" else 404, {}, b""
        kind, content = self.blobs[digest]
        return 200, {"Content-Type": kind, "Docker-Content-Digest": digest}, content


@contextmanager
def other_host(*, login: str = "", tokens_from: str = "") -> Iterator[OtherHost]:
    """Run such a host until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 10  # seconds, so that a connection that a client keeps open does not keep the server

        def handle_one_request(self) -> None:
            if (
                isinstance(self.rfile, BufferedReader) and self.rfile.peek(1)[:1] == b"\x16"
            ):  # a client tries TLS first, and this answer makes it go on without
                self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                self.close_connection = True
            else:
                super().handle_one_request()

        def do_GET(self) -> None:
            self._hear()
            status, headers, body = host.answer(self.path, self.headers.get("Authorization", ""))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 # as the server calls it

        def do_POST(self) -> None:
            self._hear()
            self.send_error(403)

        do_PUT = do_PATCH = do_CONNECT = do_POST  # noqa: N815 # as the server calls it

        def _hear(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            host.hear(f"{self.requestline}\n{self.headers}{body.decode(errors='replace')}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.block_on_close = False
        host = OtherHost(address=f"127.0.0.1:{server.server_port}", login=login, tokens_from=tokens_from)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield host
        finally:
            host.end()
            server.shutdown()
            thread.join()


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"
