"""A whole gateway in the test's own process and event loop, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from ..gateway import Gateway
from ..http.address import parse_networks
from ..limits import Limits
from ..plugin import Plugin
from ..registry import Registry
from ..schema.tables import Schemas
from ..server.serving import Protocol, Site, serve
from ..server.sockets import BACKLOG
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
    limits: Limits | None = None,
    protocol: Protocol = "native",
) -> AsyncIterator[RunningGateway]:
    """Run a gateway for the length of a block, on a document as `routes.yaml` holds it and with these plugins enabled."""
    networks = parse_networks(trusted_proxies)
    gateway = Gateway(Schemas(Registry(plugins), native=protocol == "native"), trusted_proxies=networks)
    gateway.swap(await gateway.prepare(document))
    sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    port = sock.getsockname()[1]
    stopping = asyncio.Event()
    serving = asyncio.create_task(
        serve(
            [Site(sock, gateway, tls, gateway.certificates)],
            stopping=stopping,
            protocol=protocol,
            limits=limits or Limits(),
            trusted_proxies=networks,
            graceful_timeout=1.0,
        )
    )
    try:
        yield RunningGateway(gateway, port, "https" if tls else "http")
    finally:
        stopping.set()
        await serving
        await gateway.close()
