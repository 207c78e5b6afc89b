"""Each kind of frame, and what it may not be (RFC 9113 section 6)."""

import asyncio

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame, HeadersFrame, PingFrame, PushPromiseFrame

from phasegate import Request, Response
from phasegate.errors import ClientClosed
from phasegate.limits import Limits
from tests.http2_client import LARGEST_WINDOW, Act, Client, Connect, Listen, data, head, raw, settings, window
from tests.listening import Listening

PROTOCOL_ERROR, FRAME_SIZE_ERROR = ErrorCodes.PROTOCOL_ERROR, ErrorCodes.FRAME_SIZE_ERROR
FLOW_CONTROL_ERROR = ErrorCodes.FLOW_CONTROL_ERROR


def padded(client: Client, padding: int, *, length: int | None = None, priority: bool = False) -> bytes:
    """Return a request in HEADERS with so much padding, which may say that there is more of it."""
    block = client.headers(1).data
    said = padding if length is None else length
    payload = bytes([said]) + (bytes(5) if priority else b"") + block + bytes(padding)
    return raw(1, payload, flags=0x0D | (0x20 if priority else 0), stream=1)


def post(client: Client) -> HeadersFrame:
    """Return the head of a request with a body, on stream 1."""
    return client.headers(1, head(method="POST"), end=False)


FAULTS: dict[str, tuple[ErrorCodes, Act]] = {
    "DATA on the connection": (PROTOCOL_ERROR, lambda client: [raw(0, b"x" * 20, flags=1)]),
    "DATA of nothing but padding's length": (
        PROTOCOL_ERROR,
        lambda client: [post(client), raw(0, b"\x05abcd", flags=8, stream=1)],
    ),
    "DATA with more padding than there is": (
        PROTOCOL_ERROR,
        lambda client: [post(client), raw(0, b"\xffabcd", flags=8, stream=1)],
    ),
    "DATA without the length of its padding": (
        FRAME_SIZE_ERROR,
        lambda client: [post(client), raw(0, flags=8, stream=1)],
    ),
    "HEADERS on the connection": (PROTOCOL_ERROR, lambda client: [raw(1, b"\x82", flags=5)]),
    "HEADERS with more padding than there is": (PROTOCOL_ERROR, lambda client: [padded(client, 0, length=255)]),
    "HEADERS with padding over their block": (
        PROTOCOL_ERROR,
        lambda client: [padded(client, 2, length=12, priority=True)],
    ),
    "HEADERS without the length of their padding": (FRAME_SIZE_ERROR, lambda client: [raw(1, flags=0x0D, stream=1)]),
    "HEADERS with half a priority": (FRAME_SIZE_ERROR, lambda client: [raw(1, b"\0\0", flags=0x25, stream=1)]),
    "PRIORITY on the connection": (PROTOCOL_ERROR, lambda client: [raw(2, bytes(5))]),
    "PRIORITY cut short": (FRAME_SIZE_ERROR, lambda client: [raw(2, bytes(4), stream=1)]),
    "PRIORITY too long": (FRAME_SIZE_ERROR, lambda client: [raw(2, bytes(6), stream=1)]),
    "RST_STREAM on the connection": (PROTOCOL_ERROR, lambda client: [raw(3, bytes(4))]),
    "RST_STREAM cut short": (FRAME_SIZE_ERROR, lambda client: [client.headers(1), raw(3, bytes(3), stream=1)]),
    "RST_STREAM too long": (FRAME_SIZE_ERROR, lambda client: [client.headers(1), raw(3, bytes(5), stream=1)]),
    "SETTINGS on a stream": (PROTOCOL_ERROR, lambda client: [raw(4, stream=1)]),
    "SETTINGS of no whole number": (FRAME_SIZE_ERROR, lambda client: [raw(4, bytes(7))]),
    "SETTINGS acknowledged with settings": (FRAME_SIZE_ERROR, lambda client: [raw(4, bytes(6), flags=1)]),
    "SETTINGS without number": (
        ErrorCodes.ENHANCE_YOUR_CALM,
        lambda client: [settings(dict.fromkeys(range(100, 133), 0))],
    ),
    "ENABLE_PUSH of 2": (PROTOCOL_ERROR, lambda client: [settings({2: 2})]),
    "INITIAL_WINDOW_SIZE of 2^31": (FLOW_CONTROL_ERROR, lambda client: [settings({4: 1 << 31})]),
    "MAX_FRAME_SIZE of 2^14 - 1": (PROTOCOL_ERROR, lambda client: [settings({5: (1 << 14) - 1})]),
    "MAX_FRAME_SIZE of 2^24": (PROTOCOL_ERROR, lambda client: [settings({5: 1 << 24})]),
    "PUSH_PROMISE": (
        PROTOCOL_ERROR,
        lambda client: [client.headers(1), PushPromiseFrame(1, 2, b"\x82", flags=["END_HEADERS"])],
    ),
    "PUSH_PROMISE of more": (PROTOCOL_ERROR, lambda client: [client.headers(1), PushPromiseFrame(1, 2, b"\x82")]),
    "PUSH_PROMISE cut short": (PROTOCOL_ERROR, lambda client: [client.headers(1), raw(5, b"\0", stream=1, flags=4)]),
    "PING on a stream": (PROTOCOL_ERROR, lambda client: [raw(6, bytes(8), stream=1)]),
    "PING cut short": (FRAME_SIZE_ERROR, lambda client: [raw(6, bytes(7))]),
    "PING too long": (FRAME_SIZE_ERROR, lambda client: [raw(6, bytes(9))]),
    "GOAWAY on a stream": (PROTOCOL_ERROR, lambda client: [raw(7, bytes(8), stream=1)]),
    "GOAWAY cut short": (FRAME_SIZE_ERROR, lambda client: [raw(7, bytes(7))]),
    "WINDOW_UPDATE of 0 on the connection": (PROTOCOL_ERROR, lambda client: [raw(8, bytes(4))]),
    "WINDOW_UPDATE of 0 on a stream": (PROTOCOL_ERROR, lambda client: [post(client), raw(8, bytes(4), stream=1)]),
    "WINDOW_UPDATE cut short": (FRAME_SIZE_ERROR, lambda client: [raw(8, bytes(3))]),
    "WINDOW_UPDATE too long": (FRAME_SIZE_ERROR, lambda client: [raw(8, bytes(5))]),
    "a window of the connection beyond 2^31 - 1": (FLOW_CONTROL_ERROR, lambda client: [window(0, LARGEST_WINDOW)]),
    "windows of streams beyond 2^31 - 1": (
        FLOW_CONTROL_ERROR,
        lambda client: [post(client), window(1, LARGEST_WINDOW - 65_535), settings({4: 65_536})],
    ),
}


@pytest.mark.parametrize(("code", "act"), FAULTS.values(), ids=FAULTS)
async def test_what_no_frame_may_be_ends_the_connection(client: Client, code: ErrorCodes, act: Act) -> None:
    client.send(*act(client))
    assert await client.end() is code


@pytest.mark.parametrize("padding", [0, 1, 255])
async def test_padding_of_data_is_no_part_of_the_body(client: Client, padding: int) -> None:
    client.send(post(client), data(1, b"body", padding=padding), data(1, b"", padding=padding, end=True))
    assert (await client.answer()).body == b"body"


@pytest.mark.parametrize("priority", [True, False])
@pytest.mark.parametrize("padding", [0, 1, 255])
async def test_padding_of_headers_is_no_part_of_the_block(client: Client, padding: int, priority: bool) -> None:
    client.send(padded(client, padding, priority=priority))
    assert (await client.answer()).status == 200


async def test_padding_is_given_back_to_the_window(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(limits=Limits(control_frames=0)))
    client.send(post(client))
    await client.until(lambda: client.greeted)
    before = client.settings[4]
    for _ in range(2 * before // 256):
        client.send(data(1, b"", padding=255))
    client.send(data(1, b"", end=True))
    assert (await client.answer()).status == 200


@pytest.mark.parametrize(
    "values",
    [
        {},
        {0x99: 1},
        {2: 0},
        {2: 1},
        dict.fromkeys(range(100, 132), 0),
        {1: 0},
        {3: 0},
        {4: 0},
        {5: (1 << 24) - 1},
        {6: 0},
        {8: 1},
    ],
)
async def test_settings_are_acknowledged(client: Client, values: dict[int, int]) -> None:
    client.set(values)
    await client.until(lambda: client.acknowledged == 2)
    await client.ping()


async def test_settings_count_in_their_order(client: Client) -> None:
    await client.ping()
    client.send(raw(4, b"\0\4\0\0\0\0" + b"\0\4\0\0\0\3"))
    client.window = 3
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"12345", end=True))
    await client.until(lambda: client.answers[1].body == b"123")
    await client.ping()
    assert client.answers[1].body == b"123"


async def test_a_ping_is_answered_by_the_same_word(client: Client) -> None:
    client.send(PingFrame(0, b"01234567"), PingFrame(0, b"\0\xff\0\xff\0\xff\0\xff"))
    await client.until(lambda: len(client.pongs) == 2)
    assert client.pongs == [b"01234567", b"\0\xff\0\xff\0\xff\0\xff"]


async def test_an_acknowledged_ping_is_not_answered(client: Client) -> None:
    client.send(PingFrame(0, b"answered", flags=["ACK"]))
    await client.ping(b"question")
    assert client.pongs == [b"question"]


async def test_a_ping_is_answered_though_no_window_is_open(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(), settings={4: 0})
    client.send(client.headers(1, head(method="POST"), end=False), data(1, b"x" * 100, end=True))
    await client.ping()
    assert client.answers[1].body == b""


@pytest.mark.parametrize("code", [ErrorCodes.NO_ERROR, ErrorCodes.PROTOCOL_ERROR, 0xFFFF])
async def test_a_clients_goaway_lets_what_is_under_way_finish(listen: Listen, connect: Connect, code: int) -> None:
    release = asyncio.Event()

    async def handler(request: Request) -> Response:
        await release.wait()
        return Response.text("finished")

    client = await connect(await listen(handler))
    client.send(client.headers(1), client.headers(3), GoAwayFrame(0, 0, code, b"words"))
    await client.ping()
    release.set()
    assert [(await client.answer(stream)).body for stream in (1, 3)] == [b"finished", b"finished"]
    await client.until_gone()


async def test_a_clients_goaway_without_streams_ends_the_connection(client: Client) -> None:
    await client.get(1)
    client.send(GoAwayFrame(0))
    await client.until_gone()


async def test_a_client_learns_that_what_it_asks_behind_its_goaway_is_not_done(client: Client) -> None:
    await client.get(1)
    client.send(GoAwayFrame(0), client.headers(3))
    assert await client.end() is ErrorCodes.NO_ERROR
    assert client.goaways[-1].last_stream_id == 1


async def test_the_reserved_bit_of_a_window_is_ignored(client: Client) -> None:
    client.send(raw(8, (0x80000001).to_bytes(4, "big")))
    assert (await client.get(1)).status == 200


async def test_a_stream_window_beyond_all_measure_resets_the_stream(client: Client, server: Listening) -> None:
    client.send(post(client))
    await server.application.begun()
    client.send(window(1, LARGEST_WINDOW))
    assert await client.reset_of(1) is FLOW_CONTROL_ERROR
    await server.application.ended()
    assert (await client.get(3)).status == 200


async def test_the_largest_windows_may_be_opened(client: Client) -> None:
    client.send(post(client), window(0, LARGEST_WINDOW - 65_535), window(1, LARGEST_WINDOW - 65_535))
    client.send(data(1, b"body", end=True))
    assert (await client.answer()).body == b"body"


@pytest.mark.parametrize("code", [ErrorCodes.CANCEL, ErrorCodes.NO_ERROR, 0xFFFFFFFF])
async def test_a_reset_of_any_code_is_taken(client: Client, server: Listening, code: int) -> None:
    client.send(post(client))
    await server.application.begun()
    client.send(raw(3, code.to_bytes(4, "big"), stream=1))
    assert isinstance(await server.application.ended(), ClientClosed)
    assert (await client.get(3)).status == 200
