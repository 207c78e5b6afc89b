"""A listener that stops: what is under way finishes, what comes in time is answered, the rest is cut (section 6.8)."""

import asyncio
import contextlib
import ssl

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import GoAwayFrame

from phasegate import Request, Response
from phasegate.settings import TLS
from tests.http2_client import LAST_STREAM, Client, Connect, Gone, Listen, data, head, raw
from tests.listening import Listening

LAST_CALL = 0.1


@pytest.fixture(autouse=True)
def last_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the time between the two GOAWAYs shorter than the second that it is, and look more often whether it is over."""
    monkeypatch.setattr("phasegate.server.roster._SLOWEST_SWEEP_SECONDS", LAST_CALL / 4)
    monkeypatch.setattr("phasegate.server.roster.LAST_CALL_SECONDS", LAST_CALL)
    monkeypatch.setattr("phasegate.server.http2.connection.LAST_CALL_SECONDS", LAST_CALL)
    monkeypatch.setattr("phasegate.server.http2.connection._LINGER_SECONDS", LAST_CALL)


class Gate:
    """A handler that answers once it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, request: Request) -> Response:
        body = b"".join([block async for block in request.body])
        await self.open.wait()
        return Response(200, {}, body or b"here")


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
async def server(listen: Listen, gate: Gate) -> Listening:
    return await listen(gate, graceful_timeout=3.0)


async def told(client: Client, times: int = 1) -> None:
    """Wait until a client was told to go so often."""
    await client.until(lambda: len(client.goaways) >= times)


async def test_an_idle_client_is_told_twice_and_then_let_go(server: Listening, client: Client) -> None:
    await client.ping()
    server.stopping.set()
    assert await client.end() is ErrorCodes.NO_ERROR
    assert [goaway.last_stream_id for goaway in client.goaways] == [LAST_STREAM, 0]


async def test_what_is_under_way_finishes(server: Listening, client: Client, gate: Gate) -> None:
    client.send(client.headers(1), client.headers(3, head(method="POST"), end=False), data(3, b"half"))
    await server.application.begun(2)
    server.stopping.set()
    await told(client, 2)
    client.send(data(3, b"half", end=True))
    gate.open.set()
    assert [(await client.answer(stream)).body for stream in (1, 3)] == [b"here", b"halfhalf"]
    assert await client.end() is ErrorCodes.NO_ERROR
    assert client.goaways[-1].last_stream_id == 3


async def test_a_stream_that_was_on_its_way_is_answered(server: Listening, client: Client, gate: Gate) -> None:
    await client.ping()
    server.stopping.set()
    await told(client)
    client.send(client.headers(5))
    gate.open.set()
    assert (await client.answer(5)).body == b"here"
    await client.until_gone()
    assert [goaway.last_stream_id for goaway in client.goaways] == [LAST_STREAM, 5]


async def test_a_stream_that_comes_after_the_last_word_is_refused(
    server: Listening, client: Client, gate: Gate
) -> None:
    client.send(client.headers(1))
    await server.application.begun()
    server.stopping.set()
    await told(client, 2)
    client.send(client.headers(3))
    assert await client.reset_of(3) is ErrorCodes.REFUSED_STREAM
    gate.open.set()
    assert (await client.answer()).body == b"here"


async def test_every_stream_is_answered_or_known_not_to_be(server: Listening, client: Client, gate: Gate) -> None:
    gate.open.set()
    answered, stream = 0, 1
    await client.ping()
    server.stopping.set()
    with contextlib.suppress(Gone):
        while True:
            answer = await client.get(stream)
            answered, stream = answered + (answer.status == 200), stream + 2
    assert answered == (client.goaways[-1].last_stream_id + 1) // 2


async def test_a_large_answer_under_way_arrives_whole(listen: Listen, connect: Connect) -> None:
    async def handler(request: Request) -> Response:
        return Response(200, {}, bytes(3_000_000))

    server = await listen(handler, graceful_timeout=3.0)
    client = await connect(server)
    client.send(client.headers(1))
    await client.until(lambda: len(client.answers[1].received) > 100_000)
    server.stopping.set()
    assert len((await client.answer()).body) == 3_000_000
    assert await client.end() is ErrorCodes.NO_ERROR


async def test_what_does_not_finish_in_time_is_cut(listen: Listen, connect: Connect, gate: Gate) -> None:
    server = await listen(gate, graceful_timeout=LAST_CALL)
    client = await connect(server)
    client.send(client.headers(1))
    await server.application.begun()
    server.stopping.set()
    await client.until_gone()
    assert not client.answers[1].ended
    await server.serving
    assert server.connections == 0


async def test_a_client_that_says_goaway_itself_meanwhile_is_let_go(server: Listening, client: Client) -> None:
    await client.ping()
    server.stopping.set()
    await told(client)
    client.send(GoAwayFrame(0))
    await client.until_gone()


async def test_a_client_that_is_on_its_way_out_disturbs_nobody(
    server: Listening, connect: Connect, client: Client, gate: Gate
) -> None:
    breaker = await connect(server)
    await breaker.ping()
    breaker.send(raw(6))
    assert await breaker.end() is ErrorCodes.FRAME_SIZE_ERROR
    client.send(client.headers(1))
    await server.application.begun()
    server.stopping.set()
    await told(client)
    gate.open.set()
    assert (await client.answer()).body == b"here"
    assert await client.end() is ErrorCodes.NO_ERROR
    await asyncio.wait_for(server.serving, 5)


async def test_nobody_new_is_taken(server: Listening, client: Client, gate: Gate) -> None:
    client.send(client.headers(1))
    await server.application.begun()
    server.stopping.set()
    await told(client)
    with pytest.raises(ConnectionRefusedError):
        await Client.to(server.port)
    gate.open.set()
    await client.answer()


async def test_it_is_the_same_over_tls(
    listen: Listen, connect: Connect, gate: Gate, certificate: TLS, trust: ssl.SSLContext
) -> None:
    server = await listen(gate, graceful_timeout=3.0, tls=certificate)
    trust.set_alpn_protocols(["h2"])
    client = await connect(server, context=trust)
    client.send(client.headers(1, head(scheme="https")))
    await server.application.begun()
    server.stopping.set()
    await told(client, 2)
    gate.open.set()
    assert (await client.answer()).body == b"here"
    await client.until_gone()
    await asyncio.wait_for(server.serving, 3)
