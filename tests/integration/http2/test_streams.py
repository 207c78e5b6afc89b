"""The life of a stream, and how many there may be (RFC 9113 section 5.1)."""

import asyncio

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import ContinuationFrame, Frame, PriorityFrame

from phasegate import Request, Response
from phasegate.limits import Limits
from tests.http2_client import Act, Client, Connect, Listen, data, head, raw, reset, window

PROTOCOL_ERROR, STREAM_CLOSED = ErrorCodes.PROTOCOL_ERROR, ErrorCodes.STREAM_CLOSED
FRAME_SIZE_ERROR = ErrorCodes.FRAME_SIZE_ERROR


async def forever(request: Request) -> Response:
    """Answer all but `/waits`."""
    if request.path == "/waits":
        await asyncio.Event().wait()
    return Response.text("here")


@pytest.fixture
async def waiting(listen: Listen, connect: Connect) -> Client:
    """A client whose stream 1 is half closed, and waits for its answer."""
    server = await listen(forever)
    client = await connect(server)
    client.send(client.headers(1, head("/waits")))
    await server.application.begun()
    return client


@pytest.fixture
async def after_reset(waiting: Client) -> Client:
    """A client that has reset its stream 1."""
    waiting.send(reset(1))
    await waiting.ping()
    return waiting


@pytest.fixture
async def after_reset_long_ago(after_reset: Client) -> Client:
    """A client that has reset its stream 1, and had others since."""
    await after_reset.get(3)
    return after_reset


@pytest.fixture
async def after_end(listen: Listen, connect: Connect) -> Client:
    """A client whose stream 1 is closed, since both sides have ended it."""
    client = await connect(await listen(forever))
    await client.get(1)
    return client


IDLE: dict[str, Act] = {
    "DATA": lambda client: [data(1, b"x", end=True)],
    "RST_STREAM": lambda client: [reset(1)],
    "WINDOW_UPDATE": lambda client: [window(1, 100)],
    "CONTINUATION": lambda client: [ContinuationFrame(1, b"", flags=["END_HEADERS"])],
    "DATA on a stream of the server's": lambda client: [client.headers(3), data(2, b"x", end=True)],
    "RST_STREAM on a stream of the server's": lambda client: [client.headers(3), reset(2)],
    "WINDOW_UPDATE on a stream of the server's": lambda client: [client.headers(3), window(2, 100)],
}


@pytest.mark.parametrize("act", IDLE.values(), ids=IDLE)
async def test_nothing_but_headers_and_priority_may_come_on_an_idle_stream(client: Client, act: Act) -> None:
    client.send(*act(client))
    assert await client.end() is PROTOCOL_ERROR


async def test_a_priority_on_an_idle_stream_does_not_open_it(client: Client) -> None:
    client.send(PriorityFrame(5, stream_weight=1), PriorityFrame(2, stream_weight=1))
    assert (await client.get(1)).status == 200


ENDED: dict[str, Act] = {
    "DATA": lambda client: [data(1, b"x" * 20, end=True)],
    "empty DATA": lambda client: [data(1)],
    "HEADERS": lambda client: [client.headers(1)],
    "trailers": lambda client: [client.headers(1, [(b"x-trailer", b"1")])],
}


@pytest.mark.parametrize("act", ENDED.values(), ids=ENDED)
async def test_a_stream_that_its_client_has_ended_takes_no_more(waiting: Client, act: Act) -> None:
    waiting.send(*act(waiting))
    assert await waiting.reset_of(1) is STREAM_CLOSED
    assert (await waiting.get(3)).status == 200


@pytest.mark.parametrize("act", ENDED.values(), ids=ENDED)
async def test_a_stream_that_its_client_has_reset_takes_no_more(after_reset: Client, act: Act) -> None:
    after_reset.send(*act(after_reset))
    assert await after_reset.reset_of(1) is STREAM_CLOSED
    assert (await after_reset.get(3)).status == 200


async def test_data_on_a_closed_stream_is_an_error_of_the_stream(after_end: Client) -> None:
    after_end.send(data(1, b"x" * 20))
    await after_end.until(lambda: after_end.answers[1].reset is not None)
    assert after_end.answers[1].reset is STREAM_CLOSED
    assert (await after_end.get(3)).status == 200


async def test_headers_on_a_closed_stream_end_the_connection(after_end: Client) -> None:
    after_end.send(after_end.headers(1))
    assert await after_end.end() is STREAM_CLOSED


@pytest.fixture(params=["waiting", "after_reset", "after_reset_long_ago", "after_end"])
def any_state(request: pytest.FixtureRequest) -> Client:
    """A client in each of the states."""
    client: Client = request.getfixturevalue(request.param)
    return client


async def test_continuation_ends_the_connection_whatever_the_stream(any_state: Client) -> None:
    any_state.send(ContinuationFrame(1, b"", flags=["END_HEADERS"]))
    assert await any_state.end() is PROTOCOL_ERROR


async def test_what_may_cross_an_answer_is_ignored_on_every_stream(any_state: Client) -> None:
    any_state.send(window(1, 100), PriorityFrame(1, stream_weight=9), reset(1), reset(1))
    any_state.send(window(1, 100), PriorityFrame(1, stream_weight=9))
    assert (await any_state.get(5)).status == 200


NUMBERS: dict[str, Act] = {
    "even": lambda client: [client.headers(2)],
    "lower than another": lambda client: [client.headers(5), client.headers(3)],
    "even and lower": lambda client: [client.headers(5), client.headers(4)],
}


@pytest.mark.parametrize("act", NUMBERS.values(), ids=NUMBERS)
async def test_a_stream_of_a_wrong_number_ends_the_connection(client: Client, act: Act) -> None:
    client.send(*act(client))
    assert await client.end() is PROTOCOL_ERROR


async def test_numbers_may_be_left_out(client: Client) -> None:
    assert (await client.get(7)).status == 200
    assert (await client.get(0x7FFFFFFF)).status == 200


async def test_one_stream_too_many_is_refused_and_the_others_go_on(listen: Listen, connect: Connect) -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return Response.text("here")

    client = await connect(await listen(handler, limits=Limits(streams=2)))
    client.send(*[client.headers(stream) for stream in (1, 3, 5)])
    assert await client.reset_of(5) is ErrorCodes.REFUSED_STREAM
    assert client.settings[3] == 2
    release.set()
    assert [(await client.answer(stream)).status for stream in (1, 3)] == [200, 200]
    assert (await client.get(7)).status == 200


async def test_a_stream_that_was_refused_may_still_send_what_was_on_its_way(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(forever, limits=Limits(streams=1)))
    client.send(client.headers(1, head("/waits")), client.headers(3, end=False), data(3, b"x" * 100))
    client.send(client.headers(3, [(b"x-trailer", b"1")]))
    await client.until(lambda: client.answers[3].reset is not None)
    client.send(reset(1))
    await client.ping()
    assert (await client.get(5)).status == 200


SELVES: dict[str, Act] = {
    "PRIORITY": lambda client: [PriorityFrame(1, depends_on=1)],
    "HEADERS": lambda client: [dependent(client, 1)],
}


def dependent(client: Client, on: int, *, stream: int = 1) -> Frame:
    """Return HEADERS of a stream with the priority that RFC 7540 had."""
    frame = client.headers(stream)
    frame.flags.add("PRIORITY")
    frame.depends_on, frame.stream_weight = on, 15
    return frame


@pytest.mark.parametrize("act", SELVES.values(), ids=SELVES)
async def test_a_stream_that_depends_on_itself_ends_the_connection(client: Client, act: Act) -> None:
    client.send(*act(client))
    assert await client.end() is PROTOCOL_ERROR


async def test_a_later_stream_that_depends_on_itself_ends_the_connection_too(client: Client) -> None:
    assert (await client.get(1)).status == 200
    client.send(dependent(client, 3, stream=3))
    assert await client.end() is PROTOCOL_ERROR


async def test_a_priority_within_headers_is_ignored(client: Client) -> None:
    client.send(dependent(client, 99))
    assert (await client.answer()).status == 200
    client.send(dependent(client, 99, stream=3))
    assert (await client.answer(3)).status == 200


async def test_a_priority_within_headers_that_is_cut_short_ends_the_connection(client: Client) -> None:
    assert (await client.get(1)).status == 200
    client.send(raw(1, bytes(4), flags=0x25, stream=3))
    assert await client.end() is FRAME_SIZE_ERROR
