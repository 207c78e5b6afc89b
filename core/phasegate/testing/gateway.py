"""A whole gateway in the test's own process and event loop, on a free port."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path
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
from .certificates import make_certificate, trusting
from .client import ClientAnswer, ClientRequest, Fields, exchange


class RunningGateway:
    """A gateway that serves on `127.0.0.1:port`, over HTTP/1.1 and HTTP/2; over TLS when it was given a certificate.

    `certificate` is the PEM file to trust then.
    """

    def __init__(self, gateway: Gateway, port: int, certificate: Path | None = None) -> None:
        self._gateway = gateway
        self.port = port
        self.certificate = certificate
        self.scheme = "https" if certificate else "http"

    @property
    def url(self) -> str:
        """Where it listens, as a URL without path."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext | None:
        """A new context for clients that trusts the gateway's certificate; None where it speaks no TLS."""
        return trusting(self.certificate) if self.certificate else None

    async def get(self, target: str = "/", *, headers: Fields = (), http2: bool = False) -> ClientAnswer:
        """Send a GET, and return its answer."""
        return await self.request("GET", target, headers=headers, http2=http2)

    async def request(
        self, method: str, target: str = "/", *, headers: Fields = (), body: bytes = b"", http2: bool = False
    ) -> ClientAnswer:
        """Send a request over HTTP/1.1 or HTTP/2, on a connection of its own, and return its answer.

        `target` goes out as it is. Raise ConnectionCut where there is no answer, or half of one.
        """
        fields = tuple(headers.items() if isinstance(headers, Mapping) else headers)
        host = next((value for name, value in fields if name.lower() == "host"), f"127.0.0.1:{self.port}")
        others = tuple((name, value) for name, value in fields if name.lower() != "host")
        request = ClientRequest(method, target, others, body, host, self.scheme)
        return await exchange(request, self.port, http2=http2, tls=self.trust)

    async def reload(self, document: Mapping[str, Any]) -> None:
        """Serve another document from now on. Raise ConfigError, and keep the running one, when it is refused."""
        self._gateway.swap(await self._gateway.prepare(document))


@functools.lru_cache(16)
def _schemas(plugins: tuple[type[Plugin], ...], *, native: bool) -> Schemas:
    """Return the schemas of a gateway: they are the same for all gateways with these plugins, and take 50 ms to make."""
    return Schemas(Registry(plugins), native=native)


@contextlib.asynccontextmanager
async def running_gateway(
    document: Mapping[str, Any],
    plugins: Iterable[type[Plugin]] = (),
    *,
    tls: TLS | bool | None = None,
    trusted_proxies: tuple[str, ...] = (),
    limits: Limits | None = None,
    protocol: Protocol = "native",
) -> AsyncIterator[RunningGateway]:
    """Run a gateway for the length of a block, on a document as `routes.yaml` holds it and with these plugins enabled.

    `tls=True` makes a certificate for it.
    """
    networks = parse_networks(trusted_proxies)
    gateway = Gateway(_schemas(tuple(plugins), native=protocol == "native"), trusted_proxies=networks)
    gateway.swap(await gateway.prepare(document))
    sock = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    port = sock.getsockname()[1]
    stopping = asyncio.Event()
    with _certificate(tls) as certificate:
        serving = asyncio.create_task(
            serve(
                [Site(sock, gateway, certificate, gateway.certificates)],
                stopping=stopping,
                protocol=protocol,
                limits=limits or Limits(),
                trusted_proxies=networks,
                graceful_timeout=1.0,
            )
        )
        try:
            yield RunningGateway(gateway, port, certificate.cert if certificate else None)
        finally:
            stopping.set()
            await serving
            await gateway.close()


@contextlib.contextmanager
def _certificate(tls: TLS | bool | None) -> Iterator[TLS | None]:  # noqa: FBT001 (as it was given)
    if tls is not True:
        yield tls or None
        return
    with tempfile.TemporaryDirectory() as folder:
        yield make_certificate(Path(folder))
