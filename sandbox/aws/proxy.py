"""The reverse proxy in front of ministack: it identifies each request, logs it, and applies the rules."""

import asyncio
import copy
import socket
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

from sandbox.aws.api_errors import ApiError
from sandbox.aws.calls import Call, Fault, fault_error
from sandbox.aws.holds import Held, Moment
from sandbox.aws.operations import Operation, api_operation, registry_operation
from sandbox.aws.rule import Request
from sandbox.aws.rules.identity import Caller, Identities, signed_scope
from sandbox.aws.rules.permissions import check_permissions
from sandbox.aws.rules.rates import Rates
from sandbox.aws.rules.table import RULES
from sandbox.aws.state import State
from sandbox.aws.upstream import Scope, Upstream

_LARGEST_BODY = 64 << 20  # of an API request; blobs are streamed and have no limit
_T = TypeVar("_T")


@dataclass(slots=True)
class Proxy:
    """The running proxy.

    Attributes:
        state: What the rules share.
        log: The calls, in the order of arrival.
        faults: The faults that have not happened yet.
        holds: The calls to hold, and those that are held.
        rates: The limits on calls a second.
        call_seconds: How long each call takes at least, as over a network.
    """

    state: State
    log: list[Call] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    holds: list[Held] = field(default_factory=list)
    rates: Rates = field(default_factory=Rates)
    call_seconds: float = 0.0

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Answer one HTTP request."""
        if http.path == "/_sandbox/oidc/token":
            return self.state.identities.oidc_token(http)
        if http.path.startswith("/_sandbox/layers/"):
            return await self._layer_download(http)
        scope = signed_scope(http.headers)
        if http.path == "/v2" or http.path.startswith("/v2/"):
            body, operation = b"", registry_operation(http)
        else:
            body = await http.read()
            operation = api_operation(http, body, scope)
        call = Call(
            service=operation.service,
            action=operation.name if operation.service == "registry" else operation.action,
            parameters=copy.deepcopy(operation.parameters),
            changing=operation.changing,
            access_key=scope.access_key if scope else "",
        )
        self.log.append(call)
        try:
            await asyncio.sleep(self.call_seconds)
            caller = self._caller(http, operation)
            call.access_key = caller.access_key
            if refusal := self.rates.refusal(operation, Scope(caller.account, caller.region)):
                call.is_throttled = True
                raise refusal
            request = Request(http=http, body=body, operation=operation, caller=caller, state=self.state)
            await self._hold(call, "before")
            response = await self._answer(request)
        except ApiError as error:
            await http.release()  # or a client that still sends its body sees a reset instead of the answer
            response = error.response(operation.service)
        call.status = response.status
        if response.status < web.HTTPBadRequest.status_code:
            await self._hold(call, "after")
        call.ended = time.monotonic()
        return response

    async def _hold(self, call: Call, moment: Moment) -> None:
        for held in list(self.holds):
            await held.pass_by(call, moment)

    def _caller(self, http: web.Request, operation: Operation) -> Caller:
        state = self.state
        nobody = Caller(account=state.account, region=state.region, arn="", access_key="")
        if operation.service == "registry":
            return state.identities.registry_caller(http.headers, nobody)
        if operation.name == "sts:AssumeRoleWithWebIdentity":
            return nobody
        return state.identities.caller(signed_scope(http.headers), http.headers.get("X-Amz-Security-Token"))

    async def _answer(self, request: Request) -> web.StreamResponse:
        operation = request.operation
        if fault := self._next_fault(operation):
            await asyncio.sleep(fault.delay)
            if fault.reset:
                if request.http.transport is not None:
                    request.http.transport.abort()
                return web.Response(status=499)
            if error := fault_error(operation.service, fault):
                raise error
        check_permissions(request)
        for rule in RULES:
            if operation.name in rule.operations or f"{operation.service}:*" in rule.operations:
                response = await rule.apply(request)
                if response is not None:
                    return response
        return (await request.forward()).response()

    def _next_fault(self, operation: Operation) -> Fault | None:
        for index, fault in enumerate(self.faults):
            if fault.action in {operation.name, operation.action}:
                if fault.times > 1:
                    self.faults[index] = replace(fault, times=fault.times - 1)
                else:
                    del self.faults[index]
                return fault
        return None

    async def _layer_download(self, http: web.Request) -> web.StreamResponse:
        """Serve a blob once, without credentials, at a URL from GetDownloadUrlForLayer."""
        wanted = self.state.layer_downloads.pop(http.path.rpartition("/")[2], None)
        if wanted is None:
            return web.Response(status=403, text="Request has expired")
        scope, repository, digest = wanted
        return await self.state.upstream.stream(scope, http, f"/v2/{repository}/blobs/{digest}")


Run = Callable[[Coroutine[Any, Any, _T]], _T]


@contextmanager
def running_proxy(
    listener: socket.socket, *, ministack: str, identities: Identities, account: str, region: str, update_seconds: float
) -> Iterator[tuple[Proxy, Run[Any]]]:
    """Run the proxy on its own thread until the block ends.

    Args:
        listener: The bound socket to serve on.
        ministack: The endpoint of ministack.
        identities: The credentials that are valid.
        account: The account of callers without credentials: the engine's pulls.
        region: Their Region.
        update_seconds: Seconds that a creation, an update or a new version takes.

    Yields:
        The proxy, and a function that runs a coroutine on its event loop.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="aws-proxy", daemon=True)
    thread.start()

    def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(timeout=60)

    try:
        start = _start(
            listener,
            ministack=ministack,
            identities=identities,
            account=account,
            region=region,
            update_seconds=update_seconds,
        )
        proxy, session, runner = run(start)
        try:
            yield proxy, run
        finally:
            run(_stop(session, runner, proxy.state))
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _start(
    listener: socket.socket, *, ministack: str, identities: Identities, account: str, region: str, update_seconds: float
) -> tuple[Proxy, ClientSession, web.AppRunner]:
    session = ClientSession(auto_decompress=False, timeout=ClientTimeout(total=None), connector=TCPConnector(limit=0))
    state = State(
        account=account,
        region=region,
        registry=f"localhost:{listener.getsockname()[1]}",
        update_seconds=update_seconds,
        upstream=Upstream(session, ministack),
        identities=identities,
    )
    proxy = Proxy(state)
    application = web.Application(client_max_size=_LARGEST_BODY)
    application.router.add_route("*", "/{path:.*}", proxy.handle)
    runner = web.AppRunner(application, access_log=None, auto_decompress=False, shutdown_timeout=1)
    await runner.setup()
    await web.SockSite(runner, listener).start()
    return proxy, session, runner


async def _stop(session: ClientSession, runner: web.AppRunner, state: State) -> None:
    await runner.cleanup()
    await state.stop()
    await session.close()
