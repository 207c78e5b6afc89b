"""What tests on real sockets share."""

import asyncio
from dataclasses import dataclass

from phasegate.settings import TLS


@dataclass(frozen=True)
class Protocol:
    """One way to speak to the gateway."""

    name: str
    tls: TLS | None
    is_http2: bool


async def talk(port: int, sent: bytes) -> bytes:
    """Send bytes to a port of 127.0.0.1, and return everything that comes back until the other end closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    await writer.drain()
    received = await asyncio.wait_for(reader.read(-1), 10)
    writer.close()
    await writer.wait_closed()
    return received
