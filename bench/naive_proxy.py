"""A proxy as a Python developer would write it first: Hypercorn in front, one aiohttp ClientSession behind.

python -m bench.naive_proxy PORT UPSTREAM
"""

import sys
from collections.abc import AsyncIterator

import aiohttp
import uvloop
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"host"}


async def body(receive: ASGIReceiveCallable) -> AsyncIterator[bytes]:
    while (message := await receive())["type"] == "http.request":
        yield message["body"]
        if not message["more_body"]:
            return


async def proxy(
    session: aiohttp.ClientSession, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable
) -> None:
    headers = [(name.decode(), value.decode()) for name, value in scope["headers"] if name not in HOP_BY_HOP]
    data = body(receive) if scope["method"] not in {"GET", "HEAD"} else None
    url = f"{scope['path']}?{scope['query_string'].decode()}".rstrip("?")
    async with session.request(scope["method"], url, headers=headers, data=data, allow_redirects=False) as response:
        raw = [(name.lower(), value) for name, value in response.raw_headers]
        answered = [field for field in raw if field[0] not in HOP_BY_HOP]
        await send({"type": "http.response.start", "status": response.status, "headers": answered, "trailers": False})
        async for block in response.content.iter_any():
            await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def main(port: str, upstream: str) -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_max_requests = sys.maxsize
    async with aiohttp.ClientSession(upstream, auto_decompress=False) as session:

        async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            if scope["type"] == "http":
                await proxy(session, scope, receive, send)

        await serve(app, config)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
