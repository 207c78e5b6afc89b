"""What comes back from an upstream: its answer as a stream, or why there is none."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import aiohttp

from ..errors import (
    MalformedResponse,
    RequestError,
    ResponseCut,
    UpstreamTimeout,
    UpstreamTLSFailed,
    UpstreamUnreachable,
)
from ..http.headers import Headers
from .call import Answer, Call

# What aiohttp says when a connection ended and nothing of an answer had come.
_NOTHING_CAME = "Server disconnected"


def failure(error: Exception, address: str) -> RequestError:
    """Return our error for one of aiohttp's, raised before a complete head arrived.

    None of them repeats what the upstream sent: it may hold secrets.
    """
    if isinstance(error, TimeoutError):
        part = "connect" if isinstance(error, aiohttp.ConnectionTimeoutError) else "answer"
        return UpstreamTimeout(f"{address} did not {part} in time")
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)):
        return UpstreamTLSFailed(f"TLS with {address} failed: {error}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamUnreachable(f"can't connect to {address}: {error.strerror or error}")
    if isinstance(error, aiohttp.ClientResponseError):
        return MalformedResponse(f"{address} answered with what is not HTTP, or with a head that is too large")
    return UpstreamUnreachable(f"{address} closed the connection before it answered")


def closed_before_any_byte(error: Exception) -> bool:
    """Tell whether a connection ended without a byte of an answer, so that nobody can have acted on the request."""
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return error.message == _NOTHING_CAME
    return isinstance(error, aiohttp.ClientOSError) and not isinstance(error, aiohttp.ClientConnectorError)


def answer_of(response: aiohttp.ClientResponse, call: Call) -> Answer:
    """Return the answer. Raise MalformedResponse for a status or a coding that none can have."""
    headers = Headers.from_raw([(name.lower(), value) for name, value in response.raw_headers])
    coding = headers.get("transfer-encoding", "chunked") or ""
    if not 200 <= response.status <= 599 or coding.lower() != "chunked":
        response.close()
        what = f"status {response.status}" if coding.lower() == "chunked" else "a Transfer-Encoding that is not chunked"
        raise MalformedResponse(f"{call.address} answered with {what}")
    content = response.content
    body = content.read_nowait() if content.is_eof() and content.exception() is None else _download(response, call)
    return Answer(response.status, headers, body, response.close)


async def whole(answer: Answer, limit_bytes: int) -> bytes:
    """Return the answer's body. Raise ResponseCut when it is longer than that."""
    blocks: list[bytes] = []
    async for block in answer.stream():
        blocks.append(block)
        if sum(map(len, blocks)) > limit_bytes:
            raise ResponseCut(f"the answer is over {limit_bytes} bytes")
    return b"".join(blocks)


async def _download(response: aiohttp.ClientResponse, call: Call) -> AsyncIterator[bytes]:
    """Yield the body. The clock runs while the upstream is waited for, and stands while the reader works."""
    loop = asyncio.get_running_loop()
    left = call.timeouts.whole
    try:
        while True:
            began = loop.time()
            async with asyncio.timeout(call.timeouts.gap if left is None else min(call.timeouts.gap, left)):
                block = await response.content.readany()
            if not block:
                return
            if left is not None:
                left -= loop.time() - began
            yield block
    except TimeoutError as error:
        raise UpstreamTimeout(f"{call.address} stopped in the middle of its answer") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ResponseCut(f"{call.address} broke its answer off ({type(error).__name__})") from error
