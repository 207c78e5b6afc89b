"""A client for tests that sends a request as it is told to, over HTTP/1.1 or HTTP/2, each on a connection of its own."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import h2.config
import h2.connection
import h2.events
import httptools

from ..http.headers import Headers

Fields = Mapping[str, str] | Iterable[tuple[str, str]]

_READ_BYTES = 65_536
_CONNECTION_FIELDS = ("connection", "host", "transfer-encoding")


@dataclass(frozen=True, slots=True)
class ClientAnswer:
    """What a client got: the answer's status, its fields, and its body with any chunking undone."""

    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """Return what the body says, as JSON."""
        return json.loads(self.body)


class ConnectionCut(Exception):
    """The server ended the connection, or the stream, before its answer was complete."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A request as it is to be sent; `target` goes out as it is."""

    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    body: bytes
    host: str
    scheme: str


async def exchange(
    request: ClientRequest, port: int, *, http2: bool = False, tls: ssl.SSLContext | None = None
) -> ClientAnswer:
    """Send a request to a port of 127.0.0.1, and return its answer. Raise ConnectionCut where there is none, or half of one.

    HTTP/2 is spoken by prior knowledge, over TLS by ALPN.
    """
    if tls is not None:
        tls.set_alpn_protocols(["h2" if http2 else "http/1.1"])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls)
    try:
        speak = _speak_http2 if http2 else _speak_http1
        return await speak(request, reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        raise ConnectionCut(f"the connection was cut: {error}") from error
    finally:
        writer.transport.abort()


class _Incoming:
    """An answer of HTTP/1.1 as it comes in."""

    def __init__(self) -> None:
        self.fields: list[tuple[str, str]] = []
        self.blocks: list[bytes] = []
        self.complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_body(self, block: bytes) -> None:
        self.blocks.append(block)

    def on_message_complete(self) -> None:
        self.complete = True


async def _speak_http1(
    request: ClientRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> ClientAnswer:
    own = [("host", request.host), ("connection", "close")]
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        own.append(("content-length", str(len(request.body))))
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in (*own, *request.fields)]
    writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + request.body)
    incoming = _Incoming()
    parser = httptools.HttpResponseParser(incoming)
    while not incoming.complete:
        data = await reader.read(_READ_BYTES)
        if data:
            parser.feed_data(data)
        elif _ends_with_connection(incoming, request.method, parser.get_status_code()):
            break
        else:
            raise ConnectionCut("the connection was closed before the answer was complete")
        if request.method == "HEAD" and incoming.fields:
            break
    return ClientAnswer(parser.get_status_code(), Headers(incoming.fields), b"".join(incoming.blocks))


def _ends_with_connection(incoming: _Incoming, method: str, status: int) -> bool:
    """Tell whether the end of the connection is that of the answer, too (RFC 9112 section 6.3)."""
    framed = {"content-length", "transfer-encoding"} & {name.lower() for name, _ in incoming.fields}
    return bool(status) and (method == "HEAD" or not framed)


async def _speak_http2(
    request: ClientRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> ClientAnswer:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="latin-1"))
    connection.initiate_connection()
    pseudo = {
        ":method": request.method,
        ":scheme": request.scheme,
        ":authority": request.host,
        ":path": request.target,
    }
    fields = [(name.lower(), value) for name, value in request.fields if name.lower() not in _CONNECTION_FIELDS]
    connection.send_headers(1, [*pseudo.items(), *fields], end_stream=not request.body)
    status, received, blocks, left = 0, Headers(), bytearray(), request.body
    while True:
        left = _send_what_fits(connection, left)
        writer.write(connection.data_to_send())
        data = await reader.read(_READ_BYTES)
        if not data:
            raise ConnectionCut("the connection was closed before the answer was complete")
        for event in connection.receive_data(data):
            if isinstance(event, h2.events.ResponseReceived):
                status, received = _head(event)
            elif isinstance(event, h2.events.DataReceived):
                blocks += event.data
                connection.acknowledge_received_data(event.flow_controlled_length, 1)
            elif isinstance(event, h2.events.StreamEnded):
                return ClientAnswer(status, received, bytes(blocks))
            elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
                raise ConnectionCut(f"the server ended it: error code {event.error_code}")


def _send_what_fits(connection: h2.connection.H2Connection, left: bytes) -> bytes:
    """Send as much of a body as the server takes at the moment, and return the rest."""
    while left and (room := min(connection.local_flow_control_window(1), connection.max_outbound_frame_size)):
        block, left = left[:room], left[room:]
        connection.send_data(1, block, end_stream=not left)
    return left


def _head(event: h2.events.ResponseReceived) -> tuple[int, Headers]:
    pairs = [(str(name), str(value)) for name, value in event.headers or ()]
    return int(dict(pairs)[":status"]), Headers([pair for pair in pairs if not pair[0].startswith(":")])
