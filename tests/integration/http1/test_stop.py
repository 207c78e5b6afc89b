"""A listener that stops finishes what is under way, and takes nothing new."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator

import pytest

from phasegate import Request, Response
from phasegate.errors import ClientClosed
from phasegate.server.serving import Protocol
from phasegate.settings import TLS
from tests.http1_client import Client, Cut, request
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Handler, Listening, echo

PATIENCE = 5.0


def after(gate: asyncio.Event) -> Handler:
    async def handler(received: Request) -> Response:
        if received.path == "/wait":
            await gate.wait()
        return await echo(received)

    return handler


def streaming(gate: asyncio.Event) -> Handler:
    """Return a handler that streams one block before and one behind the gate."""

    async def stream() -> AsyncIterator[bytes]:
        yield b"before"
        await gate.wait()
        yield b"behind"

    async def handler(received: Request) -> Response:
        return Response(200, {}, stream())

    return handler


async def stop(server: Listening) -> None:
    """Tell the listener to stop, and wait until it has begun to."""
    server.stopping.set()
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_request_under_way_is_finished_and_told_to_be_the_last(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(after(gate), graceful_timeout=PATIENCE)
    client = await connect(server)
    await client.send(request("GET", "/wait"))
    await server.application.begun()
    await stop(server)
    gate.set()
    answer = await client.answer()
    assert (answer.status, answer.get("connection"), await client.rest()) == (200, "close", b"")
    client.close()
    await asyncio.wait_for(server.serving, PATIENCE)


async def test_an_answer_under_way_is_finished(listen: Listen, connect: Connect, mode: Protocol) -> None:
    gate = asyncio.Event()
    server = await listen(streaming(gate), graceful_timeout=PATIENCE, protocol=mode)
    client = await connect(server)
    await client.send(request("GET", "/"))
    await server.application.begun()
    await stop(server)
    gate.set()
    assert (await client.answer()).body == b"beforebehind"


async def test_a_body_under_way_is_taken(listen: Listen, connect: Connect) -> None:
    server = await listen(graceful_timeout=PATIENCE)
    client = await connect(server)
    await client.send(request("POST", "/", body=b"abcdef").removesuffix(b"def"))
    await server.application.begun()
    await stop(server)
    answer = await client.ask(b"def")
    assert (answer.body, answer.get("connection")) == (b"abcdef", "close")


async def test_requests_that_wait_in_line_are_finished(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()
    server = await listen(after(gate), graceful_timeout=PATIENCE)
    client = await connect(server)
    await client.send(request("GET", "/wait") + request("GET", "/b") + request("GET", "/c"))
    await server.application.begun()
    await stop(server)
    gate.set()
    assert [(await client.answer()).get("connection") for _ in range(3)] == [None, None, "close"]


async def test_an_idle_connection_gets_a_last_request_answered(listen: Listen, connect: Connect) -> None:
    server = await listen(graceful_timeout=PATIENCE)
    client = await connect(server)
    await client.ask(request("GET", "/"))
    await stop(server)
    answer = await client.ask(request("GET", "/last"))
    assert (answer.status, answer.get("connection"), await client.rest()) == (200, "close", b"")


async def test_a_connection_that_asked_nothing_yet_is_answered(listen: Listen, connect: Connect) -> None:
    server = await listen(graceful_timeout=PATIENCE)
    client = await connect(server)
    while not server.connections:
        await asyncio.sleep(0)
    await stop(server)
    assert (await client.ask(request("GET", "/first"))).get("connection") == "close"


async def test_a_head_that_has_begun_is_waited_for(listen: Listen, connect: Connect) -> None:
    server = await listen(graceful_timeout=PATIENCE)
    client = await connect(server)
    await client.send(request("GET", "/")[:10])
    await asyncio.sleep(0.01)
    await stop(server)
    assert (await client.ask(request("GET", "/")[10:])).status == 200


async def test_nothing_new_is_accepted(listen: Listen, connect: Connect, mode: Protocol) -> None:
    gate = asyncio.Event()
    server = await listen(after(gate), graceful_timeout=PATIENCE, protocol=mode)
    client = await connect(server)
    await client.send(request("GET", "/wait"))
    await server.application.begun()
    await stop(server)
    with pytest.raises(ConnectionRefusedError):
        await connect(server)
    gate.set()
    assert (await client.answer()).status == 200


async def test_it_stops_as_soon_as_everybody_has_gone(listen: Listen, connect: Connect) -> None:
    server = await listen(graceful_timeout=60)
    client = await connect(server)
    await client.ask(request("GET", "/"))
    await stop(server)
    client.close()
    await asyncio.wait_for(server.serving, PATIENCE)


async def test_an_idle_connection_is_closed_at_the_end_without_a_word(listen: Listen, connect: Connect) -> None:
    server = await listen(graceful_timeout=0.1)
    client = await connect(server)
    await client.ask(request("GET", "/"))
    await stop(server)
    assert await client.rest() == b""


@pytest.mark.parametrize("version", ["1.1", "1.0"])
async def test_an_answer_that_takes_longer_is_cut_and_looks_it(listen: Listen, connect: Connect, version: str) -> None:
    server = await listen(streaming(asyncio.Event()), graceful_timeout=0.1)
    client = await connect(server)
    await client.send(request("GET", "/", version=version))
    await server.application.begun()
    await stop(server)
    with pytest.raises((Cut, ConnectionResetError)):
        await client.answer()
    assert isinstance(await server.application.ended(), ClientClosed)


async def test_a_request_that_takes_longer_is_cancelled(listen: Listen, connect: Connect) -> None:
    server = await listen(after(asyncio.Event()), graceful_timeout=0.1)
    client = await connect(server)
    await client.send(request("GET", "/wait"))
    await server.application.begun()
    await stop(server)
    assert await client.rest() == b""
    await asyncio.wait_for(server.serving, PATIENCE)


async def handshake(port: int, trust: ssl.SSLContext, until: asyncio.Event) -> bytes:
    """Begin a TLS handshake, finish it behind the event, and return the answer to a request."""
    sock = socket.socket()
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, ("127.0.0.1", port))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trust.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    answer = b""
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    await loop.sock_sendall(sock, outgoing.read())
    await until.wait()
    while not answer.endswith(b"}"):
        try:
            tls.do_handshake()
            if not answer:
                tls.write(request("GET", "/missing"))
                answer = b"-"
            answer += tls.read(65_536)
        except ssl.SSLWantReadError:
            await loop.sock_sendall(sock, outgoing.read())
            incoming.write(await loop.sock_recv(sock, 65_536))
    sock.close()
    return answer


async def test_a_client_in_its_tls_handshake_is_answered(
    listen: Listen, certificate: TLS, trust: ssl.SSLContext
) -> None:
    async def handler(received: Request) -> Response:
        return Response.json({})

    server = await listen(handler, graceful_timeout=PATIENCE, tls=certificate)
    until = asyncio.Event()
    client = asyncio.create_task(handshake(server.port, trust, until))
    await asyncio.sleep(0.02)
    await stop(server)
    until.set()
    answer = await asyncio.wait_for(client, PATIENCE)
    assert (b"HTTP/1.1 200 OK" in answer, b"connection: close" in answer) == (True, True)


async def test_stopping_with_a_crowd_loses_nothing(listen: Listen, connect: Connect) -> None:
    server = await listen(graceful_timeout=PATIENCE)

    async def visit(client: Client) -> None:
        while (await client.ask(request("POST", "/", body=b"abc"))).get("connection") is None:
            pass
        client.close()

    clients = [await connect(server) for _ in range(50)]
    while server.connections < 50:
        await asyncio.sleep(0)
    visits = [asyncio.create_task(visit(client)) for client in clients]
    await server.application.begun(500)
    server.stopping.set()
    await asyncio.wait_for(asyncio.gather(*visits), PATIENCE)
    await asyncio.wait_for(server.serving, PATIENCE)


async def test_connections_that_wait_to_be_accepted_are_answered(listen: Listen) -> None:
    server: Listening = await listen(graceful_timeout=PATIENCE)
    # Connected by the kernel, before the loop has a turn to accept them.
    clients = [Client(socket.create_connection(("127.0.0.1", server.port))) for _ in range(20)]
    server.stopping.set()
    try:
        for client in clients:
            client.sock.setblocking(False)
            assert (await client.ask(request("GET", "/"))).status == 200
    finally:
        for client in clients:
            client.close()
