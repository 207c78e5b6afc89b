"""A whole gateway in the test's own process and event loop, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from ..gateway import Gateway
from ..http.address import parse_networks
from ..plugin import Plugin
from ..registry import Registry
from ..schema.tables import Schemas
from ..server.hypercorn import BACKLOG, serve_on
from ..settings import TLS


class RunningGateway:
    """A gateway that serves on `127.0.0.1:port`, over HTTP/1.1 and HTTP/2; over TLS when it was given a certificate."""

    def __init__(self, gateway: Gateway, port: int, scheme: str) -> None:
        self._gateway = gateway
        self.port = port
        self.scheme = scheme

    @property
    def url(self) -> str:
        """Where it listens, as a URL without path."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def reload(self, document: Mapping[str, Any]) -> None:
        """Serve another document from now on. Raise ConfigError, and keep the running one, when it is refused."""
        self._gateway.swap(await self._gateway.prepare(document))


@contextlib.asynccontextmanager
async def running_gateway(
    document: Mapping[str, Any],
    plugins: Iterable[type[Plugin]] = (),
    *,
    tls: TLS | None = None,
    trusted_proxies: tuple[str, ...] = (),
) -> AsyncIterator[RunningGateway]:
    """Run a gateway for the length of a block, on a document as `routes.yaml` holds it and with these plugins enabled."""
    gateway = Gateway(Schemas(Registry(plugins)), trusted_proxies=parse_networks(trusted_proxies))
    gateway.swap(await gateway.prepare(document))
    stopping = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as sock:
        port = sock.getsockname()[1]
        descriptor = sock.detach()
    serving = asyncio.create_task(serve_on(descriptor, gateway, tls=tls, graceful_timeout=1.0, stop=stopping.wait))
    try:
        yield RunningGateway(gateway, port, "https" if tls else "http")
    finally:
        stopping.set()
        await serving
        await gateway.close()
