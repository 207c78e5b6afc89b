"""The connections to one origin: made by aiohttp, which knows of names, addresses and TLS, and kept while nobody uses them."""

from __future__ import annotations

import asyncio
import ssl

import aiohttp
from yarl import URL

from ..errors import UpstreamError, UpstreamTimeout, UpstreamTLSFailed, UpstreamUnreachable
from .call import CallTimeouts, Origin
from .connection import UpstreamConnection
from .sweeper import Sweeper
from .tls import client_context

# How long a connection beyond `keepalive_pool` waits for another call: where there are always more calls under way than
# that, each would else need a connection of its own.
_SURPLUS_SECONDS = 0.25
_NO_TRACES: list[aiohttp.tracing.Trace] = []


class Pool:
    """Gives out connections to one origin. The one used last comes first, so that those that are not needed grow old."""

    def __init__(self, origin: Origin, connector: aiohttp.TCPConnector, sweeper: Sweeper) -> None:
        self.sweeper = sweeper
        self.loop = asyncio.get_running_loop()
        self._origin = origin
        self._connector = connector
        self._idle: list[UpstreamConnection] = []
        self._made: dict[UpstreamConnection, aiohttp.connector.Connection] = {}
        self._connecting = 0
        options = origin.connection
        self._request = aiohttp.ClientRequest(
            "GET",
            URL(f"{origin.scheme}://{origin.address}/"),
            loop=self.loop,
            ssl=client_context(options) if origin.scheme == "https" else True,
            server_hostname=options.tls_name,
        )

    @property
    def unused(self) -> bool:
        """Whether there is no connection, and none on its way."""
        return not self._made and not self._connecting

    def take(self) -> UpstreamConnection | None:
        """Return a connection that is kept, None where there is none."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return connection
        return None

    async def connect(self, timeouts: CallTimeouts) -> UpstreamConnection:
        """Make a connection. Raise UpstreamError, with `sent` false, when that can't be."""
        address = self._origin.address
        seconds = min(timeouts.connect, timeouts.head) if timeouts.head_from_start else timeouts.connect
        self._connecting += 1
        try:
            made = await self._connector.connect(
                self._request, _NO_TRACES, aiohttp.ClientTimeout(connect=seconds, ceil_threshold=float("inf"))
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise not_connected(error, address) from error
        finally:
            self._connecting -= 1
        transport = made.transport
        if transport is None or transport.is_closing():
            made.close()
            raise _unsent(UpstreamUnreachable(f"{address} closed the connection before it was used"))
        connection = UpstreamConnection(self, transport, address)
        transport.set_protocol(connection)
        self._made[connection] = made
        self.sweeper.add(connection)
        return connection

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep a connection for the next call, as long as it may wait for one."""
        options = self._origin.connection
        if not options.keepalive or options.keepalive_seconds <= 0:
            connection.transport.close()
            return
        surplus = len(self._idle) >= options.keepalive_pool
        seconds = min(options.keepalive_seconds, _SURPLUS_SECONDS) if surplus else options.keepalive_seconds
        connection.deadline = self.loop.time() + seconds
        self._idle.append(connection)

    def lost(self, connection: UpstreamConnection) -> None:
        """Forget a connection that is gone."""
        self.sweeper.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        made = self._made.pop(connection, None)
        if made is not None:
            made.close()

    def close(self) -> None:
        """Close every connection, in use or not."""
        for connection, made in self._made.items():
            connection.transport.abort()
            # aiohttp would wait for a protocol that hears nothing of the connection any more.
            made.close()


def not_connected(error: Exception, address: str) -> UpstreamError:
    """Return our error for why aiohttp could not connect."""
    if isinstance(error, TimeoutError):
        return _unsent(UpstreamTimeout(f"{address} did not connect in time"))
    if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)):
        return _unsent(UpstreamTLSFailed(f"TLS with {address} failed: {error}"))
    reason = getattr(error, "strerror", None) or error
    return _unsent(UpstreamUnreachable(f"can't connect to {address}: {reason}"))


def _unsent(error: UpstreamError) -> UpstreamError:
    error.sent = False
    return error
