"""What the client promises, held against a server that answers byte for byte as told."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
import trustme

from phasegate import BadRequest, Body, Headers, PayloadTooLarge, Response
from phasegate.errors import (
    ClientClosed,
    MalformedResponse,
    RequestError,
    ResponseCut,
    UpstreamTimeout,
    UpstreamTLSFailed,
    UpstreamUnreachable,
)
from phasegate.model import UpstreamTLS
from phasegate.server.inbound_body import InboundBody
from phasegate.testing import FakeUpstream, Reply, fake_upstream
from phasegate.upstream.answers import Answer
from phasegate.upstream.call import Call, CallTimeouts, ConnectionOptions, Origin
from phasegate.upstream.client import UpstreamClient

TIMEOUTS = CallTimeouts(connect=2.0, send=2.0, head=2.0, gap=2.0)
SHORT = 0.15
# A time that a loaded machine does not take for what is done at once, and one that is longer.
LONG, LONGER = 1.0, 1.4


Send = Callable[[Call], Awaitable[Answer]]


@pytest.fixture
async def send() -> AsyncIterator[Send]:
    """Makes calls, and closes every answer at the end as a caller must."""
    client = UpstreamClient()
    answers: list[Answer] = []

    async def send_one(call: Call) -> Answer:
        answers.append(await client.send(call))
        return answers[-1]

    yield send_one
    for answer in answers:
        answer.close()
    await client.close()


def call(
    upstream: FakeUpstream,
    method: str = "GET",
    target: str = "/",
    *,
    address: str | None = None,
    connection: ConnectionOptions = ConnectionOptions(),  # noqa: B008 (frozen)
    **fields: object,
) -> Call:
    origin = Origin(upstream.scheme, address or upstream.address, connection)
    given = {"headers": [(b"host", b"function.test")], "body": Body(), "timeouts": TIMEOUTS, **fields}
    return Call(method=method, origin=origin, target=target, **given)  # type: ignore[arg-type]


async def test_what_is_asked_for_goes_on_the_wire_and_nothing_else(send: Send, upstream: FakeUpstream) -> None:
    await send(call(upstream, target="/a%2Fb//c;d=1?b=2&a=%20&b=%zz"))
    assert upstream.received[0].head == b"GET /a%2Fb//c;d=1?b=2&a=%20&b=%zz HTTP/1.1\r\nhost: function.test"


async def test_a_body_goes_with_its_declared_length(send: Send, upstream: FakeUpstream) -> None:
    headers = [(b"host", b"h"), (b"content-length", b"3")]
    await send(call(upstream, "POST", headers=headers, body=Body(b"abc")))
    assert upstream.received[0].head == b"POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 3"
    assert upstream.received[0].body == b"abc"


async def test_a_body_of_unknown_length_goes_in_chunks(send: Send, upstream: FakeUpstream) -> None:
    await send(call(upstream, "PUT", body=Body.streaming(blocks(b"ab", b"c"), None)))
    assert upstream.received[0].get("transfer-encoding") == "chunked"
    assert upstream.received[0].body == b"abc"


async def test_a_body_of_unknown_length_goes_in_chunks_though_it_is_here(send: Send, upstream: FakeUpstream) -> None:
    inbound = InboundBody(lambda _: None)
    inbound.feed(b"abc")
    inbound.end()
    await asyncio.wait_for(send(call(upstream, "PUT", body=Body.incoming(inbound, None))), 4)
    assert upstream.received[0].body == b"abc"


async def test_an_answer_comes_with_every_field_as_sent(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=418, headers=[("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X", "ü")], body=b"tea"))
    answer = await send(call(upstream))
    assert answer.status == 418
    assert answer.headers.get_all("set-cookie") == ["a=1", "b=2"]
    assert answer.headers.get("x") == "ü"
    assert await answer.read() == b"tea"


def test_an_answer_that_is_here_whole_is_like_any_other() -> None:
    one, other = Answer.of(200, [(b"x", b"1")], b"ok"), Answer(200, [(b"x", b"1")], b"ok")
    assert all(getattr(one, name) == getattr(other, name) for name in (*Answer.__slots__, *Response.__slots__))
    assert not one.streams


async def test_redirects_cookies_and_encodings_are_the_clients_own_affair(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(
        Reply(status=302, headers={"location": "/x", "set-cookie": "a=1", "content-encoding": "gzip"}, body=b"\x1f")
    )
    answer = await send(call(upstream))
    assert (answer.status, await answer.read()) == (302, b"\x1f")
    await send(call(upstream))
    assert upstream.received[1].get("cookie") is None


async def test_a_stream_arrives_piece_by_piece(send: Send, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"one", b"two"], gate=gate))
    stream = (await send(call(upstream))).stream()
    assert await anext(stream) == b"one"
    gate.set()
    assert [block async for block in stream] == [b"two"]


async def test_connections_are_kept(send: Send, upstream: FakeUpstream) -> None:
    for _ in range(3):
        await (await send(call(upstream))).read()
    assert upstream.connections == 1


async def test_without_keepalive_every_request_has_its_own_connection(send: Send, upstream: FakeUpstream) -> None:
    for _ in range(2):
        await (await send(call(upstream, connection=ConnectionOptions(keepalive=False)))).read()
    assert upstream.connections == 2
    assert upstream.received[0].get("connection") == "close"


async def test_a_connection_is_not_kept_longer_than_asked(send: Send, upstream: FakeUpstream) -> None:
    for _ in range(2):
        await (await send(call(upstream, connection=ConnectionOptions(keepalive_seconds=0)))).read()
    assert upstream.connections == 2


RAW_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def test_a_safe_request_is_repeated_once_when_its_kept_connection_had_closed(
    send: Send, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(body=b"first"), Reply(raw=b"", close=True), Reply(body=b"again"))
    await (await send(call(upstream))).read()
    assert await (await send(call(upstream))).read() == b"again"
    assert len(upstream.received) == 3


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_no_other_request_is_ever_repeated(send: Send, upstream: FakeUpstream, method: str) -> None:
    upstream.reply(Reply(body=b"first"), Reply(raw=b"", close=True), Reply(body=b"again"))
    await (await send(call(upstream))).read()
    with pytest.raises(UpstreamUnreachable):
        await send(call(upstream, method))
    assert len(upstream.received) == 2


async def test_on_a_fresh_connection_nothing_is_repeated(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(raw=b"", close=True))
    with pytest.raises(UpstreamUnreachable):
        await send(call(upstream))
    assert len(upstream.received) == 1


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", UpstreamUnreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Le", UpstreamUnreachable),
        (b"garbage\r\n\r\n", MalformedResponse),
        (b"HTTP/1.1 200 OK\r\nbroken header\r\n\r\n", MalformedResponse),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 40_000 + b"\r\n\r\n", MalformedResponse),
        (b"SSH-2.0-OpenSSH_9.2\r\n", MalformedResponse),
    ],
)
async def test_what_is_no_answer_is_told_apart(
    send: Send, upstream: FakeUpstream, raw: bytes, error: type[RequestError]
) -> None:
    upstream.reply(Reply(raw=raw, close=True))
    with pytest.raises(error, match=upstream.address):
        await send(call(upstream))


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    ],
)
async def test_a_body_that_breaks_off_is_an_error(send: Send, upstream: FakeUpstream, raw: bytes) -> None:
    upstream.reply(Reply(raw=raw, close=True))
    answer = await send(call(upstream))
    with pytest.raises(ResponseCut):
        await answer.read()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"HTTP/1.1 199 Early\r\nContent-Length: 0\r\n\r\n", None),
        (b"HTTP/1.1 600 Strange\r\nContent-Length: 0\r\n\r\n", "answered with status 600"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx", "a Transfer-Encoding that is not chunked"),
    ],
)
async def test_a_status_or_coding_that_none_can_have(
    send: Send, upstream: FakeUpstream, raw: bytes, message: str | None
) -> None:
    upstream.reply(Reply(raw=raw, close=True))
    with pytest.raises(MalformedResponse if message else RequestError, match=message):
        await send(call(upstream))


@pytest.mark.parametrize(
    ("method", "target"), [("GET", "/a b"), ("GET", "/a\r\nx: y"), ("GET", "a"), ("G T", "/"), ("GET", "/\x80")]
)
async def test_what_would_be_another_request_is_not_sent(
    send: Send, upstream: FakeUpstream, method: str, target: str
) -> None:
    with pytest.raises(BadRequest, match="can't be sent"):
        await send(call(upstream, method, target))
    assert not upstream.received


async def test_a_field_of_thirty_kilobytes_comes_through(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(headers={"x-big": "a" * 30_000}))
    assert len((await send(call(upstream))).headers.get("x-big") or "") == 30_000


async def test_fetching_gives_the_whole_answer(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=201, headers={"x": "1"}, pieces=[b"ab", b"c"]))
    client = UpstreamClient()
    url = f"{upstream.url}/path?a=%20"
    answer = await client.fetch(url, method="POST", headers=Headers({"accept": "a/b"}), body=b"asked")
    await client.close()
    assert (answer.status, answer.body, answer.headers.get("x")) == (201, b"abc", "1")
    received = upstream.received[0]
    assert (received.method, received.target, received.body) == ("POST", "/path?a=%20", b"asked")
    assert received.headers == [("host", upstream.address), ("content-length", "5"), ("accept", "a/b")]


async def test_fetching_has_limits(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(body=b"x" * 11), Reply(hang=True))
    client = UpstreamClient()
    with pytest.raises(ResponseCut, match="over 10 bytes"):
        await client.fetch(upstream.url, limit_bytes=10)
    with pytest.raises(UpstreamTimeout):
        await client.fetch(upstream.url, timeout_seconds=SHORT)
    await client.close()


async def test_nobody_there(send: Send, upstream: FakeUpstream) -> None:
    nowhere = call(upstream, address="127.0.0.1:1")
    with pytest.raises(UpstreamUnreachable, match=r"can't connect to 127\.0\.0\.1:1"):
        await send(nowhere)


async def test_a_name_that_does_not_resolve(send: Send, upstream: FakeUpstream) -> None:
    with pytest.raises(UpstreamUnreachable, match=r"can't connect to nowhere\.invalid"):
        await send(call(upstream, address="nowhere.invalid:80"))


async def test_a_head_that_takes_too_long(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))
    with pytest.raises(UpstreamTimeout, match="did not answer in time"):
        await send(call(upstream, timeouts=replace(TIMEOUTS, head=SHORT)))


async def test_the_heads_time_may_run_from_the_start(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))
    with pytest.raises(UpstreamTimeout):
        await send(call(upstream, timeouts=replace(TIMEOUTS, head=SHORT, head_from_start=True)))


async def test_half_a_head_that_never_ends(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(raw=b"HTTP/1.1 200 OK\r\nX:"))
    with pytest.raises(UpstreamTimeout):
        await send(call(upstream, timeouts=replace(TIMEOUTS, head=SHORT)))


async def test_a_gap_that_is_too_long(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(pieces=[b"one", b"two"], gate=asyncio.Event()))
    answer = await send(call(upstream, timeouts=replace(TIMEOUTS, gap=SHORT)))
    with pytest.raises(UpstreamTimeout, match="in the middle"):
        await answer.read()


async def test_a_whole_answer_that_takes_too_long(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(pieces=[b"one", b"two"], gate=asyncio.Event()))
    answer = await send(call(upstream, timeouts=replace(TIMEOUTS, whole=SHORT)))
    with pytest.raises(UpstreamTimeout):
        await answer.read()


async def test_waiting_for_the_clients_body_does_not_count(send: Send, upstream: FakeUpstream) -> None:
    async def slow() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(LONGER)
        yield b"b"

    timeouts = replace(TIMEOUTS, send=LONG, head=LONG)
    answer = await send(call(upstream, "POST", body=Body.streaming(slow(), None), timeouts=timeouts))
    assert answer.status == 200
    assert upstream.received[0].body == b"ab"


async def test_waiting_for_the_reader_does_not_count(send: Send, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    gate.set()
    upstream.reply(Reply(pieces=[b"one", b"two"], gate=gate))
    stream = (await send(call(upstream, timeouts=replace(TIMEOUTS, gap=LONG)))).stream()
    first = await anext(stream)
    await asyncio.sleep(LONGER)
    assert first + b"".join([block async for block in stream]) == b"onetwo"


async def test_an_upstream_that_stops_reading(send: Send) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(1 << 20)

    async with listening(stubborn) as address:
        with pytest.raises(UpstreamTimeout):
            await send(
                Call(
                    method="POST",
                    origin=Origin("http", address),
                    target="/",
                    headers=[(b"host", b"h")],
                    body=Body.streaming(endless(), None),
                    timeouts=replace(TIMEOUTS, send=SHORT),
                )
            )


@pytest.mark.parametrize("failure", [ClientClosed("gone"), PayloadTooLarge("too much")])
async def test_why_an_upload_failed_is_what_is_told(send: Send, upstream: FakeUpstream, failure: RequestError) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"a"
        raise failure

    with pytest.raises(type(failure)):
        await send(call(upstream, "POST", body=Body.streaming(failing(), None)))


async def test_an_abandoned_call_closes_its_connection(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))
    task = asyncio.ensure_future(send(call(upstream)))
    await upstream.arrived()
    task.cancel()
    await asyncio.wait_for(upstream.left.wait(), 5)


async def test_an_answer_that_is_closed_early_closes_its_connection(send: Send, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(pieces=[b"one", b"two"], gate=asyncio.Event()), Reply(body=b"next"))
    answer = await send(call(upstream))
    answer.close()
    assert await (await send(call(upstream))).read() == b"next"
    assert upstream.connections == 2


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def secure_upstream(authority: trustme.CA) -> AsyncIterator[FakeUpstream]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1", "function.test").configure_cert(context)
    async with fake_upstream(context) as server:
        yield server


async def test_an_untrusted_certificate_is_refused_by_default(send: Send, secure_upstream: FakeUpstream) -> None:
    with pytest.raises(UpstreamTLSFailed, match="certificate"):
        await send(call(secure_upstream))
    assert not secure_upstream.received


async def test_verification_can_be_turned_off(send: Send, secure_upstream: FakeUpstream) -> None:
    answer = await send(call(secure_upstream, connection=ConnectionOptions(tls=UpstreamTLS(verify=False))))
    assert answer.status == 200


async def test_tls_to_a_server_that_speaks_none(send: Send) -> None:
    async with listening(in_clear) as address:
        with pytest.raises(UpstreamTLSFailed):
            await send(
                Call(
                    method="GET",
                    origin=Origin("https", address),
                    target="/",
                    headers=[],
                    body=Body(),
                    timeouts=TIMEOUTS,
                )
            )


async def blocks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(0)
        yield part


async def stubborn(writer: asyncio.StreamWriter) -> None:
    """Never read, never answer."""


async def in_clear(writer: asyncio.StreamWriter) -> None:
    """Answer without TLS."""
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@contextlib.asynccontextmanager
async def listening(serve: Callable[[asyncio.StreamWriter], Awaitable[None]]) -> AsyncIterator[str]:
    """Run a server that reads nothing by itself; yield its address."""
    writers: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await serve(writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=1024)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in writers:
        writer.transport.abort()
