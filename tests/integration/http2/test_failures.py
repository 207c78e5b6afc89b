"""Answers that break off, clients that leave, and bodies that nobody reads."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from h2.errors import ErrorCodes

from phasegate import Request, Response
from phasegate.errors import ClientClosed, ResponseCut
from tests.http2_client import Client, Connect, Listen, data, head, raw, reset
from tests.listening import Listening

INTERNAL_ERROR = ErrorCodes.INTERNAL_ERROR


async def broken(request: Request) -> AsyncIterator[bytes]:
    """Yield half an answer, and fail as the path says."""
    yield b"half"
    if request.path == "/raises":
        raise RuntimeError("the zoo is on fire")
    if request.path == "/no-bytes":
        yield "text"  # type: ignore[misc]
    if request.path == "/cut":
        raise ResponseCut("the upstream left")


async def fails(request: Request) -> Response:
    """Answer with a body that fails; `/before` fails before its answer."""
    if request.path == "/before":
        raise ResponseCut("nothing came")
    if request.path == "/fine":
        return Response.text("fine")
    lengths = {"/longer": "3", "/shorter": "5"}
    return Response(200, {"content-length": lengths[request.path]} if request.path in lengths else {}, broken(request))


@pytest.fixture
async def failing(listen: Listen, connect: Connect) -> Client:
    return await connect(await listen(fails))


@pytest.mark.parametrize("path", ["/raises", "/no-bytes", "/cut", "/longer", "/shorter"])
async def test_an_answer_that_breaks_off_resets_its_stream_alone(failing: Client, path: str) -> None:
    answer = await failing.get(1, head(path))
    assert (answer.status, answer.ended, answer.reset) == (200, False, INTERNAL_ERROR)
    assert (await failing.get(3, head("/fine"))).body == b"fine"


async def test_an_answer_longer_than_its_length_is_cut_before_it_goes_beyond(failing: Client) -> None:
    assert len((await failing.get(1, head("/longer"))).body) <= 3


async def test_what_fails_before_its_answer_is_answered_by_its_error(failing: Client) -> None:
    assert (await failing.get(1, head("/before"))).status == 502


async def test_an_application_that_fails_is_500_or_its_like(
    listen: Listen, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(request: Request) -> Response:
        raise RuntimeError("the zoo is on fire")

    client = await connect(await listen(handler))
    assert (await client.get(1)).status >= 500
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == ["answer failed"]
    caplog.clear()


async def test_an_application_that_takes_no_request_in_is_a_500(
    listen: Listen, connect: Connect, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = await listen()
    client = await connect(server)
    begin = server.application.begin
    monkeypatch.setattr(server.application, "begin", None)
    assert (await client.get(1)).status == 500
    monkeypatch.setattr(server.application, "begin", begin)
    assert (await client.get(3)).status == 200
    assert [record.msg for record in caplog.records if record.levelname == "ERROR"] == ["request can't be begun"]
    caplog.clear()


async def test_an_application_that_is_cancelled_by_itself_resets_the_stream(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        raise asyncio.CancelledError

    client = await connect(await listen(handler))
    assert (await client.get(1)).reset is INTERNAL_ERROR
    await client.ping()


async def waits(request: Request) -> Response:
    """Never answer by itself; `/reads` waits for a body, and `/streams` in the middle of its answer."""
    if request.path == "/fine":
        return Response.text("fine")
    if request.path == "/reads":
        await request.body.read(1_000_000)
    if request.path == "/streams":
        return Response(200, {}, endless())
    await asyncio.Event().wait()
    raise AssertionError("nobody comes here")


async def endless() -> AsyncIterator[bytes]:
    yield b"first"
    await asyncio.Event().wait()


@pytest.fixture
async def waiting(listen: Listen) -> Listening:
    return await listen(waits)


@pytest.mark.parametrize("path", ["/waits", "/reads", "/streams"])
async def test_a_client_that_resets_a_stream_has_its_work_cancelled(
    waiting: Listening, connect: Connect, path: str
) -> None:
    client = await connect(waiting)
    client.send(client.headers(1, head(path, method="POST"), end=False))
    await waiting.application.begun()
    if path == "/streams":
        await client.until(lambda: client.answers[1].body == b"first")
    client.send(reset(1))
    assert isinstance(await waiting.application.ended(), ClientClosed)
    assert (await client.get(3, head("/fine"))).body == b"fine"


async def test_a_client_that_leaves_has_all_its_work_cancelled(waiting: Listening, connect: Connect) -> None:
    client, other = await connect(waiting), await connect(waiting)
    client.send(
        *[client.headers(stream, head(path)) for stream, path in ((1, "/waits"), (3, "/streams"), (5, "/waits"))]
    )
    other.send(other.headers(1, head("/waits")))
    await waiting.application.begun(4)
    client.close()
    await waiting.application.ended(3)
    assert [type(end) for end in waiting.application.ends] == [ClientClosed] * 3


async def test_work_that_is_cancelled_may_tidy_up_though_its_client_leaves_altogether(
    listen: Listen, connect: Connect
) -> None:
    tidying, tidied = asyncio.Event(), asyncio.Event()
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            tidying.set()
            await release.wait()
            tidied.set()
        raise AssertionError("nobody comes here")

    server = await listen(handler)
    client = await connect(server)
    client.send(client.headers(1))
    await server.application.begun()
    client.send(reset(1))
    await asyncio.wait_for(tidying.wait(), 5)
    client.close()
    while server.connections:
        await asyncio.sleep(0)
    release.set()
    assert isinstance(await server.application.ended(), ClientClosed)
    assert tidied.is_set()


async def test_an_answer_that_comes_though_it_was_cancelled_goes_nowhere(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Response.text("too late")

    server = await listen(handler)
    client = await connect(server)
    client.send(client.headers(1), client.headers(3))
    await server.application.begun(2)
    client.send(reset(1), b"\xff" + raw(0)[1:])
    assert await client.end() is ErrorCodes.FRAME_SIZE_ERROR
    await server.application.ended(2)
    assert not client.answers[3].fields


async def test_an_answer_that_is_whole_before_the_upload_asks_for_no_more(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response.text("enough", 403)

    client = await connect(await listen(handler))
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"x" * 1000))
    await client.until(lambda: client.answers[1].reset is not None)
    answer = client.answers[1]
    assert (answer.status, answer.body, answer.ended, answer.reset) == (403, b"enough", True, ErrorCodes.NO_ERROR)


async def test_what_was_on_its_way_after_an_early_answer_harms_nobody(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response.text("enough", 403)

    client = await connect(await listen(handler))
    client.send(client.headers(1, head(method="POST"), end=False))
    await client.until(lambda: client.answers[1].reset is not None)
    client.send(*[data(1, b"x" * 16_384)] * 15, data(1, b"", end=True))
    assert (await client.get(3)).body == b"enough"


async def test_a_stream_whose_answer_is_whole_and_upload_too_is_not_reset(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response.text("enough")

    client = await connect(await listen(handler))
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"x" * 1000, end=True))
    await client.answer()
    await client.ping()
    assert client.answers[1].reset is None


async def test_an_upload_that_nobody_reads_blocks_no_other_stream(waiting: Listening, connect: Connect) -> None:
    client = await connect(waiting)
    client.send(client.headers(1, head("/waits", method="POST"), end=False))
    await client.until(lambda: client.greeted)
    client.send(*[data(1, bytes(16_384))] * (client.settings[4] // 16_384))
    for stream in (3, 5, 7):
        assert (await client.get(stream, head("/fine"))).body == b"fine"


async def test_an_upload_that_nobody_reads_stops_at_its_window(waiting: Listening, connect: Connect) -> None:
    client = await connect(waiting)
    client.send(client.headers(1, head("/waits", method="POST"), end=False))
    await client.until(lambda: client.greeted)
    client.send(*[data(1, bytes(16_384))] * (client.settings[4] // 16_384), data(1, b"x"))
    assert await client.end() is ErrorCodes.FLOW_CONTROL_ERROR


async def test_an_answer_that_nobody_takes_blocks_no_other_stream(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, b"x" * (500_000 if request.path == "/large" else 10))

    client = await connect(await listen(handler), settings={4: 1000}, opens_windows=False)
    await client.ping()
    client.send(client.headers(1, head("/large")))
    await client.until(lambda: len(client.answers[1].received) == 1000)
    assert (await client.get(3)).body == b"x" * 10


async def test_a_reader_that_gives_up_in_the_middle_gives_the_window_back(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        async for _ in request.body:
            break
        return Response.text("enough")

    client = await connect(await listen(handler))
    for stream in range(1, 21, 2):
        client.send(client.headers(stream, head(method="POST"), end=False), *[data(stream, bytes(16_384))] * 16)
        await client.until(lambda stream=stream: client.answers[stream].ended)  # type: ignore[misc]
    assert (await client.get(21)).status == 200
