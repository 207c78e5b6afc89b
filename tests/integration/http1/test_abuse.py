"""Clients that stall, leave or come in crowds hurt nobody else, and leave nothing behind."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from phasegate import Request, Response
from phasegate.errors import ClientClosed
from phasegate.limits import Limits
from phasegate.server.serving import Protocol
from tests.http1_client import Client, chunked, request
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Listening, echo

pytestmark = pytest.mark.long

MEGABYTE = 1_000_000


class Patient:
    """A handler that never answers `/wait`, and counts how many wait and how many were told to stop."""

    def __init__(self) -> None:
        self.waiting = self.cancelled = 0

    async def __call__(self, received: Request) -> Response:
        if received.path == "/huge":
            return Response(200, {}, _endless())
        if received.path != "/wait":
            return await echo(received)
        self.waiting += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return Response(500)


async def _endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(65_536)


# With a short time among the limits the roster looks often, and so finds out soon who is gone without a word.
OFTEN = Limits(write_timeout=0.2)
STALLS = {
    "nothing at all": b"",
    "empty lines": b"\r\n" * 100,
    "half a preface": b"PRI * HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: h\r\nX: ",
    "half a body": request("POST", "/", b"Content-Length: 1000") + b"abc",
    "a body nobody reads": request("POST", "/wait", b"Content-Length: 1000000") + bytes(150_000),
    "half a chunk": chunked(b"abc", last=b"5\r\nab"),
    "no last chunk": chunked(b"abc", last=b""),
    "a body that waits to be asked for": request("POST", "/", b"Expect: 100-continue", b"Content-Length: 9"),
    "an answer nobody makes": request("GET", "/wait"),
    "an answer nobody takes": request("GET", "/huge"),
    "an idle connection": request("GET", "/"),
    "requests behind an answer nobody makes": request("GET", "/wait") + request("GET", "/") * 5000,
    "garbage behind an answer nobody makes": request("GET", "/wait") + b"\xff",
    "what is refused": b"\xff",
    "what is refused, and more": b"\xff" + bytes(100_000),
}
BY_THEIR_OWN_FAULT = {name: data for name, data in STALLS.items() if b"/wait" not in data}
stalls = pytest.mark.parametrize("data", STALLS.values(), ids=STALLS.keys())

LEAVES: list[Callable[[Client], None]] = [Client.close, Client.end, Client.reset]


def footprint() -> tuple[int, int]:
    """Return how many tasks and file descriptors there are."""
    return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))


async def settled(server: Listening, before: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Wait until nothing is left of any client, and return what the listener still has when that takes too long."""
    try:
        async with asyncio.timeout(5):
            while (server.connections, footprint()) != (0, before):
                await asyncio.sleep(0.005)
    except TimeoutError:
        pass
    return server.connections, footprint()


@stalls
async def test_while_one_client_stalls_another_is_answered(listen: Listen, connect: Connect, data: bytes) -> None:
    server = await listen(Patient())
    for _ in range(3):
        await (await connect(server, receive_buffer=4096)).send(data)
    await asyncio.sleep(0.01)
    answer = await (await connect(server)).ask(request("PUT", "/", body=b"other"))
    assert (answer.status, answer.body) == (200, b"other")


@stalls
async def test_clients_that_stalled_leave_nothing_behind(listen: Listen, connect: Connect, data: bytes) -> None:
    server = await listen(Patient(), limits=OFTEN)
    before = footprint()
    for leave in LEAVES:
        client = await Client.to(server.port)
        await client.send(data)
        await asyncio.sleep(0.005)
        leave(client)
        client.close()
    assert await settled(server, before) == (0, before)


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize("data", BY_THEIR_OWN_FAULT.values(), ids=BY_THEIR_OWN_FAULT.keys())
async def test_a_client_that_stalls_for_good_is_let_go(listen: Listen, connect: Connect, data: bytes) -> None:
    limits = Limits(head_timeout=0.05, idle_timeout=0.05, body_timeout=0.05, write_timeout=0.05)
    server = await listen(Patient(), limits=limits)
    client = await connect(server, receive_buffer=4096)
    await client.send(data)
    if b"/huge" not in data:
        await client.rest()
        client.close()
    async with asyncio.timeout(5):
        while server.connections:
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("leave", LEAVES)
@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/wait"),
        request("POST", "/wait", body=b"abc"),
        request("POST", "/wait", b"Content-Length: 9") + b"abc",
        chunked(b"abc", path="/wait", last=b""),
    ],
    ids=["no body", "body", "half a body", "half of the chunks"],
)
async def test_what_is_done_for_a_client_that_leaves_is_cancelled(
    listen: Listen, connect: Connect, mode: Protocol, data: bytes, leave: Callable[[Client], None]
) -> None:
    patient = Patient()
    server = await listen(patient, protocol=mode)
    client = await connect(server)
    await client.send(data)
    await server.application.begun()
    leave(client)
    assert isinstance(await server.application.ended(), ClientClosed)
    assert (patient.waiting, patient.cancelled) == (1, 1)


@pytest.mark.parametrize("leave", LEAVES)
async def test_a_client_that_leaves_with_requests_waiting_is_noticed(
    listen: Listen, connect: Connect, leave: Callable[[Client], None]
) -> None:
    patient = Patient()
    server = await listen(patient)
    client = await connect(server)
    await client.send(request("GET", "/wait") + request("POST", "/wait", body=b"abc") * 10)
    await server.application.begun()
    leave(client)
    await server.application.ended()
    assert (patient.cancelled, len(server.application.requests)) == (1, 1)


async def test_a_client_that_crashes_in_an_upload_that_nobody_reads_is_noticed(
    listen: Listen, connect: Connect
) -> None:
    patient = Patient()
    server = await listen(patient, limits=OFTEN)
    client = await connect(server)
    sending = asyncio.create_task(client.send(request("POST", "/wait", body=bytes(20 * MEGABYTE))))
    await server.application.begun()
    assert await client.is_silent()
    sending.cancel()
    await asyncio.wait([sending])
    client.reset()
    await server.application.ended()
    assert patient.cancelled == 1


async def test_a_client_that_leaves_in_the_middle_of_an_answer_is_noticed(listen: Listen, connect: Connect) -> None:
    server = await listen(Patient())
    client = await connect(server)
    await client.send(request("GET", "/huge"))
    await client.receive()
    client.close()
    assert isinstance(await server.application.ended(), ClientClosed)


async def test_a_client_that_is_gone_before_its_refusal_is_no_error(listen: Listen, connect: Connect) -> None:
    server = await listen()
    for number in range(30):
        client = await connect(server)
        await client.send(b"GET / HTTP/1.1\r\n\r\n")
        client.reset()
        await server.application.ended(number + 1)
    assert len(server.application.refused) == 30


async def test_a_client_that_is_gone_before_its_answer_is_no_error(listen: Listen) -> None:
    async def handler(received: Request) -> Response:
        await asyncio.sleep(0)
        return Response(200, {}, bytes(MEGABYTE))

    server = await listen(handler)
    before = footprint()
    for number in range(30):
        client = await Client.to(server.port)
        await client.send(request("GET", "/"))
        await server.application.begun(number + 1)
        client.reset()
    assert await settled(server, before) == (0, before)


async def _whole(server: Listening) -> None:
    client = await Client.to(server.port)
    await client.ask(request("POST", "/", body=b"abc"))
    client.close()


async def _told_to_close(server: Listening) -> None:
    client = await Client.to(server.port)
    await client.ask(request("GET", "/", b"Connection: close"))
    client.close()


async def _refused(server: Listening) -> None:
    client = await Client.to(server.port)
    await client.ask(b"GET / HTTP/9.9\r\n\r\n")
    client.close()


async def _reset(server: Listening) -> None:
    client = await Client.to(server.port)
    await client.send(request("POST", "/", b"Content-Length: 9"))
    client.reset()


@pytest.mark.asyncio(loop_factories=["uvloop"])
@pytest.mark.parametrize("visit", [_whole, _told_to_close, _refused, _reset])
async def test_hundreds_of_short_connections_leave_nothing_behind(
    listen: Listen, visit: Callable[[Listening], Awaitable[None]]
) -> None:
    server = await listen()
    before = footprint()
    for _ in range(10):
        await asyncio.gather(*(visit(server) for _ in range(50)))
    assert await settled(server, before) == (0, before)
    # Errors know the frames that they went through.
    server.application.refused.clear()
    server.application.ends.clear()
    gc.collect()
    left = [
        thing for thing in gc.get_objects() if type(thing).__name__ in {"Http1Connection", "Http1Exchange", "Opening"}
    ]
    assert left == []
