"""One request over HTTP/3."""

import asyncio
import ssl
from typing import Any

import trustme
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent


class Client(QuicConnectionProtocol):
    """Collects the answer to its one request."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._http = H3Connection(self._quic)
        self._status = 0
        self._body = b""
        self._whole = asyncio.Event()

    async def get(self, authority: str, path: str) -> tuple[int, bytes]:
        stream = self._quic.get_next_available_stream_id()
        fields = {":method": "GET", ":scheme": "https", ":authority": authority, ":path": path}
        self._http.send_headers(stream, [(name.encode(), value.encode()) for name, value in fields.items()], True)
        self.transmit()
        await asyncio.wait_for(self._whole.wait(), 10)
        return self._status, self._body

    def quic_event_received(self, event: QuicEvent) -> None:
        for received in self._http.handle_event(event):
            self._take(received)

    def _take(self, event: H3Event) -> None:
        if isinstance(event, HeadersReceived):
            self._status = int(dict(event.headers)[b":status"])
        if isinstance(event, DataReceived):
            self._body += event.data
        if isinstance(event, (HeadersReceived, DataReceived)) and event.stream_ended:
            self._whole.set()


async def get_over_http3(host: str, port: int, path: str, authority: trustme.CA) -> tuple[int, bytes]:
    """Return status and body of the answer to a GET."""
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_REQUIRED)
    configuration.load_verify_locations(cadata=authority.cert_pem.bytes())
    async with connect(host, port, configuration=configuration, create_protocol=Client) as client:
        assert isinstance(client, Client)
        return await client.get(f"{host}:{port}", path)
