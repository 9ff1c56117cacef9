"""A rule, and the request that it is asked about."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from sandbox.aws.operations import Operation
from sandbox.aws.rules.identity import Caller
from sandbox.aws.state import State
from sandbox.aws.upstream import Answer, Scope, request_headers


@dataclass(slots=True, kw_only=True)
class Request:
    """An API request whose caller is known."""

    http: web.Request
    body: bytes
    operation: Operation
    caller: Caller
    state: State

    @property
    def scope(self) -> Scope:
        """The account and Region that the request is about: ECR's `registryId` may name another account."""
        account = self.operation.parameters.get("registryId") if self.operation.service == "ecr" else None
        return Scope(account or self.caller.account, self.caller.region)

    async def forward(self) -> Answer:
        """Pass the request on to ministack unchanged."""
        return await self.state.upstream.call(
            self.scope,
            self.operation.service,
            self.http.method,
            self.http.raw_path,
            headers=request_headers(self.http),
            body=self.body,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One way in which AWS differs from ministack.

    Attributes:
        operations: The operations it is about, such as `lambda:UpdateFunctionCode`.
        apply: Raises ApiError to refuse a request, returns a response to answer it in ministack's place, or None to
            leave it to the next rule, and after the last one to ministack.
        source: Where the fact is from: a page, an issue or a recorded answer.
    """

    operations: tuple[str, ...]
    apply: Callable[[Request], Awaitable[web.StreamResponse | None]]
    source: str
