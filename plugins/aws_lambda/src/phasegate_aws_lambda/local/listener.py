"""A socket with one face behind it: aiohttp's requests become ours, our answers its responses."""

from __future__ import annotations

import time
from typing import Protocol

from aiohttp import hdrs, web
from multidict import CIMultiDict

from .answers import Answer, Parts
from .received import Received
from .streamed import BrokenStreamError

# AWS sends none; aiohttp would tell its own version and Python's.
_SERVER = "phasegate-lambda"
_FIELD_LIMIT_BYTES = 10_240


class Face(Protocol):
    """What answers requests: the REST API, the function URL, or the Lambda API."""

    body_limit_bytes: int

    async def answer(self, request: Received) -> Answer:
        """Return the response to a request. A body over the limit is cut off somewhere behind it."""


class Listener:
    """Serves a face on one address until it is closed."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._runner: web.ServerRunner | None = None

    async def open(self, host: str, port: int) -> int:
        """Listen and return the port, which matters where port 0 asks for any. Raise OSError when it can't be had."""
        server = web.Server(
            self._handle,
            access_log=None,
            # A client that leaves ends a stream even while the function is silent; other runs are shielded from it.
            handler_cancellation=True,
            auto_decompress=False,
            max_line_size=_FIELD_LIMIT_BYTES,
            max_field_size=_FIELD_LIMIT_BYTES,
        )
        self._runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening; what is in flight has a second."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = await self._answer(request)
        fields = CIMultiDict(answer.fields)
        fields.setdefault(hdrs.SERVER, _SERVER)
        if answer.parts is None:
            return web.Response(status=answer.status, headers=fields, body=answer.body)
        return await _streamed(request, web.StreamResponse(status=answer.status, headers=fields), answer.parts)

    async def _answer(self, request: web.BaseRequest) -> Answer:
        if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        return await self._face.answer(_received(request, await self._body(request)))

    async def _body(self, request: web.BaseRequest) -> bytes:
        """Read the body, and no further once it is over the limit."""
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self._face.body_limit_bytes:
                break
        return bytes(body)


async def _streamed(request: web.BaseRequest, response: web.StreamResponse, parts: Parts) -> web.StreamResponse:
    """Send the parts as they come; a client that leaves ends them. Where they break off the connection is cut."""
    try:
        await response.prepare(request)
        # aiohttp sends the body of a 304 that is given one; the client would take it for the beginning of the next answer.
        bodiless = request.method == hdrs.METH_HEAD or response.status in (204, 304)
        async for block in parts.blocks:
            if not bodiless:
                await response.write(block)
    except ConnectionError:
        pass
    except BrokenStreamError:
        if request.transport is not None:
            request.transport.close()
    finally:
        await parts.close()
    return response


def _received(request: web.BaseRequest, body: bytes) -> Received:
    transport = request.transport
    local = transport.get_extra_info("sockname") if transport else None
    return Received(
        method=request.method,
        target=_origin_form(request.raw_path.encode("utf-8", "surrogateescape")),
        headers=request.raw_headers,
        body=body,
        protocol=f"HTTP/{request.version.major}.{request.version.minor}",
        peer=request.remote or "127.0.0.1",
        port=local[1] if local else 80,
        time=time.time(),
    )


def _origin_form(target: bytes) -> bytes:
    """Return path and query of a target; the absolute form, which clients send to proxies, loses its authority."""
    if target.startswith(b"/"):
        return target
    return b"/" + target.partition(b"://")[2].partition(b"/")[2]
