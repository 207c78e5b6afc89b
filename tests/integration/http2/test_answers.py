"""What an answer looks like over HTTP/2, and a request to whoever answers it (RFC 9113 sections 8.1 to 8.3)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from phasegate import Request, Response
from phasegate.http.headers import Headers
from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker
from tests.http2_client import Client, Connect, Listen, data, head
from tests.listening import Listening


async def pieces(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def test_the_crumbs_of_a_cookie_are_joined(server: Listening, client: Client) -> None:
    crumbs = [("cookie", "a=1"), ("x-between", "x"), ("cookie", "b=2"), ("cookie", "c=3")]
    await client.get(1, head(fields=crumbs))
    assert server.application.requests[0].headers.get_all("cookie") == ["a=1; b=2; c=3"]


async def test_a_request_is_what_its_fields_say(server: Listening, client: Client) -> None:
    await client.get(1, head("/a%2Fb?c=d&c=e", [("x-field", "1"), ("x-field", "2")], authority="H.test:81"))
    request = server.application.requests[0]
    assert (request.method, request.path, request.query.raw) == ("GET", "/a%2Fb", "c=d&c=e")
    assert (request.host, request.port, request.headers.get_all("host")) == ("h.test", 81, ["H.test:81"])
    assert request.headers.get_all("x-field") == ["1", "2"]
    assert (request.http_version, request.scheme, request.peer) == ("2", "http", "127.0.0.1")


async def test_what_one_request_changes_is_not_seen_by_the_next_like_it(listen: Listen, connect: Connect) -> None:
    seen: list[list[str]] = []

    async def handler(request: Request) -> Response:
        seen.append([name for name, _ in request.headers])
        request.headers["x-added"] = "1"
        request.headers.remove("host")
        request.path = "/changed"
        return Response.text(request.path)

    server = await listen(handler)
    client = await connect(server)
    for stream in (1, 3, 5, 7):
        await client.get(stream, head(fields=[("x-field", "1")]))
    assert seen == [["host", "x-field"]] * 4


async def test_names_are_lower_case_and_fields_of_the_connection_stay_behind(listen: Listen, connect: Connect) -> None:
    named = {
        "X-Capital": "1",
        "Connection": "close",
        "Keep-Alive": "5",
        "Transfer-Encoding": "chunked",
        "Upgrade": "h3",
    }

    async def handler(request: Request) -> Response:
        return Response(200, Headers({**named, "proxy-connection": "close"}), b"body")

    client = await connect(await listen(handler))
    answer = await client.get(1)
    assert [name for name, _ in answer.fields] == [":status", "x-capital", "date", "content-length"]


async def test_several_fields_of_a_name_stay_several(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, Headers([("set-cookie", "a=1"), ("x", "1"), ("set-cookie", "b=2")]))

    client = await connect(await listen(handler))
    answer = await client.get(1)
    assert [value for name, value in answer.fields if name == "set-cookie"] == ["a=1", "b=2"]


@pytest.mark.parametrize("size", [20_000, 70_000])
async def test_a_head_larger_than_a_frame_is_continued(listen: Listen, connect: Connect, size: int) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {"x-long": "x" * size}, b"body")

    client = await connect(await listen(handler))
    answer = await client.get(1)
    assert (answer.get("x-long"), answer.body) == ("x" * size, b"body")


@pytest.mark.parametrize("status", [200, 201, 206, 299, 304, 404, 418, 503, 599])
async def test_any_status_arrives(listen: Listen, connect: Connect, status: int) -> None:
    async def handler(request: Request) -> Response:
        return Response(status)

    client = await connect(await listen(handler))
    assert (await client.get(1)).status == status


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404)])
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_has_no_body_ends_with_its_head(
    listen: Listen, connect: Connect, method: str, status: int, streamed: bool
) -> None:
    async def handler(request: Request) -> Response:
        return Response(status, {}, pieces(b"body") if streamed else b"body")

    client = await connect(await listen(handler))
    answer = await client.get(1, head(method=method))
    assert (answer.status, answer.ended, answer.frames) == (status, True, 0)


async def test_an_empty_answer_ends_with_its_head(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response(200)

    client = await connect(await listen(handler))
    answer = await client.get(1)
    assert (answer.get("content-length"), answer.frames) == ("0", 0)


async def test_head_has_the_length_of_the_body_that_is_not_sent(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response.text("12345")

    client = await connect(await listen(handler))
    assert (await client.get(1, head(method="HEAD"))).get("content-length") == "5"


async def test_a_streamed_answer_arrives_piece_by_piece(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()

    async def blocks() -> AsyncIterator[bytes]:
        yield b"first"
        yield b""
        await gate.wait()
        yield b"last"

    async def handler(request: Request) -> Response:
        return Response(200, {}, blocks())

    client = await connect(await listen(handler))
    client.send(client.headers(1))
    await client.until(lambda: client.answers[1].body == b"first")
    gate.set()
    answer = await client.answer()
    assert (answer.body, answer.get("content-length")) == (b"firstlast", None)


EXPECTS = head(method="POST", fields=[("expect", "100-continue"), ("content-length", "4")])


async def test_a_client_that_waits_is_told_to_continue_once_its_body_is_wanted(client: Client) -> None:
    client.send(client.headers(1, EXPECTS, end=False))
    await client.until(lambda: client.answers[1].interim == [100])
    client.send(data(1, b"body", end=True))
    answer = await client.answer()
    assert (answer.status, answer.body, answer.interim) == (200, b"body", [100])


async def test_a_client_that_waits_is_not_told_to_continue_where_nobody_wants_its_body(
    listen: Listen, connect: Connect
) -> None:
    async def handler(request: Request) -> Response:
        return Response.text("no", 403)

    client = await connect(await listen(handler))
    client.send(client.headers(1, EXPECTS, end=False))
    answer = await client.answer()
    assert (answer.status, answer.interim) == (403, [])


async def test_a_client_that_did_not_wait_is_not_told_to_continue(listen: Listen, connect: Connect) -> None:
    gate = asyncio.Event()

    async def handler(request: Request) -> Response:
        await gate.wait()
        return Response(200, {}, await request.body.read(100))

    client = await connect(await listen(handler))
    client.send(client.headers(1, EXPECTS, end=False), data(1, b"body", end=True))
    await client.ping()
    gate.set()
    answer = await client.answer()
    assert (answer.body, answer.interim) == (b"body", [])


async def test_a_client_without_a_body_is_not_told_to_continue(client: Client) -> None:
    answer = await client.get(1, head(fields=[("expect", "100-continue")]))
    assert (answer.status, answer.interim) == (200, [])


async def test_a_gateway_puts_one_date_and_one_server_on_its_answers(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gateway = await start_gateway(
        {"routes": [{"id": "all", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}}]}
    )
    dated = [
        ("Server", "upstream"),
        ("Date", "Sat, 29 Nov 2021 16:08:27 GMT"),
        ("Date", "Sun, 30 Nov 2021 16:08:27 GMT"),
    ]
    upstream.reply(Reply(headers=dated, body=b"body"), Reply(body=b"body"))
    client = await Client.to(gateway.port)
    answers = [await client.get(1), await client.get(3)]
    assert [answer.get("server") for answer in answers] == ["Phasegate", "Phasegate"]
    assert answers[0].get("date") == "Sat, 29 Nov 2021 16:08:27 GMT"
    assert (answers[1].get("date") or "").endswith(" GMT")
    client.close()


async def test_a_gateway_relays_large_bodies_both_ways(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gateway = await start_gateway(
        {"routes": [{"id": "all", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}}]}
    )
    upstream.reply(Reply(pieces=[b"y" * 50_000] * 20))
    client = await Client.to(gateway.port)
    client.send(client.headers(1, head(method="POST"), end=False))
    await client.upload(1, b"x" * 1_000_000)
    assert (await client.answer()).body == b"y" * 1_000_000
    assert upstream.received[0].body == b"x" * 1_000_000
    client.close()
