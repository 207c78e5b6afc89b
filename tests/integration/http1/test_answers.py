"""Answers are framed so that every client sees the same end, whatever the application says in their headers."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from phasegate import Request, Response
from phasegate.http.headers import Headers, RawHeaders
from phasegate.limits import Limits
from phasegate.server.serving import Protocol
from phasegate.testing.fixtures import GatewayMaker
from tests.http1_client import Client, request
from tests.integration.http1.conftest import Connect, Listen
from tests.zoo import Answers, Raises

Handler = Callable[[Request], Awaitable[Response]]


async def stream(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def answering(status: int = 200, raw: RawHeaders | None = None, *blocks: bytes, streams: bool = False) -> Handler:
    """Return a handler that answers so; with `streams` the blocks come one by one."""

    async def handler(received: Request) -> Response:
        body = stream(*blocks) if streams else b"".join(blocks)
        return Response(status, Headers.from_raw(list(raw or [])), body)

    return handler


both_kinds = pytest.mark.parametrize("streams", [False, True], ids=["bytes", "stream"])


@both_kinds
@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_body_have_none(
    listen: Listen, connect: Connect, mode: Protocol, status: int, streams: bool
) -> None:
    client = await connect(await listen(answering(status, [], b"abc", streams=streams), protocol=mode))
    answers = [await client.ask(request("GET", "/")) for _ in range(2)]
    assert [answer.status for answer in answers] == [status, status]
    assert answers[0].get("transfer-encoding") is None


async def test_204_has_no_length(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(answering(204, [(b"content-length", b"3")])))
    assert (await client.ask(request("GET", "/"))).get("content-length") is None


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 304)])
async def test_a_length_of_what_is_not_sent_may_stand(
    listen: Listen, connect: Connect, mode: Protocol, method: str, status: int
) -> None:
    client = await connect(await listen(answering(status, [(b"content-length", b"1234")]), protocol=mode))
    assert (await client.ask(request(method, "/"))).get("content-length") == "1234"


@both_kinds
async def test_head_gets_the_head_alone(listen: Listen, connect: Connect, mode: Protocol, streams: bool) -> None:
    client = await connect(await listen(answering(200, [], b"abc", b"def", streams=streams), protocol=mode))
    await client.ask(request("HEAD", "/"))
    assert (await client.ask(request("GET", "/"))).body == b"abcdef"


async def test_head_says_the_length_that_get_would_have(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(answering(200, [], b"abcdef")))
    assert (await client.ask(request("HEAD", "/"))).get("content-length") == "6"


async def test_an_empty_body_has_a_length(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(answering(200), protocol=mode))
    assert (await client.ask(request("GET", "/"))).get("content-length") == "0"


@pytest.mark.parametrize("length", [b"5", b"0", b"99", b"abc"])
async def test_the_length_of_a_body_is_never_believed(
    listen: Listen, connect: Connect, mode: Protocol, length: bytes
) -> None:
    client = await connect(await listen(answering(200, [(b"content-length", length)], b"abc"), protocol=mode))
    assert (await client.ask(request("GET", "/"))).body == b"abc"


async def test_a_stream_of_declared_length_is_not_chunked(listen: Listen, connect: Connect, mode: Protocol) -> None:
    handler = answering(200, [(b"content-length", b"6")], b"abc", b"def", streams=True)
    client = await connect(await listen(handler, protocol=mode))
    answer = await client.ask(request("GET", "/"))
    assert (answer.get("transfer-encoding"), answer.get("content-length"), answer.body) == (None, "6", b"abcdef")


async def test_a_stream_of_unknown_length_is_chunked(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(answering(200, [], b"abc", b"def", streams=True), protocol=mode))
    answer = await client.ask(request("GET", "/"))
    assert (answer.get("transfer-encoding"), answer.body) == ("chunked", b"abcdef")


@pytest.mark.parametrize("length", [b"abc", b"+6", b"6, 6", b"", b"-6", b"6 ", b"\xb2", b"0x6", b"9" * 30])
async def test_a_stream_whose_length_is_none_is_chunked(listen: Listen, connect: Connect, length: bytes) -> None:
    handler = answering(200, [(b"content-length", length)], b"abc", b"def", streams=True)
    client = await connect(await listen(handler))
    answer = await client.ask(request("GET", "/"))
    assert (answer.get("content-length"), answer.body) == (None, b"abcdef")


@pytest.mark.parametrize("lengths", [(b"3", b"4"), (b"x", b"3")])
async def test_of_two_lengths_one_is_sent(listen: Listen, connect: Connect, lengths: tuple[bytes, ...]) -> None:
    handler = answering(200, [(b"content-length", length) for length in lengths], b"abc", streams=True)
    client = await connect(await listen(handler))
    answer = await client.ask(request("GET", "/"))
    assert (answer.get("content-length"), answer.body) == ("3", b"abc")


async def test_empty_blocks_don_t_end_a_stream(listen: Listen, connect: Connect, mode: Protocol) -> None:
    handler = answering(200, [], b"", b"abc", b"", b"def", b"", streams=True)
    client = await connect(await listen(handler, protocol=mode))
    assert (await client.ask(request("GET", "/"))).body == b"abcdef"


@both_kinds
async def test_a_large_body_arrives_whole(listen: Listen, connect: Connect, mode: Protocol, streams: bool) -> None:
    blocks = [bytes([number]) * 70_000 for number in range(100)]
    client = await connect(await listen(answering(200, [], *blocks, streams=streams), protocol=mode))
    assert (await client.ask(request("GET", "/"))).body == b"".join(blocks)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (200, "OK"),
        (207, "Multi-Status"),
        (299, "Success"),
        (399, "Redirection"),
        (404, "Not Found"),
        (431, "Request Header Fields Too Large"),
        (499, "Client Error"),
        (599, "Server Error"),
    ],
)
async def test_the_status_line_has_a_reason(listen: Listen, connect: Connect, status: int, reason: str) -> None:
    client = await connect(await listen(answering(status)))
    answer = await client.ask(request("GET", "/"))
    assert (answer.status, answer.reason) == (status, reason)


@pytest.mark.parametrize("dates", [[], [b"Sat, 29 Nov 2021 16:08:27 GMT"], [b"one", b"two"]])
async def test_there_is_one_date(listen: Listen, connect: Connect, mode: Protocol, dates: list[bytes]) -> None:
    client = await connect(await listen(answering(200, [(b"date", date) for date in dates]), protocol=mode))
    found = (await client.ask(request("GET", "/"))).get_all("date")
    assert len(found) == 1
    assert not dates or found == [dates[0].decode()]


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (200, request("GET", "/found")),
        (404, request("GET", "/missing")),
        (500, request("GET", "/broken")),
        (400, request("GET", "/found", b"X : 1")),
        (413, request("POST", "/found", body=b"abc")),
        (414, request("GET", "/" + "a" * 9000)),
        (417, request("POST", "/found", b"Expect: 200-ok", body=b"a")),
        (431, request("GET", "/found", b"X: " + b"x" * 40_000)),
        (505, request("GET", "/found", version="2.0")),
    ],
)
async def test_every_answer_of_the_gateway_has_one_date_and_one_server(
    start_gateway: GatewayMaker, expected_errors: set[str], status: int, data: bytes
) -> None:
    if status == 500:
        expected_errors.add("request failed")
    routes = [
        {"id": "found", "uri": "/found", "plugins": {"answers": {}}},
        {"id": "broken", "uri": "/broken", "plugins": {"raises": {}}},
    ]
    gateway = await start_gateway({"routes": routes}, [Answers, Raises], limits=Limits(body_bytes=2))
    client = await Client.to(gateway.port)
    answer = await client.ask(data)
    client.close()
    assert (answer.status, len(answer.get_all("date")), answer.get_all("server")) == (status, 1, ["Phasegate"])


@pytest.mark.parametrize(
    "field",
    [
        (b"connection", b"close"),
        (b"connection", b"x-private"),
        (b"keep-alive", b"timeout=5"),
        (b"proxy-connection", b"close"),
        (b"proxy-authenticate", b"Basic"),
        (b"te", b"trailers"),
        (b"trailer", b"x-late"),
        (b"transfer-encoding", b"gzip"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
    ],
    ids=lambda field: b"=".join(field).decode(),
)
async def test_fields_of_the_connection_are_the_listener_s_own(
    listen: Listen, connect: Connect, mode: Protocol, field: tuple[bytes, bytes]
) -> None:
    client = await connect(await listen(answering(200, [field], b"abc"), protocol=mode))
    answer = await client.ask(request("GET", "/"))
    assert (answer.body, answer.get(field[0].decode())) == (b"abc", None)
    assert (await client.ask(request("GET", "/"))).status == 200


@both_kinds
@pytest.mark.parametrize(
    "field",
    [
        (b"x", b"a\r\nX-Evil: 1"),
        (b"x", b"a\r\n\r\nHTTP/1.1 200 OK\r\nX-Evil: 1\r\n\r\n"),
        (b"x", b"a\nX-Evil: 1"),
        (b"x", b"a\rX-Evil: 1"),
        (b"x", b"\r\n evil"),
        (b"x", b"a\0b"),
        (b"x\r\nx-evil", b"1"),
        (b"date", b"now\r\nX-Evil: 1"),
        (b"content-type", b"text/html\r\n"),
    ],
    ids=lambda field: repr(b": ".join(field)),
)
async def test_a_field_that_would_split_the_answer_makes_it_a_502(
    listen: Listen, connect: Connect, field: tuple[bytes, bytes], streams: bool
) -> None:
    client = await connect(await listen(answering(200, [field], b"abc", streams=streams)))
    answer = await client.ask(request("GET", "/"))
    assert (answer.status, answer.get("x-evil"), b"evil" in answer.body) == (502, None, False)
    assert answer.get_all("date") != ["now"]


async def test_an_answer_in_the_place_of_one_that_could_not_be_sent_leaves_the_connection_usable(
    listen: Listen, connect: Connect
) -> None:
    client = await connect(await listen(answering(200, [(b"x", b"\n")])))
    assert [(await client.ask(request("GET", "/"))).status for _ in range(2)] == [502, 502]


async def test_an_application_that_raises_is_a_500_with_one_server(
    listen: Listen, connect: Connect, expected_errors: set[str]
) -> None:
    expected_errors.add("answer failed")

    async def fails(request: Request) -> Response:
        raise RuntimeError("the zoo is on fire")

    answer = await (await connect(await listen(fails))).ask(request("GET", "/"))
    assert answer.status == 500
    assert answer.get_all("server") == ["Phasegate"]
