"""A proxy as a Python developer would write it first: Hypercorn in front, one aiohttp ClientSession behind.

python -m bench.naive_proxy UPSTREAM PORT [TLS_PORT CERTIFICATE KEY]
"""

import sys

import aiohttp
import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

from .credentials import ACCESS_KEY, API_KEY, REGION, SECRET_KEY, SERVICE

HOP_BY_HOP = {b"connection", b"keep-alive", b"transfer-encoding", b"upgrade", b"te", b"trailer", b"host"}
signer = SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), SERVICE, REGION)


async def body(receive: ASGIReceiveCallable) -> bytes:
    blocks = []
    while (message := await receive())["type"] == "http.request":
        blocks.append(message["body"])
        if not message["more_body"]:
            break
    return b"".join(blocks)


def authorize(method: str, url: str, headers: dict[str, str], data: bytes) -> dict[str, str]:
    if not url.endswith("/sigv4"):
        return {**headers, "x-api-key": API_KEY}
    kept = {name: value for name, value in headers.items() if name == "content-type"}
    request = AWSRequest(method, url, data=data, headers=kept)
    signer.add_auth(request)
    return {**headers, **dict(request.headers.items())}


async def proxy(
    upstream: str,
    session: aiohttp.ClientSession,
    scope: HTTPScope,
    receive: ASGIReceiveCallable,
    send: ASGISendCallable,
) -> None:
    headers = {name.decode(): value.decode() for name, value in scope["headers"] if name not in HOP_BY_HOP}
    data = await body(receive)
    url = f"{upstream}{scope['path']}?{scope['query_string'].decode()}".rstrip("?")
    headers = authorize(scope["method"], url, headers, data)
    async with session.request(scope["method"], url, headers=headers, data=data, allow_redirects=False) as response:
        raw = [(name.lower(), value) for name, value in response.raw_headers]
        answered = [field for field in raw if field[0] not in HOP_BY_HOP]
        await send({"type": "http.response.start", "status": response.status, "headers": answered, "trailers": False})
        async for block in response.content.iter_any():
            await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def main(upstream: str, port: str, tls_port: str = "", certificate: str = "", key: str = "") -> None:
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    if tls_port:
        config.bind, config.insecure_bind = [f"127.0.0.1:{tls_port}"], config.bind
        config.certfile, config.keyfile = certificate, key
    config.keep_alive_max_requests = sys.maxsize
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def app(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            if scope["type"] == "http":
                await proxy(upstream, session, scope, receive, send)

        await serve(app, config)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
