"""Asks registries for the digests of images, by HEAD of a manifest [OCI distribution specification, pulling manifests].

HEAD brings nothing but headers, and Docker Hub does not count it as a pull [Docker documentation, Docker Hub pull usage
and limits]. A registry that wants a login says where and how, in a challenge [distribution, token authentication].
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from ipaddress import ip_address, ip_network
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urljoin, urlsplit

from ecr_lambda_deploy.docker.logins import Login, basic_header
from ecr_lambda_deploy.model.documents import LARGEST, Document
from ecr_lambda_deploy.model.errors import DeployError
from ecr_lambda_deploy.model.text import bounded

if TYPE_CHECKING:
    from requests import PreparedRequest, Session

_TYPES = (
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'(realm|service|scope)="([^"]*)"')
# Without what one parser takes for the end of a host and another for a part of it.
_ADDRESS = re.compile(r"[!-\[\]-~]*")
_TIMEOUT = (5, 10)  # seconds, to connect and to read
_LONGEST_QUESTION = 60  # seconds for all attempts: who sends a byte now and then keeps within the other limits
_MOST_ANSWERS = 6  # of one question: challenges and redirects come before the answer
_MOST_ATTEMPTS = 2  # a fault that lasts costs a build, which tries for longer
_LARGEST_TOKEN = 64 * 1024  # bytes of a token service's answer
_LONGEST_SHOWN = 300  # characters of an answer or an address in a message
_OK, _UNAUTHORIZED, _FIRST_PASSING = 200, 401, 500
_REDIRECTS = {301, 302, 303, 307, 308}

_Told = TypeVar("_Told")

Fetch = Callable[[str, str], bytes]
"""Returns a document by its digest, empty for the image's own manifest, out of the `manifests` or `blobs`."""


class UnknownDigestError(Exception):
    """A registry does not give a digest; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Location:
    """Where an image is: the registry's host, the repository, and the tag or digest."""

    host: str
    repository: str
    name: str

    def url(self, kind: str, name: str) -> str:
        """Return the address of one of the `manifests` or `blobs` of the repository."""
        scheme = "http" if _is_loopback(self.host) else "https"  # as BuildKit and the engine have it
        return f"{scheme}://{self.host}/v2/{self.repository}/{kind}/{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """Questions about one repository.

    Attributes:
        session: keeps the connection.
        host: of the registry: only it, and no other that it sends to, has a login.
        repository: that is asked about.
        authorizations: headers, by the host that wants them.
    """

    session: "Session"
    host: str
    repository: str
    authorizations: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What a registry or its token service answers; names of headers count in any case."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes

    def __str__(self) -> str:
        return bounded(f"{self.status} {self.reason}", _LONGEST_SHOWN)


class _PassingError(Exception):
    """A registry or the way to it fails in a way that may pass."""


class Registries:
    """Asks registries of any kind.

    Args:
        environment: the step's, with the proxies and SSL_CERT_FILE.
        login: returns the login for a registry's host; an empty one asks anonymously.
        mask: keeps a secret out of the log.
    """

    def __init__(
        self, *, environment: Mapping[str, str], login: Callable[[str], Login], mask: Callable[[str], None]
    ) -> None:
        self._environment = environment
        self._login = login
        self._mask = mask

    def digest(self, reference: str) -> str:
        """Return the digest of an image, or of its index where it has one.

        Args:
            reference: of the image as a Dockerfile has it, by tag or by neither tag nor digest.

        Raises:
            UnknownDigestError: the registry does not give it.
        """
        location = _located(reference)
        url = location.url("manifests", location.name)
        return self._told(location, lambda visit: _digest_in(self._ask(visit, "HEAD", url)))

    def documents(self, reference: str, read: "Callable[[Fetch], _Told]") -> "_Told":
        """Read documents of the repository that an image is in.

        Args:
            reference: of the image as a Dockerfile has it.
            read: gets a function that returns a document, and returns what it makes of them.

        Raises:
            UnknownDigestError: the registry does not give one.
        """
        location = _located(reference)

        def fetch(visit: _Visit, digest: str, kind: str) -> bytes:
            answer = self._ask(visit, "GET", location.url(kind, digest or location.name), most=LARGEST + 1)
            if answer.status != _OK:
                raise UnknownDigestError(str(answer))
            if digest and digest != f"sha256:{sha256(answer.body).hexdigest()}":
                raise UnknownDigestError(f"it gives something else under {digest}")
            return answer.body

        return self._told(location, lambda visit: read(partial(fetch, visit)))

    def _told(self, location: _Location, ask: "Callable[[_Visit], _Told]") -> "_Told":
        """Return what a registry tells within a minute."""
        answers = SimpleQueue[_Told | BaseException]()

        def work() -> None:
            try:
                answers.put(self._asked(location, ask))
            except BaseException as error:  # noqa: BLE001 # the waiting thread raises it
                answers.put(error)

        Thread(target=work, name=f"question to {location.host}", daemon=True).start()
        try:
            told = answers.get(timeout=_LONGEST_QUESTION)
        except Empty:
            raise UnknownDigestError(f"it has not answered within {_LONGEST_QUESTION} s") from None
        if isinstance(told, BaseException):
            raise told
        return told

    def _asked(self, location: _Location, ask: "Callable[[_Visit], _Told]") -> "_Told":
        """Return what a registry tells; it is asked again after a fault that may pass."""
        import requests  # a run without a build does not need it

        reason = ""
        for _ in range(_MOST_ATTEMPTS):
            try:
                with requests.Session() as session:
                    session.trust_env = False  # no .netrc; proxies are chosen here, as BuildKit does
                    return ask(_Visit(session=session, host=location.host, repository=location.repository))
            except _PassingError as error:
                reason = str(error)
            except ValueError as error:  # what is named as an address is none
                raise UnknownDigestError(bounded(str(error), _LONGEST_SHOWN)) from error
        raise UnknownDigestError(reason)

    def _ask(self, visit: _Visit, method: str, url: str, *, most: int = _LARGEST_TOKEN) -> _Answer:
        """Ask once: whatever the registry wants to be asked again for, a login or another address, is one question."""
        asked = set[str]()
        for _ in range(_MOST_ANSWERS):
            host = urlsplit(url).netloc
            answer = self._send(
                visit.session,
                method,
                url,
                authorization=visit.authorizations.get(host, ""),
                headers={"Accept": _TYPES},
                most=most,
            )
            if answer.status == _UNAUTHORIZED and host not in asked:
                asked.add(host)
                visit.authorizations[host] = self._authorize(visit, url, answer)
            elif answer.status in _REDIRECTS:
                given = answer.headers.get("Location", "")
                _check_address(given)
                there = urljoin(url, given)
                _check_protected(there, url)
                url = there
            else:
                return answer
        raise UnknownDigestError("it keeps answering with a redirect or a challenge")

    def _authorize(self, visit: _Visit, url: str, answer: _Answer) -> str:
        """Return the header that a challenge asks for; a host that this one redirects to gets no login, nor picks one.

        Raises:
            UnknownDigestError: it wants a login that there is none of, or gives no token.
        """
        host = urlsplit(url).netloc
        login = self._login(host) if host == visit.host else {}
        challenge = answer.headers.get("WWW-Authenticate", "")
        if "bearer " not in challenge.lower():
            if not (basic := basic_header(login)):
                raise UnknownDigestError("it wants a login, and there is none for it: 401")
            return basic
        found = dict(_PARAMETER.findall(challenge))
        realm = found.get("realm", "")
        _check_address(realm)
        _check_protected(realm, url)
        wanted = {
            "service": found.get("service", ""),
            "scope": found.get("scope") or f"repository:{visit.repository}:pull",
        }
        if token := login.get("identitytoken"):  # [distribution, token authentication with OAuth2]
            form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "ecr-lambda-deploy", **wanted}
            answer = self._send(visit.session, "POST", realm, data=form)
        else:
            answer = self._send(visit.session, "GET", realm, params=wanted, authorization=basic_header(login))
        token = self._token_in(answer, realm)
        if login:
            self._mask(token)
        return f"Bearer {token}"

    def _token_in(self, answer: _Answer, realm: str) -> str:
        if answer.status != _OK:
            raise UnknownDigestError(f"{realm[:_LONGEST_SHOWN]} gives no token for it: {answer}")
        try:
            return Document(answer.body, realm[:_LONGEST_SHOWN]).token()
        except DeployError as error:
            raise UnknownDigestError(error.message) from error

    def _send(
        self,
        session: "Session",
        method: str,
        url: str,
        *,
        authorization: str = "",
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        most: int = _LARGEST_TOKEN,
    ) -> _Answer:
        """Send a request, and read the answer within bounds; no redirect is followed.

        Args:
            session: keeps the connection for the next request.
            method: of HTTP.
            url: where it goes.
            authorization: header; empty for none.
            headers: other ones.
            params: of the address.
            data: of a form.
            most: bytes that are read of the answer.

        Raises:
            _PassingError: there is no answer, or one that may pass.
        """
        from requests import RequestException
        from urllib3.exceptions import HTTPError

        def authorize(request: "PreparedRequest") -> "PreparedRequest":
            if authorization:
                request.headers["Authorization"] = authorization
            return request

        try:
            with session.request(
                method,
                url,
                headers=headers,
                params=params,
                data=data,
                auth=authorize,
                allow_redirects=False,
                stream=True,
                timeout=_TIMEOUT,
                proxies=_proxies(url, self._environment),
                verify=self._environment.get("SSL_CERT_FILE") or True,
            ) as response:
                answer = _Answer(
                    status=response.status_code,
                    reason=response.reason or "",
                    headers=response.headers,
                    body=response.raw.read(most, decode_content=True),
                )
        except (RequestException, HTTPError, OSError) as error:
            raise _PassingError(bounded(f"{type(error).__name__}: {error}", _LONGEST_SHOWN)) from error
        if answer.status >= _FIRST_PASSING:
            raise _PassingError(str(answer))
        return answer


def _digest_in(answer: _Answer) -> str:
    if answer.status != _OK:
        raise UnknownDigestError(str(answer))
    digest = answer.headers.get("Docker-Content-Digest", "")
    if not _DIGEST.fullmatch(digest):
        raise UnknownDigestError("its answer has no digest")
    return digest


def _located(reference: str) -> _Location:
    """Return where an image is [distribution/reference, normalize.go]."""
    first, slash, rest = reference.partition("/")
    is_host = slash and (first == "localhost" or not {".", ":"}.isdisjoint(first) or first != first.lower())
    host, path = (first, rest) if is_host else ("docker.io", reference)
    path, _, digest = path.partition("@")
    repository, _, tag = path.partition(":")
    if host in {"docker.io", "index.docker.io"}:
        host = "registry-1.docker.io"
        repository = repository if "/" in repository else f"library/{repository}"
    return _Location(host=host, repository=repository, name=digest or tag or "latest")


def registry_host(reference: str) -> str:
    """Return the host of the registry that an image reference names."""
    return _located(reference).host


def _check_protected(url: str, asking: str) -> None:
    """Make sure that a login may go to an address: by TLS, or within the machine if the one who names it is there.

    Raises:
        UnknownDigestError: it may not.
    """
    there = urlsplit(url)
    is_within = there.scheme == "http" and _is_loopback(there.netloc) and _is_loopback(urlsplit(asking).netloc)
    if not there.hostname or not (there.scheme == "https" or is_within):
        raise UnknownDigestError(f"it sends to {url[:_LONGEST_SHOWN]!r}, which TLS does not protect")


def _check_address(text: str) -> None:
    """Make sure that an address is read in one way: what splits it here is not what connects to it.

    Raises:
        UnknownDigestError: it may be read in several.
    """
    if not _ADDRESS.fullmatch(text):
        raise UnknownDigestError(f"it sends to {text[:_LONGEST_SHOWN]!r}, which is no address")


def _is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _proxies(url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy for an address, as Go's programs choose it [golang.org/x/net/http/httpproxy]."""

    def of(name: str) -> str:
        return environment.get(name.upper()) or environment.get(name) or ""

    there = urlsplit(url)
    if _is_loopback(there.netloc) or any(_covers(entry, there.hostname or "") for entry in of("no_proxy").split(",")):
        return {}
    proxy = of(f"{there.scheme}_proxy")
    return {there.scheme: proxy if "://" in proxy else f"http://{proxy}"} if proxy else {}


def _covers(entry: str, host: str) -> bool:
    """Whether an entry of NO_PROXY is about a host: a domain, an address, a network or `*`, perhaps with a port."""
    entry = entry.strip().lower()
    try:
        return ip_address(host) in ip_network(entry)
    except ValueError:
        name = entry.partition(":")[0].removeprefix("*").removeprefix(".")
        return entry == "*" or bool(name and f".{host}".endswith(f".{name}"))
