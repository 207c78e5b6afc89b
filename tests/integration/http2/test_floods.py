"""Frames that carry nothing, and requests that come to nothing: so many, and no more (docs/http.md)."""

import asyncio
import contextlib
from typing import Any

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, Frame, PingFrame, PriorityFrame, SettingsFrame

from phasegate import Request, Response
from phasegate.limits import Limits
from tests.http2_client import LARGEST_WINDOW, Act, Client, Connect, Gone, Listen, data, head, raw, reset, window

CALM = ErrorCodes.ENHANCE_YOUR_CALM
MOST = 40


async def waits(request: Request) -> Response:
    """Answer all but `/waits`, which reads its body and waits then."""
    if request.path == "/waits":
        async for _ in request.body:
            pass
        await asyncio.Event().wait()
    return Response.text("here")


@pytest.fixture
async def client(listen: Listen, connect: Connect) -> Client:
    """A client with a request under way whose body has not ended, of a listener that bears little."""
    client = await connect(await listen(waits, limits=Limits(control_frames=MOST, resets=MOST, streams=10)))
    client.send(client.headers(1, head("/waits", method="POST"), end=False))
    await client.until(lambda: client.greeted and client.acknowledged == 1)
    client.set({})
    await client.until(lambda: client.acknowledged == 2)
    return client


CONTROL: dict[str, Act] = {
    "PING": lambda client: [PingFrame(0)],
    "acknowledged PING": lambda client: [PingFrame(0, flags=["ACK"])],
    "SETTINGS": lambda client: [SettingsFrame(0)],
    "acknowledged SETTINGS": lambda client: [SettingsFrame(0, flags=["ACK"])],
    "PRIORITY": lambda client: [PriorityFrame(1, stream_weight=1)],
    "PRIORITY of an idle stream": lambda client: [PriorityFrame(99, stream_weight=1)],
    "WINDOW_UPDATE of the connection": lambda client: [window(0, 1)],
    "WINDOW_UPDATE of a stream": lambda client: [window(1, 1)],
    "empty DATA": lambda client: [data(1)],
    "DATA of nothing but padding": lambda client: [data(1, padding=255)],
    "DATA of little but padding": lambda client: [data(1, b"x" * 15, padding=20)],
    "tiny DATA": lambda client: [data(1, b"x" * 15)],
    "an unknown kind": lambda client: [raw(0x16, b"anything")],
    "ALTSVC": lambda client: [raw(0x0A, b"\0\0")],
    "RST_STREAM of a stream that is over": lambda client: [reset(3)],
    "RST_STREAM of a stream that was reset": lambda client: [reset(5)],
    "HEADERS of a stream that was reset": lambda client: [client.headers(5)],
    "little DATA of a stream that is over": lambda client: [data(3, b"x" * 1000)],
    "little DATA of a stream that was reset": lambda client: [data(5, b"x" * 1000)],
}


async def flood(client: Client, act: Act, count: int) -> None:
    """Send something so often, on a connection where stream 3 is over, and stream 5 was reset."""
    await client.get(3)
    client.send(client.headers(5, head("/waits")), reset(5))
    await client.ping()
    client.send(*[frame for _ in range(count) for frame in act(client)])


@pytest.mark.parametrize("act", CONTROL.values(), ids=CONTROL)
async def test_too_many_frames_that_carry_nothing_end_the_connection(client: Client, act: Act) -> None:
    client.opens_windows = False
    await flood(client, act, MOST + 6)
    assert await client.end() is CALM


@pytest.mark.parametrize("act", CONTROL.values(), ids=CONTROL)
async def test_some_frames_that_carry_nothing_are_borne(client: Client, act: Act) -> None:
    client.opens_windows = False
    await flood(client, act, MOST - 10)
    assert (await client.get(7)).status == 200


async def test_what_was_on_its_way_when_a_stream_ended_is_borne(client: Client) -> None:
    client.opens_windows = False
    await flood(client, lambda _: [data(5, bytes(16_000))], MOST + 6)
    assert (await client.get(7)).status == 200


async def test_a_header_block_in_too_many_pieces_ends_the_connection(client: Client) -> None:
    client.send(client.headers(3, whole=False), *[ContinuationFrame(3, b"") for _ in range(MOST + 6)])
    assert await client.end() is CALM


async def test_header_blocks_in_many_pieces_end_the_connection(client: Client) -> None:
    client.opens_windows = False
    for stream in range(3, 99, 2):
        first = client.headers(stream, whole=False)
        client.send(first, ContinuationFrame(stream, b"", flags=["END_HEADERS"]))
    assert await client.end() is CALM


def malformed(client: Client, stream: int) -> list[Frame]:
    return [client.headers(stream, [(b"X", b"")])]


def refused(client: Client, stream: int) -> list[Frame]:
    return [client.headers(stream, head("/waits"))]


@pytest.mark.parametrize("act", [malformed, refused])
async def test_too_many_requests_that_come_to_nothing_end_the_connection(client: Client, act: Any) -> None:
    client.send(*[frame for number in range(MOST + 12) for frame in act(client, 2 * number + 3)])
    assert await client.end() is CALM


def resets(client: Client, stream: int) -> list[Frame]:
    """Rapid reset (CVE-2023-44487)."""
    return [client.headers(stream, head("/waits")), reset(stream)]


def data_after_the_end(client: Client, stream: int) -> list[Frame]:
    """Let the server reset (CVE-2025-8671)."""
    return [client.headers(stream, head("/waits")), data(stream, b"x" * 16)]


def headers_after_the_end(client: Client, stream: int) -> list[Frame]:
    return [client.headers(stream, head("/waits")), client.headers(stream, head("/waits"))]


def window_beyond(client: Client, stream: int) -> list[Frame]:
    return [client.headers(stream, head("/waits")), window(stream, LARGEST_WINDOW)]


def body_too_long(client: Client, stream: int) -> list[Frame]:
    fields = head("/waits", [("content-length", "1")], method="POST")
    return [client.headers(stream, fields, end=False), data(stream, b"x" * 16)]


def body_too_short(client: Client, stream: int) -> list[Frame]:
    fields = head("/waits", [("content-length", "99")], method="POST")
    return [client.headers(stream, fields, end=False), data(stream, b"x" * 16, end=True)]


def trailers_malformed(client: Client, stream: int) -> list[Frame]:
    return [client.headers(stream, head("/waits", method="POST"), end=False), client.headers(stream, [(b"X", b"")])]


@pytest.mark.parametrize(
    "act",
    [
        resets,
        data_after_the_end,
        headers_after_the_end,
        window_beyond,
        body_too_long,
        body_too_short,
        trailers_malformed,
    ],
)
async def test_too_many_requests_that_end_in_a_reset_end_the_connection(client: Client, act: Any) -> None:
    for number in range(MOST + 6):
        client.send(*act(client, 2 * number + 3))
    assert await client.end() is CALM


@pytest.mark.parametrize("act", [resets, data_after_the_end, body_too_long])
async def test_some_requests_that_end_in_a_reset_are_borne(client: Client, act: Any) -> None:
    for number in range(MOST - 4):
        client.send(*act(client, 2 * number + 3))
    assert (await client.get(999)).status == 200


async def test_requests_that_run_before_they_are_reset_count_too(client: Client) -> None:
    with contextlib.suppress(Gone):
        for number in range(MOST + 6):
            client.send(client.headers(2 * number + 3, head("/waits")))
            await client.ping()
            client.send(reset(2 * number + 3))
    assert await client.end() is CALM


async def test_any_number_may_be_asked_for(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(waits, limits=Limits(control_frames=0, resets=0)))
    client.send(PingFrame(0).serialize() * 3000)
    for stream in range(1, 3001, 2):
        client.send(*resets(client, stream))
    assert (await client.get(3001)).status == 200


async def test_resets_are_no_frames_that_carry_nothing(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(waits, limits=Limits(control_frames=MOST, resets=0)))
    for stream in range(1, 501, 2):
        client.send(*resets(client, stream))
    assert (await client.get(501)).status == 200
