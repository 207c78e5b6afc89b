"""A WebSocket to an upstream, on aiohttp's client."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import aiohttp
from aiohttp import WSMsgType
from yarl import URL

from ..errors import MalformedResponse, UpstreamError, UpstreamTimeout, UpstreamTLSFailed, UpstreamUnreachable
from ..http.headers import Headers, RawHeaders
from ..http.message import Response
from ..http.websocket import Close, WebSocketAnswer
from .call import Call
from .connector import not_connected
from .tls import client_context

_LARGEST_MESSAGE_BYTES = 16_777_216
_CLOSE_SECONDS = 5.0
# The client's own half of the handshake; aiohttp makes another for the upstream.
_HANDSHAKE = b"sec-websocket-"


class UpstreamWebSocket:
    """The upstream's side."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._closing: asyncio.Task[bool] | None = None

    async def receive(self) -> str | bytes | Close:
        """Return the next message, or why there will be none."""
        message = await self._socket.receive()
        if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
            data: str | bytes = message.data
            return data
        return Close(self._socket.close_code or 1006, str(message.extra or ""))

    async def send(self, message: str | bytes) -> None:
        """Send a message, waiting until the other end has room for it."""
        if isinstance(message, str):
            await self._socket.send_str(message)
        else:
            await self._socket.send_bytes(message)

    async def close(self, close: Close) -> None:
        """End it; one that has ended already is no error."""
        await self._socket.close(code=close.code, message=close.reason.encode()[:123])

    def abandon(self) -> None:
        """End it without waiting, when nobody has use for it any more."""
        if not self._socket.closed:
            self._closing = asyncio.get_running_loop().create_task(self._socket.close())


async def as_it_is(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Take the answer to a handshake as it is, a middleware of aiohttp's.

    That would follow a redirect, wherever it leads and with the client's credentials, and make a handshake again whose
    connection closed.
    """
    try:
        response = await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionResetError("closed") from error
    if response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        response.close()
        raise aiohttp.WSServerHandshakeError(
            response.request_info, response.history, status=response.status, headers=response.headers
        )
    return response


async def open_websocket(session: aiohttp.ClientSession, call: Call) -> tuple[Response, UpstreamWebSocket | None]:
    """Make the handshake that a call asks for; return the answer to it, and the WebSocket where there is one.

    Raises what `UpstreamClient.send` raises before a head.
    """
    given = [field for field in call.headers if not field[0].startswith(_HANDSHAKE)]
    origin = call.origin
    seconds = call.timeouts.connect + call.timeouts.head
    try:
        async with asyncio.timeout(seconds):
            socket = await session.ws_connect(
                URL(f"{origin.scheme}://{origin.address}{call.target}", encoded=True),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in given],
                protocols=_subprotocols(call.headers),
                ssl=client_context(origin.connection.tls),
                server_hostname=origin.connection.tls_name,
                max_msg_size=_LARGEST_MESSAGE_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
            )
    except aiohttp.WSServerHandshakeError as error:
        return Response(error.status, _fields(error.headers)), None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise _failure(error, origin.address) from error
    side = UpstreamWebSocket(socket)
    return WebSocketAnswer(_fields(socket._response.headers), side, socket.protocol), side  # noqa: SLF001 (has no other door)


def _failure(error: Exception, address: str) -> UpstreamError:
    """Return our error for one of aiohttp's. None of them repeats what the upstream sent: it may hold secrets."""
    if isinstance(error, aiohttp.ClientConnectionError) and not isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamUnreachable(f"{address} closed the connection before it answered")
    if isinstance(error, aiohttp.ClientResponseError):
        return MalformedResponse(f"{address} answered with what is not HTTP, or with a head that is too large")
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError)):
        return UpstreamTLSFailed(f"TLS with {address} failed: {error}")
    if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientConnectorError):
        # The handshake may have arrived, so that no other node may get it too.
        return UpstreamTimeout(f"{address} did not answer the WebSocket's handshake in time")
    return not_connected(error, address)


def _subprotocols(fields: RawHeaders) -> list[str]:
    values = [value.decode("latin-1") for name, value in fields if name == b"sec-websocket-protocol"]
    return [text for text in (part.strip() for part in ",".join(values).split(",")) if text]


def _fields(headers: aiohttp.typedefs.LooseHeaders | None) -> Headers:
    pairs = headers.items() if headers else ()  # type: ignore[union-attr]
    fields = Headers([(str(name), str(value)) for name, value in pairs])
    fields.raw = [field for field in fields.raw if not field[0].startswith(_HANDSHAKE)]
    fields.remove("content-length")
    return fields
