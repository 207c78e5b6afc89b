"""When a connection goes on, when it closes, and that an answer which breaks off never looks whole."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from phasegate import Request, Response
from phasegate.errors import RequestError, UpstreamTimeout
from phasegate.http.headers import Headers
from phasegate.server.serving import Protocol
from phasegate.testing.fixtures import GatewayMaker
from tests.http1_client import Client, Cut, request
from tests.integration.http1.conftest import Connect, Listen
from tests.listening import Scripted, ScriptedPassage, listening
from tests.zoo import Raises

Handler = Callable[[Request], Awaitable[Response]]
KEPT = b"Connection: keep-alive"


def streaming(*blocks: object, length: int | None = None) -> Handler:
    """Return a handler that streams blocks; an exception among them is raised."""

    async def stream() -> AsyncIterator[bytes]:
        for block in blocks:
            if isinstance(block, BaseException):
                raise block
            yield block  # type: ignore[misc]

    async def handler(received: Request) -> Response:
        fields = [] if length is None else [("content-length", str(length))]
        return Response(200, Headers(fields), stream())

    return handler


def raising(error: BaseException) -> Handler:
    async def handler(received: Request) -> Response:
        raise error

    return handler


async def test_http_1_1_goes_on_without_a_word(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(protocol=mode))
    answers = [await client.ask(request("GET", "/")) for _ in range(3)]
    assert [answer.get("connection") for answer in answers] == [None] * 3


@pytest.mark.parametrize("value", [b"close", b"Close", b"x, close", b"close, x"])
async def test_http_1_1_closes_when_asked(listen: Listen, connect: Connect, mode: Protocol, value: bytes) -> None:
    client = await connect(await listen(protocol=mode))
    answer = await client.ask(request("GET", "/", b"Connection: " + value))
    assert (answer.get("connection"), await client.rest()) == ("close", b"")


async def test_a_body_is_taken_before_the_connection_closes(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(protocol=mode))
    answer = await client.ask(request("POST", "/", b"Connection: close", body=b"abc"))
    assert (answer.body, await client.rest()) == (b"abc", b"")


async def test_http_1_0_closes(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(protocol=mode))
    answer = await client.ask(request("GET", "/", version="1.0"))
    assert (answer.status, answer.get("connection"), await client.rest()) == (200, "close", b"")


async def test_http_1_0_goes_on_when_asked_and_is_told_so(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen())
    answers = [await client.ask(request("GET", "/", KEPT, version="1.0")) for _ in range(2)]
    assert [answer.get("connection") for answer in answers] == ["keep-alive"] * 2


async def test_http_1_0_sees_the_end_of_a_stream_by_the_connection_s(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(streaming(b"abc", b"def")))
    answer = await client.ask(request("GET", "/", KEPT, version="1.0"))
    assert (answer.get("transfer-encoding"), answer.get("connection"), answer.body) == (None, "close", b"abcdef")


async def test_http_1_0_goes_on_behind_a_stream_of_declared_length(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(streaming(b"abc", b"def", length=6)))
    answers = [await client.ask(request("GET", "/", KEPT, version="1.0")) for _ in range(2)]
    assert [answer.body for answer in answers] == [b"abcdef"] * 2


@pytest.mark.parametrize("blocks", [(b"abc",), (b"abc", b"de"), ()])
async def test_a_stream_shorter_than_its_length_is_cut(
    listen: Listen, connect: Connect, blocks: tuple[bytes, ...]
) -> None:
    client = await connect(await listen(streaming(*blocks, length=6)))
    with pytest.raises(Cut) as caught:
        await client.ask(request("GET", "/"))
    assert caught.value.received == b"".join(blocks)


@pytest.mark.parametrize("blocks", [(b"abcdef", b"g"), (b"abcdefg",)])
async def test_a_stream_longer_than_its_length_never_goes_on_beyond_it(
    listen: Listen, connect: Connect, blocks: tuple[bytes, ...]
) -> None:
    server = await listen(streaming(*blocks, length=6))
    client = await connect(server)
    await client.send(request("GET", "/"))
    head, _, body = (await client.rest()).partition(b"\r\n\r\n")
    assert (head.count(b"HTTP/1.1"), body) == (1, b"abcdef" if len(blocks) == 2 else b"")
    assert "longer" in str(await server.application.ended())


@pytest.mark.parametrize("error", [RuntimeError("the stream is on fire"), UpstreamTimeout("too slow")])
async def test_a_stream_that_fails_is_cut_before_its_last_chunk(
    listen: Listen, connect: Connect, mode: Protocol, error: Exception
) -> None:
    client = await connect(await listen(streaming(b"half", error), protocol=mode))
    with pytest.raises(Cut) as caught:
        await client.ask(request("GET", "/"))
    assert caught.value.received == b"half"


async def test_a_stream_of_something_else_than_bytes_is_cut(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(streaming(b"half", "text")))
    with pytest.raises(Cut):
        await client.ask(request("GET", "/"))


@pytest.mark.parametrize("before", [b"half", b"x" * 500_000], ids=["small", "large"])
async def test_a_stream_that_fails_does_not_look_whole_to_http_1_0(
    listen: Listen, connect: Connect, before: bytes
) -> None:
    client = await connect(await listen(streaming(before, RuntimeError("the stream is on fire"))))
    await client.send(request("GET", "/", version="1.0"))
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_nothing_behind_an_answer_that_was_cut_is_served(listen: Listen, connect: Connect) -> None:
    server = await listen(streaming(b"half", RuntimeError("the stream is on fire")))
    client = await connect(server)
    await client.send(request("GET", "/a") + request("GET", "/b"))
    await client.rest()
    assert server.application.paths == ["/a"]


async def test_an_error_before_the_answer_is_told(listen: Listen, connect: Connect, mode: Protocol) -> None:
    client = await connect(await listen(raising(RequestError("a private cause")), protocol=mode))
    answer = await client.ask(request("GET", "/"))
    assert (answer.status, b'"code":"internal_error"' in answer.body, b"private" in answer.body) == (500, True, False)


async def test_an_exception_before_the_answer_is_told_without_its_words(
    listen: Listen, connect: Connect, mode: Protocol, expected_errors: set[str]
) -> None:
    expected_errors.add("answer failed")
    client = await connect(await listen(raising(RuntimeError("a private cause")), protocol=mode))
    answer = await client.ask(request("GET", "/"))
    assert (answer.status >= 500, b"private" in answer.body) == (True, False)


class Unable(Scripted):
    """An application that can't even begin."""

    def begin(self, request: Request, refused: RequestError | None = None) -> ScriptedPassage:
        raise RuntimeError("a private cause")


async def test_an_application_that_cannot_begin_leaves_nobody_waiting(
    mode: Protocol, expected_errors: set[str]
) -> None:
    expected_errors.add("request can't be begun")
    async with listening(Unable(), protocol=mode) as server:
        client = await Client.to(server.port)
        answer = await client.ask(request("GET", "/"))
        client.close()
    assert (answer.status, b"private" in answer.body) == (500, False)


async def test_a_plugin_that_raises_is_a_500_and_the_connection_goes_on(
    start_gateway: GatewayMaker, mode: Protocol, expected_errors: set[str]
) -> None:
    expected_errors.add("request failed")
    gateway = await start_gateway(
        {"routes": [{"id": "broken", "uri": "/*", "plugins": {"raises": {}}}]}, [Raises], protocol=mode
    )
    client = await Client.to(gateway.port)
    assert [(await client.ask(request("GET", "/"))).status for _ in range(2)] == [500, 500]
    client.close()


async def test_a_handler_that_cancels_itself_leaves_nobody_waiting(listen: Listen, connect: Connect) -> None:
    client = await connect(await listen(raising(asyncio.CancelledError())))
    await client.send(request("GET", "/"))
    assert await client.rest() == b""
