"""The limits of times and rates, as an HTTP/2 client meets them (docs/http.md)."""

import asyncio
from typing import Any

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame, PingFrame

from phasegate import Request, Response
from phasegate.limits import Limits
from tests.http2_client import LARGEST_WINDOW, PREFACE, Connect, Listen, data, head, raw, reset
from tests.listening import Listening

CALM = ErrorCodes.ENHANCE_YOUR_CALM
SOON = 0.1
# A time that a loaded machine does not take for what is done at once, and one that is longer.
LONG, LONGER = 1.0, 1.4
LATE = 30.0


def limited(**limits: Any) -> Limits:
    """Return limits of which only those given come soon."""
    times = dict.fromkeys(("head_timeout", "body_timeout", "idle_timeout", "write_timeout"), LATE)
    return Limits(**{**times, **limits})


async def gone(server: Listening) -> None:
    """Wait until the listener has no connection any more."""
    async with asyncio.timeout(5):
        while server.connections:
            await asyncio.sleep(0.01)


async def test_a_header_block_that_never_ends_ends_the_connection(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(head_timeout=SOON)))
    await client.ping()
    client.send(client.headers(1, whole=False))
    assert await client.end() is CALM


async def waits(request: Request) -> Response:
    """Answer all but `/waits`."""
    if request.path == "/waits":
        await asyncio.Event().wait()
    return Response.text("here")


@pytest.mark.parametrize("ending", [True, False])
async def test_a_header_block_that_never_ends_beside_a_request_ends_the_connection(
    listen: Listen, connect: Connect, ending: bool
) -> None:
    client = await connect(await listen(waits, limits=limited(head_timeout=SOON)))
    client.send(client.headers(1, head("/waits")))
    await client.ping()
    first = client.headers(3, whole=False)
    client.send(*([reset(1)] if ending else []), first)
    assert await client.end() is CALM


async def test_a_request_that_ends_beside_a_header_block_does_not_give_it_more_time(
    listen: Listen, connect: Connect
) -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return Response.text("here")

    server = await listen(handler, limits=limited(head_timeout=SOON))
    client = await connect(server, opens_windows=False)
    await client.ping()
    client.send(client.headers(1), client.headers(3, whole=False))
    await server.application.begun()
    release.set()
    assert await client.end() is CALM


UNENDING = {
    "a frame's head": raw(6, bytes(8))[:5],
    "a frame": raw(6, bytes(8))[:12],
    "HEADERS": raw(1, b"\x82\x84", flags=5, stream=1)[:10],
}


@pytest.mark.parametrize("part", UNENDING.values(), ids=UNENDING)
async def test_a_frame_that_never_ends_ends_the_connection(listen: Listen, connect: Connect, part: bytes) -> None:
    client = await connect(await listen(limits=limited(head_timeout=SOON)))
    await client.ping()
    client.send(part)
    assert await client.end() is CALM


async def test_a_preface_that_never_ends_closes_the_connection(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(head_timeout=SOON)), greets=False)
    client.send(PREFACE[:10])
    await client.until_gone()


async def test_a_client_that_only_connects_is_told_to_go(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(idle_timeout=SOON)))
    assert await client.end() is ErrorCodes.NO_ERROR


async def test_a_client_that_asks_no_more_is_told_to_go(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(idle_timeout=SOON)))
    assert (await client.get(1)).status == 200
    assert await client.end() is ErrorCodes.NO_ERROR
    assert client.goaways[-1].last_stream_id == 1


async def test_pings_keep_no_connection_open(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(idle_timeout=SOON, control_frames=0)))

    async def pings() -> None:
        while not client.gone:
            client.send(PingFrame(0))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(pings())
    assert await client.end() is ErrorCodes.NO_ERROR
    task.cancel()


async def test_a_request_under_way_keeps_its_connection_open(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(LONGER)
        return Response.text("here")

    client = await connect(await listen(handler, limits=limited(idle_timeout=LONG, head_timeout=LONG)))
    assert (await client.get(1)).status == 200
    assert not client.goaways


async def test_a_frame_that_comes_in_parts_does_not_make_a_connection_idle_sooner(
    listen: Listen, connect: Connect
) -> None:
    client = await connect(await listen(limits=limited(head_timeout=LONG)))
    await client.ping()
    ping = PingFrame(0, b"in parts").serialize()
    client.send(ping[:12])
    await asyncio.sleep(0.02)
    client.send(ping[12:])
    await asyncio.sleep(LONGER)
    assert (await client.get(1)).status == 200
    assert not client.goaways


async def test_frames_that_come_in_parts_one_after_another_each_have_their_time(
    listen: Listen, connect: Connect
) -> None:
    client = await connect(await listen(limits=limited(head_timeout=LONG)))
    await client.ping()
    ping = PingFrame(0, b"in parts").serialize()
    client.send(ping[:12])
    for _ in range(8):
        await asyncio.sleep(LONGER / 8)
        client.send(ping[12:] + ping[:12])
    client.send(ping[12:])
    await client.until(lambda: len(client.pongs) == 10)
    assert not client.goaways


async def test_a_body_that_stalls_is_408(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(body_timeout=SOON)))
    client.send(client.headers(1, head(method="POST"), end=False), data(1, bytes(100)))
    answer = await client.answer()
    assert (answer.status, b'"code":"request_timeout"' in answer.body) == (408, True)
    assert (await client.get(3)).status == 200


async def test_a_body_that_trickles_is_408(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(body_timeout=SOON, body_rate=10_000, control_frames=0)))
    client.send(client.headers(1, head(method="POST"), end=False))

    async def trickle() -> None:
        while not client.answers[1].over:
            client.send(data(1, b"x" * 16))
            await asyncio.sleep(SOON / 5)

    task = asyncio.create_task(trickle())
    await client.until(lambda: client.answers[1].ended)
    assert client.answers[1].status == 408
    task.cancel()


async def test_a_body_that_nobody_waits_for_may_take_its_time(listen: Listen, connect: Connect) -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return Response(200, {}, await request.body.read(1000))

    client = await connect(await listen(handler, limits=limited(body_timeout=SOON)))
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"body"))
    await asyncio.sleep(2 * SOON)
    client.send(data(1, b"body", end=True))
    await client.ping()
    release.set()
    assert (await client.answer()).body == b"bodybody"


async def large(request: Request) -> Response:
    """Answer `/small` in brief, and all else at length."""
    return Response(200, {}, b"here" if request.path == "/small" else bytes(8_000_000))


async def test_a_window_that_stays_shut_resets_its_stream(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(large, limits=limited(write_timeout=SOON)), opens_windows=False)
    client.open(0, 1000)
    client.send(client.headers(1))
    assert await client.reset_of(1) is ErrorCodes.CANCEL
    assert (await client.get(3, head("/small"))).body == b"here"


async def test_a_window_that_opens_byte_by_byte_resets_its_stream(listen: Listen, connect: Connect) -> None:
    limits = limited(write_timeout=SOON, body_rate=10_000, control_frames=0)
    client = await connect(await listen(large, limits=limits), settings={4: 1}, opens_windows=False)
    await client.ping()
    client.send(client.headers(1))

    async def trickle() -> None:
        while not client.answers[1].over:
            client.open(1, 1)
            await asyncio.sleep(SOON / 5)

    task = asyncio.create_task(trickle())
    assert await client.reset_of(1) is ErrorCodes.CANCEL
    task.cancel()


@pytest.mark.parametrize("size", [300_000, 8_000_000])
async def test_a_client_that_does_not_read_is_cut_off(listen: Listen, connect: Connect, size: int) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, bytes(size))

    server = await listen(handler, limits=limited(write_timeout=SOON))
    client = await connect(server, settings={4: LARGEST_WINDOW >> 1}, receive_buffer=4096)
    client.open(0, LARGEST_WINDOW >> 1)
    client.send(*[client.headers(stream) for stream in range(1, 40, 2)])
    await server.application.begun()
    await gone(server)


async def test_a_client_that_does_not_read_is_cut_off_though_its_answers_are_done(
    listen: Listen, connect: Connect
) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"x-long": "x" * 60_000})

    server = await listen(handler, limits=limited(write_timeout=SOON))
    client = await connect(server, receive_buffer=4096)
    client.send(*[client.headers(stream) for stream in range(1, 200, 2)])
    await server.application.ended(100)
    await gone(server)


async def test_a_client_that_reads_slowly_is_not_cut_off(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(large, limits=limited(write_timeout=LONG)), receive_buffer=65_536)
    client.send(client.headers(1))
    for size in range(0, 2_000_000, 200_000):
        await client.until(lambda size=size: len(client.answers[1].received) > size)  # type: ignore[misc]
        await asyncio.sleep(LONGER / 10)
    assert (await client.answer()).ended


async def test_an_old_connection_is_told_twice_and_loses_no_stream(
    listen: Listen, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return Response.text("here")

    monkeypatch.setattr("phasegate.server.http2.connection.LAST_CALL_SECONDS", LONG)
    server = await listen(handler, limits=limited(connection_age=0.05, body_timeout=0.1))
    client = await connect(server)
    await client.ping()
    await asyncio.sleep(0.1)
    client.send(client.headers(1))
    await client.until(lambda: bool(client.goaways))
    client.send(client.headers(3))
    await server.application.begun(2)
    release.set()
    assert [(await client.answer(stream)).status for stream in (1, 3)] == [200, 200]
    assert await client.end() is ErrorCodes.NO_ERROR
    assert [goaway.last_stream_id for goaway in client.goaways] == [LARGEST_WINDOW, 3]


async def test_a_connection_that_is_not_old_stays(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=limited(connection_age=0)))
    assert [(await client.get(stream)).status for stream in (1, 3, 5)] == [200] * 3
    assert not client.goaways


async def test_the_end_of_an_answer_waits_for_a_client_that_takes_its_time(
    listen: Listen, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, bytes(60_000))

    monkeypatch.setattr("phasegate.server.http2.connection._LINGER_SECONDS", LONG)
    monkeypatch.setattr("phasegate.server.roster._SLOWEST_SWEEP_SECONDS", SOON / 4)
    server = await listen(handler, limits=limited(), send_buffer=16_384)
    client = await connect(server, receive_buffer=4096)
    client.send(client.headers(1), GoAwayFrame(0))
    await server.application.ended()
    await asyncio.sleep(LONGER)
    assert len((await client.answer()).body) == 60_000
    await client.until_gone()
