"""Requests to the ministack process."""

import json
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web
from multidict import CIMultiDict
from yarl import URL

# Hop-by-hop headers (RFC 9110, section 7.6.1), those that each side of a proxy sets, and the caller's credentials.
_OWN_HEADERS = frozenset(
    (
        "authorization",
        "connection",
        "content-length",
        "date",
        "expect",
        "host",
        "keep-alive",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-amz-security-token",
    )
)
_CHUNK = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What ministack answered to a request."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the request succeeded."""
        return self.status < web.HTTPBadRequest.status_code

    def json(self) -> Any:  # noqa: ANN401 -- whatever the API answers
        """Return the body, decoded."""
        return json.loads(self.body or b"null")

    def response(self, value: object = None) -> web.Response:
        """Return the answer for the client, with `value` as its JSON body if one is given."""
        body = self.body if value is None else json.dumps(value).encode()
        return web.Response(status=self.status, headers=self.headers, body=body)


@dataclass(frozen=True, slots=True)
class Scope:
    """The account and Region that a request is about."""

    account: str
    region: str

    def authorization(self, service: str) -> dict[str, str]:
        """Return the header that tells ministack the scope: a 12-digit access key id is the account."""
        credential = f"{self.account}/20260101/{self.region}/{service}/aws4_request"
        return {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"}


@dataclass(frozen=True, slots=True)
class Upstream:
    """A client of ministack that can act as any account."""

    session: ClientSession
    endpoint: str

    async def call(
        self, scope: Scope, service: str, method: str, path: str, *, headers: dict[str, str], body: bytes
    ) -> Answer:
        """Send a request and return the whole answer."""
        sent = headers | scope.authorization(service)
        url = URL(self.endpoint + path, encoded=True)
        async with self.session.request(method, url, headers=sent, data=body, allow_redirects=False) as answer:
            return Answer(status=answer.status, headers=_passed_on(answer.headers), body=await answer.read())

    async def ecr(self, scope: Scope, action: str, **parameters: object) -> Answer:
        """Call the ECR API."""
        headers = {
            "X-Amz-Target": f"AmazonEC2ContainerRegistry_V20150921.{action}",
            "Content-Type": "application/x-amz-json-1.1",
        }
        return await self.call(scope, "ecr", "POST", "/", headers=headers, body=json.dumps(parameters).encode())

    async def ssm(self, scope: Scope, action: str, **parameters: object) -> Answer:
        """Call the Systems Manager API."""
        headers = {"X-Amz-Target": f"AmazonSSM.{action}", "Content-Type": "application/x-amz-json-1.1"}
        return await self.call(scope, "ssm", "POST", "/", headers=headers, body=json.dumps(parameters).encode())

    async def functions(self, scope: Scope, method: str, path: str, **parameters: object) -> Answer:
        """Call the Lambda API; `path` is what follows `/2015-03-31/functions`."""
        body = json.dumps(parameters).encode() if parameters else b""
        headers = {"Content-Type": "application/json"}
        return await self.call(scope, "lambda", method, f"/2015-03-31/functions{path}", headers=headers, body=body)

    async def stream(self, scope: Scope, request: web.Request, path: str | None = None) -> web.StreamResponse:
        """Pass on a registry request, to its own path or another, and stream the answer back."""
        headers = _passed_on(request.headers)
        headers.update(scope.authorization("ecr"))
        if length := request.headers.get("Content-Length"):
            headers["Content-Length"] = length
        body = request.content.iter_chunked(_CHUNK) if request.can_read_body else None
        url = URL(self.endpoint + (path or request.raw_path), encoded=True)
        async with self.session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            if request.method not in {"GET", "HEAD"}:  # small; a whole answer can be held
                return web.Response(status=answer.status, headers=_passed_on(answer.headers), body=await answer.read())
            response = web.StreamResponse(status=answer.status, headers=_passed_on(answer.headers))
            if answer.content_length is not None:
                response.content_length = answer.content_length
            await response.prepare(request)
            if request.method != "HEAD":
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    await response.write(chunk)
            await response.write_eof()
            return response


def request_headers(request: web.Request) -> dict[str, str]:
    """Return the headers of a request that ministack needs: all but the proxy's own."""
    return dict(_passed_on(request.headers))


def _passed_on(headers: Any) -> CIMultiDict[str]:  # noqa: ANN401 -- both of aiohttp's header types
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _OWN_HEADERS)
