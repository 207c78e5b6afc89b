"""Clients that are slow, strange or gone before their handshake, and what is left of them: nothing."""

import asyncio
import contextlib
import gc
import os
import resource
import socket
import ssl
from collections.abc import Callable

import pytest

from phasegate.limits import Limits
from phasegate.server.roster import Roster
from phasegate.settings import TLS
from phasegate.testing import RunningGateway, running_gateway
from tests.http1_client import Client as PlainClient
from tests.integration.tls.conftest import Connect, Names, Serve, document, hello_for, open_sockets, until_gone
from tests.zoo import Answers

pytestmark = pytest.mark.long


async def served_as(client: PlainClient, pieces: list[bytes], *rest: object) -> str:
    """Send a first message in pieces, finish the handshake, and return the name on the server's certificate."""
    secure, incoming, outgoing = rest
    assert isinstance(secure, ssl.SSLObject)
    assert isinstance(incoming, ssl.MemoryBIO)
    assert isinstance(outgoing, ssl.MemoryBIO)
    for piece in pieces:
        await client.send(piece)
        await asyncio.sleep(0)
    while True:
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            incoming.write(await client.receive())
        else:
            await client.send(outgoing.read())
            return str((secure.getpeercert() or {})["subject"])


async def asked(client: PlainClient, *rest: object) -> bytes:
    """Send a request on a connection whose handshake is done, and return the beginning of what comes back."""
    secure, incoming, outgoing = rest
    assert isinstance(secure, ssl.SSLObject)
    assert isinstance(incoming, ssl.MemoryBIO)
    assert isinstance(outgoing, ssl.MemoryBIO)
    secure.write(b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
    await client.send(outgoing.read())
    while True:
        try:
            return secure.read()
        except ssl.SSLWantReadError:
            incoming.write(await client.receive())


def in_records(hello: bytes, size: int) -> bytes:
    message = hello[5:]
    pieces = [message[start : start + size] for start in range(0, len(message), size)]
    return b"".join(hello[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)


@pytest.fixture
async def gateway(serve: Serve, names: Names) -> RunningGateway:
    return await serve(names.entry("shop", "shop.test"), names.guarded("bank", "bank.test"))


@pytest.mark.parametrize("size", [1, 5, 200], ids=str)
async def test_the_first_message_may_come_in_pieces(gateway: RunningGateway, trust: ssl.SSLContext, size: int) -> None:
    hello, *rest = hello_for(trust, "shop.test")
    client = await PlainClient.to(gateway.port)
    pieces = [hello[start : start + size] for start in range(0, len(hello), size)]
    assert "shop" in await served_as(client, pieces, *rest)
    client.close()


async def test_the_first_message_may_come_with_pauses(gateway: RunningGateway, trust: ssl.SSLContext) -> None:
    hello, *rest = hello_for(trust, "shop.test")
    client = await PlainClient.to(gateway.port)
    for piece in (hello[:3], hello[3:100], hello[100:101]):
        await client.send(piece)
        await asyncio.sleep(0.03)
    assert "shop" in await served_as(client, [hello[101:]], *rest)
    client.close()


@pytest.mark.parametrize("size", [1, 50], ids=str)
async def test_the_first_message_may_be_spread_over_records(
    gateway: RunningGateway, trust: ssl.SSLContext, size: int
) -> None:
    hello, *rest = hello_for(trust, "shop.test")
    client = await PlainClient.to(gateway.port)
    assert "shop" in await served_as(client, [in_records(hello, size)], *rest)
    client.close()


GARBAGE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n",
    "zeros": bytes(5000),
    "an alert": b"\x15\x03\x01\x00\x02\x02\x28",
    "a long record": b"\x16\x03\x01\xff\xff" + bytes(70_000),
    "a broken hello": b"\x16\x03\x01\x00\x30\x01\x00\x00\x2c" + b"\xff" * 44,
}


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE.keys())
async def test_garbage_ends_its_connection_and_no_other(
    gateway: RunningGateway, connect: Connect, rosters: list[Roster], data: bytes
) -> None:
    client = await PlainClient.to(gateway.port)
    with contextlib.suppress(ConnectionError):
        await client.send(data)
        await client.rest()
    await until_gone(rosters[0])
    client.close()
    assert await (await connect(gateway, "shop.test")).ask("shop.test") == 200


@pytest.mark.parametrize("begin", [b"", b"\x16", b"\x16\x03\x01\x02\x00" + bytes(100)], ids=["none", "one", "some"])
async def test_a_client_that_is_slow_is_cut_off(
    serve: Serve, names: Names, rosters: list[Roster], begin: bytes
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"), limits=Limits(handshake_timeout=0.2))
    loop = asyncio.get_running_loop()
    client, began = await PlainClient.to(gateway.port), loop.time()
    await client.send(begin)
    with contextlib.suppress(ConnectionError):
        assert await client.rest() == b""
    assert 0.15 < loop.time() - began < 5
    await until_gone(rosters[0])
    client.close()


async def drip(client: PlainClient, data: bytes) -> None:
    for byte in data:
        await client.send(bytes([byte]))
        await asyncio.sleep(0.01)


async def test_a_client_that_drips_is_cut_off(
    serve: Serve, names: Names, trust: ssl.SSLContext, rosters: list[Roster]
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"), limits=Limits(handshake_timeout=0.2))
    client = await PlainClient.to(gateway.port)
    with pytest.raises(ConnectionError):
        await drip(client, hello_for(trust, "shop.test")[0][:-1])
    await until_gone(rosters[0])
    client.close()


async def test_time_runs_on_through_the_rest_of_the_handshake(
    serve: Serve, names: Names, trust: ssl.SSLContext, rosters: list[Roster]
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"), limits=Limits(handshake_timeout=1.2))
    loop = asyncio.get_running_loop()
    client, began = await PlainClient.to(gateway.port), loop.time()
    hello = hello_for(trust, "shop.test")[0]
    await client.send(hello[:100])
    await asyncio.sleep(1.0)
    await client.send(hello[100:])
    with contextlib.suppress(ConnectionError):
        await client.rest()
    assert loop.time() - began < 2.2
    await until_gone(rosters[0])
    client.close()


@pytest.mark.parametrize("leave", [PlainClient.close, PlainClient.reset, PlainClient.end], ids=["FIN", "RST", "half"])
@pytest.mark.parametrize("end", [0, 1, 5, 100, 10_000], ids=str)
async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    gateway: RunningGateway,
    trust: ssl.SSLContext,
    rosters: list[Roster],
    leave: Callable[[PlainClient], None],
    end: int,
) -> None:
    before = open_sockets()
    client = await PlainClient.to(gateway.port)
    await client.send(hello_for(trust, "bank.test")[0][:end])
    while not len(rosters[0]):
        await asyncio.sleep(0)
    leave(client)
    await until_gone(rosters[0])
    client.close()
    await until(lambda: open_sockets() <= before)


async def test_refused_clients_leave_nothing_behind(
    gateway: RunningGateway, connect: Connect, rosters: list[Roster]
) -> None:
    before = open_sockets()
    for _ in range(50):
        client = await connect(gateway, "bank.test")
        with contextlib.suppress(OSError, EOFError):
            await client.ask("bank.test")
    await until_gone(rosters[0])
    await until(lambda: open_sockets() <= before)


async def test_where_the_system_gives_no_sockets_clients_wait(
    gateway: RunningGateway, trust: ssl.SSLContext, caplog: pytest.LogCaptureFixture
) -> None:
    hello, *rest = hello_for(trust, "shop.test")
    sock = socket.socket()
    sock.setblocking(False)
    free = os.dup(0)
    os.close(free)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", gateway.port))
        await until(lambda: "connections can't be accepted" in caplog.messages)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    client = PlainClient(sock)
    assert "shop" in await served_as(client, [hello], *rest)
    assert caplog.messages.count("connections can't be accepted") == 1
    client.close()


async def test_the_first_message_counts_as_a_connection(
    serve: Serve, connect: Connect, names: Names, trust: ssl.SSLContext, rosters: list[Roster]
) -> None:
    gateway = await serve(names.entry("shop", "shop.test"), limits=Limits(connections=1))
    client = await PlainClient.to(gateway.port)
    while not len(rosters[0]):
        await asyncio.sleep(0)
    trust.check_hostname = False
    assert await (await connect(gateway, "shop.test")).ask("shop.test") == 503
    client.close()
    await until_gone(rosters[0])
    assert await (await connect(gateway, "shop.test")).ask("shop.test") == 200


async def test_a_gateway_that_stops_answers_who_is_in_the_middle_of_a_first_message(
    names: Names, certificate: TLS, trust: ssl.SSLContext
) -> None:
    hello, *rest = hello_for(trust, "shop.test")
    async with contextlib.AsyncExitStack() as stack:
        running = running_gateway(document(names.entry("shop", "shop.test")), [Answers], tls=certificate)
        gateway = await stack.enter_async_context(running)
        client = await PlainClient.to(gateway.port)
        await client.send(hello[:100])
        stopping = asyncio.create_task(stack.aclose())
        await asyncio.sleep(0.02)
        assert "shop" in await served_as(client, [hello[100:]], *rest)
        assert b"HTTP/1.1 200 OK" in await asked(client, *rest)
        client.close()
        await stopping


async def test_a_gateway_that_stops_does_not_wait_for_who_says_nothing(
    names: Names, certificate: TLS, trust: ssl.SSLContext
) -> None:
    hello, *_ = hello_for(trust, "shop.test")
    async with running_gateway(document(names.entry("shop", "shop.test")), [Answers], tls=certificate) as gateway:
        clients = [await PlainClient.to(gateway.port) for _ in range(3)]
        await clients[1].send(hello[:100])
        await clients[2].send(hello)
        assert await clients[2].receive(1) == b"\x16"
    for client in clients:
        with contextlib.suppress(ConnectionError):
            await client.rest()
        client.close()


async def test_who_waits_to_be_accepted_when_a_gateway_stops_is_answered(
    names: Names, certificate: TLS, trust: ssl.SSLContext
) -> None:
    hello, *rest = hello_for(trust, "shop.test")
    async with running_gateway(document(names.entry("shop", "shop.test")), [Answers], tls=certificate) as gateway:
        client = PlainClient(socket.create_connection(("127.0.0.1", gateway.port)))
        client.sock.setblocking(False)
        finishing = asyncio.create_task(served_as(client, [hello], *rest))
    assert "shop" in await finishing
    client.close()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not happened():
            gc.collect()
            await asyncio.sleep(0.005)
