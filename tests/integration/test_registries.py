"""Digests of base images, asked of a registry that answers over HTTP as Docker Hub, GHCR and ECR do."""

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_connection, create_server, socket
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from ecr_lambda_deploy.docker import registries
from ecr_lambda_deploy.docker.digests import ImageDigests
from ecr_lambda_deploy.docker.logins import given_login
from ecr_lambda_deploy.docker.registries import Registries, UnknownDigestError, registry_host
from ecr_lambda_deploy.fingerprint.errors import UnknownInputError
from tests.integration.certificates import Authority

_DIGEST = f"sha256:{64 * 'a'}"
_FOUND = (200, {"Docker-Content-Digest": _DIGEST}, b"")
_BASIC = f"Basic {b64encode(b'user:password').decode()}"
_PRIVATE = {"auth": _BASIC.removeprefix("Basic ")}
Answer = tuple[int, Mapping[str, str], bytes]


@dataclass(kw_only=True)
class Asked:
    """A request that a registry got."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    authorization: str


@dataclass(kw_only=True)
class Host:
    """A registry, or what else answers over HTTP on this machine.

    Attributes:
        name: host and port.
        answer: what it answers to a request; None to close the connection.
        asked: the requests.
    """

    name: str
    answer: Callable[[Asked], Answer | None] = lambda _: _FOUND
    asked: list[Asked] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, host: Host, *arguments: Any) -> None:  # noqa: ANN401 # those of the server
        self._host = host
        super().__init__(*arguments)

    def _any(self) -> None:
        where = urlsplit(self.path)
        asked = Asked(
            method=self.command,
            path=where.path,
            query=dict(parse_qsl(where.query)),
            form=dict(parse_qsl(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())),
            authorization=self.headers.get("Authorization", ""),
        )
        self._host.asked.append(asked)
        answer = self._host.answer(asked)
        if answer is None:
            self.close_connection = True
            return
        status, headers, body = answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if self.command != "HEAD" else b"")

    do_HEAD = do_GET = do_POST = _any  # noqa: N815 # as http.server names them

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _running(tls: ssl.SSLContext | None = None) -> Iterator[Host]:
    host = Host(name="")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, host))
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    host.name = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def registry() -> Iterator[Host]:
    with _running() as host:
        yield host


@pytest.fixture
def elsewhere() -> Iterator[Host]:
    with _running() as host:
        yield host


def _ask(reference: str, login: Mapping[str, str] | None = None, masked: list[str] | None = None) -> str:
    """Ask for a digest, with a login for the registry that the reference names."""
    registries = Registries(
        environment={},
        login=lambda host: login if login and host == registry_host(reference) else {},
        mask=(masked if masked is not None else list[str]()).append,
    )
    return registries.digest(reference)


def _unknown(reference: str, login: Mapping[str, str] | None = None) -> str:
    with pytest.raises(UnknownDigestError) as caught:
        _ask(reference, login)
    return str(caught.value)


def _with_tokens(host: Host, realm: str, *, scope: str = "", body: bytes = b'{"token": "t0ken=="}') -> None:
    """Have a registry want a token, and give one itself."""
    challenge = f'Bearer realm="{realm}",service="the service"' + (f',scope="{scope}"' if scope else "")

    def answer(asked: Asked) -> Answer:
        if asked.path == "/token":
            return 200, {}, body
        return _FOUND if asked.authorization == "Bearer t0ken==" else (401, {"WWW-Authenticate": challenge}, b"")

    host.answer = answer


def test_the_digest_is_asked_by_one_head(registry: Host) -> None:
    assert _ask(f"{registry.name}/team/app:1") == _ask(f"{registry.name}/team/app:1") == _DIGEST
    assert [(one.method, one.path, one.authorization) for one in registry.asked] == [
        ("HEAD", "/v2/team/app/manifests/1", "")
    ] * 2
    assert _ask(f"{registry.name}/app") == _DIGEST
    assert registry.asked[-1].path == "/v2/app/manifests/latest"


def test_a_challenge_for_a_password_is_met(registry: Host) -> None:
    registry.answer = lambda asked: (
        _FOUND if asked.authorization == _BASIC else (401, {"WWW-Authenticate": 'Basic realm="https://ecr/"'}, b"")
    )

    assert _ask(f"{registry.name}/app:1", _PRIVATE) == _DIGEST
    plain = {"username": "user", "password": "password"}
    assert _ask(f"{registry.name}/app:1", plain) == _DIGEST
    assert [one.authorization for one in registry.asked] == ["", _BASIC] * 2
    assert _unknown(f"{registry.name}/app:1") == "it wants a login, and there is none for it: 401"
    assert _unknown(f"{registry.name}/app:1", {"auth": "d3Jvbmc="}) == "401 Unauthorized"


def test_a_token_is_asked_for_as_the_challenge_says(registry: Host) -> None:
    _with_tokens(registry, f"http://{registry.name}/token", scope="repository:team/app:pull")

    assert _ask(f"{registry.name}/team/app:1") == _DIGEST

    _, token, head = registry.asked
    assert (token.method, token.authorization) == ("GET", "")
    assert token.query == {"service": "the service", "scope": "repository:team/app:pull"}
    assert head.authorization == "Bearer t0ken=="


def test_a_login_goes_to_the_token_service_and_the_token_is_masked(registry: Host) -> None:
    _with_tokens(registry, f"http://{registry.name}/token", body=b'{"access_token": "t0ken=="}')
    masked = list[str]()

    assert _ask(f"{registry.name}/team/app:1", _PRIVATE, masked) == _DIGEST

    _, token, _ = registry.asked
    assert (token.authorization, token.query["scope"]) == (_BASIC, "repository:team/app:pull")
    assert masked == ["t0ken=="]


def test_an_identity_token_is_exchanged(registry: Host) -> None:
    _with_tokens(registry, f"http://{registry.name}/token", body=b'{"access_token": "t0ken=="}')

    assert _ask(f"{registry.name}/app:1", {"identitytoken": "refresh"}) == _DIGEST

    _, token, _ = registry.asked
    assert (token.method, token.authorization) == ("POST", "")
    assert token.form["grant_type"] == "refresh_token"
    assert token.form["refresh_token"] == "refresh"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"token": "a b"}', b'{"token": ["t0ken=="]}', 40_000 * b"[", 70_000 * b" "]
)
def test_rule_6_what_is_no_token_is_not_sent(registry: Host, body: bytes) -> None:
    _with_tokens(registry, f"http://{registry.name}/token", body=body)

    assert "is not what the OCI image specification says" in _unknown(f"{registry.name}/app:1")
    assert len(registry.asked) == 2


@pytest.mark.parametrize(
    "realm", ["http://registry.example/token", "ftp://localhost/", "/token", "", "http://[", "https:///x"]
)
def test_rule_2_a_login_goes_only_where_tls_protects_it(registry: Host, realm: str) -> None:
    _with_tokens(registry, realm)

    assert _unknown(f"{registry.name}/app:1", _PRIVATE)
    assert len(registry.asked) == 1


def test_a_redirect_is_followed_without_the_login(registry: Host, elsewhere: Host) -> None:
    def answer(asked: Asked) -> Answer:
        if not asked.authorization:
            return 401, {"WWW-Authenticate": "Basic"}, b""
        return 307, {"Location": f"http://{elsewhere.name}/v2/mirror/manifests/1"}, b""

    registry.answer = answer

    assert _ask(f"{registry.name}/app:1", _PRIVATE) == _DIGEST
    assert [(one.path, one.authorization) for one in elsewhere.asked] == [("/v2/mirror/manifests/1", "")]


def test_rule_2_who_a_registry_sends_to_is_given_no_login(registry: Host, elsewhere: Host) -> None:
    """Else a base image's registry would choose whose login is used, of all that the run has."""
    registry.answer = lambda _: (307, {"Location": f"http://{elsewhere.name}/v2/private/manifests/1"}, b"")
    elsewhere.answer = lambda asked: _FOUND if asked.authorization else (401, {"WWW-Authenticate": "Basic"}, b"")
    wanted = list[str]()

    def login(host: str) -> Mapping[str, str]:
        wanted.append(host)
        return _PRIVATE

    registries = Registries(environment={}, login=login, mask=lambda _: None)
    with pytest.raises(UnknownDigestError, match="there is none for it"):
        registries.digest(f"{registry.name}/app:1")

    assert wanted == []
    assert [one.authorization for one in elsewhere.asked] == [""]


@pytest.mark.parametrize("header", ["Location", "WWW-Authenticate"])
@pytest.mark.parametrize("path", ["\\@127.0.0.1:1/", "\t@127.0.0.1:1/"])
def test_rule_2_no_host_hides_behind_another(registry: Host, elsewhere: Host, header: str, path: str) -> None:
    address = f"http://{elsewhere.name}{path}"
    headers = {header: address if header == "Location" else f'Bearer realm="{address}"'}
    registry.answer = lambda _: (307 if header == "Location" else 401, headers, b"")

    assert "which is no address" in _unknown(f"{registry.name}/app:1", _PRIVATE)
    assert elsewhere.asked == []


def test_rule_6_a_registry_does_not_send_round_for_ever(registry: Host) -> None:
    registry.answer = lambda _: (302, {"Location": "/v2/app/manifests/1"}, b"")

    assert _unknown(f"{registry.name}/app:1") == "it keeps answering with a redirect or a challenge"
    assert len(registry.asked) == 6


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((429, {}, b""), "429 Too Many Requests"),
        ((404, {}, b""), "404 Not Found"),
        ((200, {}, b""), "its answer has no digest"),
        ((200, {"Docker-Content-Digest": "sha256:1"}, b""), "its answer has no digest"),
        ((401, {}, b""), "it wants a login"),
    ],
)
def test_what_the_registry_does_not_tell_is_unknown_at_once(registry: Host, answer: Answer, reason: str) -> None:
    registry.answer = lambda _: answer

    assert _unknown(f"{registry.name}/app:1").startswith(reason)
    assert len(registry.asked) == 1


@pytest.mark.parametrize("fault", [None, (503, {}, b"")])
def test_a_fault_that_passes_is_survived_and_one_that_stays_is_told(registry: Host, fault: Answer | None) -> None:
    faults = [fault, _FOUND]
    registry.answer = lambda _: faults.pop(0)
    assert _ask(f"{registry.name}/app:1") == _DIGEST

    registry.answer = lambda _: fault
    assert _unknown(f"{registry.name}/app:1").startswith("503 " if fault else "ConnectionError: ")


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"])
def test_a_registry_that_answers_without_an_end_is_left(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registries, "_LONGEST_QUESTION", 1)
    is_over = Event()

    def answer(server: socket) -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(begin)
            while not is_over.wait(0.1):
                connection.sendall(b"x")

    with create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=answer, args=(server,))
        thread.start()
        host, port = server.getsockname()
        asked = Registries(environment={}, login=lambda _: {}, mask=lambda _: None)
        with pytest.raises(UnknownDigestError, match="has not answered within 1 s"):
            asked.documents(f"{host}:{port}/base:1", lambda fetch: fetch("", "manifests"))
        is_over.set()
        thread.join()


def test_a_registry_elsewhere_is_asked_by_tls_through_the_proxy(tmp_path: Path) -> None:
    """The proxy takes the name to the registry on this machine, whose authority SSL_CERT_FILE names."""
    authority = Authority()
    tls = authority.server_context(tmp_path, host="registry.example")
    tls.verify_mode = ssl.CERT_NONE
    tls.set_alpn_protocols(["http/1.1"])
    with _running(tls) as registry, _proxy(registry.name) as (proxy, asked):
        environment = {"HTTPS_PROXY": f"http://{proxy}", "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
        registries = Registries(environment=environment, login=lambda _: {}, mask=lambda _: None)
        assert registries.digest("registry.example/app:1") == _DIGEST
        assert asked == ["CONNECT registry.example:443"]
        for exception in ("registry.example", ".example", "*", "other, example:443"):
            registries = Registries(
                environment={**environment, "no_proxy": exception}, login=lambda _: {}, mask=lambda _: None
            )
            with pytest.raises(UnknownDigestError, match="ConnectionError"):
                registries.digest("registry.example/app:1")
    assert len(asked) == 1


@contextmanager
def _proxy(target: str) -> Iterator[tuple[str, list[str]]]:
    """Run a proxy that connects everybody to one address, and yield its own and what it was asked."""
    asked = list[str]()
    host, _, port = target.partition(":")

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.end_headers()
            with create_connection((host, int(port))) as there:
                back = Thread(target=_copy, args=(there.recv, self.connection.sendall))
                back.start()
                _copy(self.connection.recv, there.sendall)
                back.join(5)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def _copy(receive: Callable[[int], bytes], send: Callable[[bytes], object]) -> None:
    try:
        while content := receive(65536):
            send(content)
    except OSError:
        pass


@pytest.mark.parametrize(
    ("reference", "host"),
    [
        ("python:3.13", "registry-1.docker.io"),
        ("docker.io/library/python", "registry-1.docker.io"),
        ("grafana/grafana", "registry-1.docker.io"),
        ("ghcr.io/a/b:1", "ghcr.io"),
        ("localhost/a", "localhost"),
        ("registry:5000/a", "registry:5000"),
    ],
)
def test_the_host_of_a_reference(reference: str, host: str) -> None:
    assert registry_host(reference) == host


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("https://index.docker.io/v1/", "registry-1.docker.io"),
        ("docker.io", "registry-1.docker.io"),
        ("ghcr.io", "ghcr.io"),
        ("https://ghcr.io", "ghcr.io"),
        ("https://ghcr.io/v2/", "ghcr.io"),
        ("ghcr.io/org", "ghcr.io"),
        ("localhost:5000/v1/", "localhost:5000"),
    ],
)
def test_the_login_that_a_configuration_has_for_a_host(name: str, host: str) -> None:
    assert given_login({"auths": {name: _PRIVATE}}, host) == _PRIVATE
    assert given_login({"auths": {name: _PRIVATE}}, "quay.io") == given_login({}, host) == {}
    assert given_login({"auths": {f"{host}/other": {"auth": "other"}, host: _PRIVATE}}, host) == _PRIVATE


def _digests(said: list[str], on_engine: str | None) -> ImageDigests:
    def ask(_: str) -> str:
        raise UnknownDigestError("429 Too Many Requests")

    return ImageDigests(ask_registry=ask, ask_engine=lambda _: on_engine, say=said.append)


def test_the_engine_s_copy_stands_in_for_what_the_registry_does_not_tell() -> None:
    said = list[str]()
    digests = _digests(said, _DIGEST)

    assert digests.resolve("python:3.13") == _DIGEST
    assert digests.stand_ins == {"python:3.13"}
    why = "The registry does not give the digest of python:3.13"
    assert said == [f"{why}; the engine's own copy stands in for it (429 Too Many Requests)"]
    assert digests.resolve(f"python@{_DIGEST}") == _DIGEST
    assert len(said) == 1


def test_a_digest_that_nobody_tells_is_unknown() -> None:
    with pytest.raises(UnknownInputError) as caught:
        _digests([], None).resolve("python:3.13")

    assert str(caught.value) == "nobody tells the digest of python:3.13; its registry: 429 Too Many Requests"
