"""Making connections: a name's addresses tried as RFC 8305 says, then TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import aiohappyeyeballs

from ..errors import UpstreamError, UpstreamTimeout, UpstreamTLSFailed, UpstreamUnreachable
from .call import Origin
from .names import Names
from .tls import client_context

# RFC 8305 section 5: how long one address may take before the next is tried beside it.
_NEXT_ADDRESS_SECONDS = 0.25
PORTS = {"http": 80, "https": 443}

P = TypeVar("P", bound=asyncio.Protocol)


class Connector:
    """Connects to origins."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._names = Names(loop)

    async def connect(self, protocol: Callable[[], P], origin: Origin, seconds: float) -> P:
        """Return a protocol that is connected. Raise UpstreamError, with `sent` false, when that can't be in time."""
        try:
            async with asyncio.timeout(seconds):
                return await self._connect(protocol, origin)
        except (OSError, ssl.SSLError) as error:
            raise not_connected(error, origin.address) from error

    async def _connect(self, protocol: Callable[[], P], origin: Origin) -> P:
        parts = urlsplit(f"//{origin.address}")
        host, port = parts.hostname or "", parts.port or PORTS[origin.scheme]
        context = client_context(origin.connection.tls) if origin.scheme == "https" else None
        name = (origin.connection.tls_name or host).rstrip(".") if context is not None else None
        found = await self._names.addresses(host, port)
        if len(found) == 1:
            address, port = found[0][4][:2]
            _, made = await self._loop.create_connection(protocol, address, port, ssl=context, server_hostname=name)
            return made
        sock = await aiohappyeyeballs.start_connection(
            found, happy_eyeballs_delay=_NEXT_ADDRESS_SECONDS, interleave=1, loop=self._loop
        )
        _, made = await self._loop.create_connection(protocol, sock=sock, ssl=context, server_hostname=name)
        return made


def not_connected(error: Exception, address: str) -> UpstreamError:
    """Return our error for why there is no connection."""
    if isinstance(error, TimeoutError):
        failure: UpstreamError = UpstreamTimeout(f"{address} did not connect in time")
    elif isinstance(error, ssl.SSLError):
        failure = UpstreamTLSFailed(f"TLS with {address} failed: {error}")
    else:
        failure = UpstreamUnreachable(f"can't connect to {address}: {getattr(error, 'strerror', None) or error}")
    failure.sent = False
    return failure
