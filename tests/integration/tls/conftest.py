"""Gateways over TLS with certificates of many names, on asyncio's event loop and on uvloop's."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import trustme
import uvloop

from phasegate.server import serving
from phasegate.server.roster import Roster
from phasegate.settings import TLS
from phasegate.testing import RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from tests.zoo import Answers

ROUTES = [{"id": "all", "uri": "/*", "plugins": {"answers": {}}}]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test on both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
async def nothing_fails_behind_the_scenes() -> AsyncIterator[None]:
    """No exception may be left that nobody handles."""
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    yield
    assert failures == []


@pytest.fixture
def rosters() -> Iterator[list[Roster]]:
    """The connections of every listener that the test starts."""
    made: list[Roster] = []

    def roster(*arguments: Any) -> Roster:
        made.append(Roster(*arguments))
        return made[-1]

    with mock.patch.object(serving, "Roster", roster):
        yield made


class Names:
    """Makes entries of `ssls`, and the clients that their rules are for."""

    def __init__(self, authority: trustme.CA) -> None:
        self.clients = trustme.CA()
        self.strangers = trustme.CA()
        self._authority = authority

    def entry(self, id_: str, *names: str, **fields: Any) -> dict[str, Any]:
        """Return an entry with a certificate for these names."""
        leaf = self._authority.issue_cert(*names, common_name=id_)
        cert = b"".join(blob.bytes() for blob in leaf.cert_chain_pems).decode()
        return {"id": id_, "cert": cert, "key": leaf.private_key_pem.bytes().decode(), "snis": list(names), **fields}

    def guarded(self, id_: str, *names: str, authority: trustme.CA | None = None, **rule: Any) -> dict[str, Any]:
        """Return an entry that is for clients with certificates alone."""
        ca = (authority or self.clients).cert_pem.bytes().decode()
        return self.entry(id_, *names, client={"ca": ca, **rule})


@pytest.fixture(scope="session")
def names(authority: trustme.CA) -> Names:
    """What makes entries."""
    return Names(authority)


@pytest.fixture
def known(trust: ssl.SSLContext, names: Names) -> ssl.SSLContext:
    """The context of a client that the rules are for."""
    names.clients.issue_cert("client.test").configure_cert(trust)
    return trust


Serve = Callable[..., Awaitable[RunningGateway]]


def document(*entries: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration that answers everything, with these certificates."""
    return {"routes": ROUTES, "ssls": list(entries)}


@pytest.fixture
async def serve(rosters: list[Roster], certificate: TLS, start_gateway: GatewayMaker) -> Serve:
    """What starts a gateway with entries beside a listener's own certificate, that for 127.0.0.1."""

    async def start(*entries: dict[str, Any], **settings: Any) -> RunningGateway:
        return await start_gateway(document(*entries), [Answers], **{"tls": certificate, **settings})

    return start


class Client:
    """One TLS connection over HTTP/1.1."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @property
    def server(self) -> str:
        """The common name of the server's certificate."""
        subject: Any = self.writer.get_extra_info("ssl_object").getpeercert()["subject"]
        return next((value for ((key, value),) in subject if key == "commonName"), "own")

    async def ask(self, host: str) -> int:
        """Send a request, and return the answer's status."""
        self.writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        async with asyncio.timeout(5):
            head = await self.reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await self.reader.readexactly(int(length.split(b":")[1]))
        return int(head.split(b" ")[1])


Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def connect(trust: ssl.SSLContext) -> AsyncIterator[Connect]:
    """What connects to a gateway and asks for a name; the connections close with the test."""
    writers: list[asyncio.StreamWriter] = []

    async def start(gateway: RunningGateway, name: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> Client:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", gateway.port, ssl=context or trust, server_hostname=name
        )
        writers.append(writer)
        return Client(reader, writer)

    yield start
    for writer in writers:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def open_sockets() -> int:
    """Return how many sockets this process has open."""
    count = 0
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(path.readlink()).startswith("socket:")
    return count


async def until_gone(roster: Roster) -> None:
    """Wait until no connection is left, made or not."""
    async with asyncio.timeout(5):
        while len(roster) or len(roster.accepted):
            await asyncio.sleep(0.005)


def hello_for(context: ssl.SSLContext, name: str) -> tuple[bytes, ssl.SSLObject, ssl.MemoryBIO, ssl.MemoryBIO]:
    """Return what a client sends first, and what goes on from there."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with contextlib.suppress(ssl.SSLWantReadError):
        secure.do_handshake()
    return outgoing.read(), secure, incoming, outgoing
