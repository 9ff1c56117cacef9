"""One endpoint for several AWS Regions: each request goes to the Region that it is signed for, as at AWS."""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from aiohttp import ClientSession, web

_SIGNED_FOR = re.compile(r"Credential=[^/]+/\d{8}/(?P<region>[^/]+)/")
_HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding"}


@contextmanager
def one_endpoint(endpoints: Mapping[str, str], default: str) -> Iterator[str]:
    """Serve the APIs of several Regions at one loopback address, for AWS_ENDPOINT_URL.

    Registries are not served: their host names are their own.

    Args:
        endpoints: each Region's endpoint.
        default: the Region of requests that are not signed.

    Yields:
        the address.
    """
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []
    ended = asyncio.Event()

    async def serve() -> None:
        async with ClientSession(auto_decompress=False) as client:

            async def forward(request: web.Request) -> web.Response:
                signed = _SIGNED_FOR.search(request.headers.get("Authorization", ""))
                endpoint = endpoints[signed["region"] if signed else default]
                headers = {name: value for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP}
                url = f"{endpoint}{request.raw_path}"
                async with client.request(request.method, url, headers=headers, data=await request.read()) as answer:
                    kept = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP}
                    return web.Response(status=answer.status, headers=kept, body=await answer.read())

            application = web.Application(client_max_size=64 << 20)
            application.router.add_route("*", "/{path:.*}", forward)
            runner = web.AppRunner(application)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            ports.append(runner.addresses[0][1])
            ready.set()
            await ended.wait()
            await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}"
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
