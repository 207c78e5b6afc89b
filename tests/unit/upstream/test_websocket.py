import pytest

from phasegate import Body, Origin
from phasegate.errors import UpstreamTimeout, UpstreamUnreachable
from phasegate.testing import FakeUpstream, Reply
from phasegate.upstream.call import Call, CallTimeouts
from phasegate.upstream.client import UpstreamClient


def handshake(address: str, target: str = "/") -> Call:
    return Call(
        method="GET",
        origin=Origin("http", address),
        target=target,
        headers=[(b"host", b"h")],
        body=Body(),
        timeouts=CallTimeouts(connect=0.1, send=0.1, head=0.1, gap=0.1),
    )


async def test_a_handshake_that_is_not_answered_is_not_for_the_next_node(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))
    client = UpstreamClient()
    with pytest.raises(UpstreamTimeout) as raised:
        await client.open_websocket(handshake(upstream.address))
    assert upstream.received
    assert raised.value.sent
    await client.close()


async def test_a_handshake_with_nobody_there_is(unused_tcp_port: int) -> None:
    client = UpstreamClient()
    with pytest.raises(UpstreamUnreachable) as raised:
        await client.open_websocket(handshake(f"127.0.0.1:{unused_tcp_port}"))
    assert not raised.value.sent
    await client.close()


async def test_a_redirect_is_the_answer_and_is_not_followed(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=302, headers={"location": f"http://{upstream.address}/elsewhere"}))
    client = UpstreamClient()
    response, socket = await client.open_websocket(handshake(upstream.address))
    assert (response.status, socket) == (302, None)
    assert response.headers.get("location") == f"http://{upstream.address}/elsewhere"
    assert len(upstream.received) == 1
    await client.close()


async def test_a_handshake_that_is_not_answered_is_made_once(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(raw=b"", close=True))
    client = UpstreamClient()
    with pytest.raises(UpstreamUnreachable) as raised:
        await client.open_websocket(handshake(upstream.address))
    assert raised.value.sent
    assert len(upstream.received) == 1
    await client.close()


async def test_a_handshake_goes_on_the_wire_as_it_is(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=403))
    client = UpstreamClient()
    await client.open_websocket(handshake(upstream.address, "/%7ea%2Fb//c?d=%7e&e=a+b"))
    received = upstream.received[0]
    assert received.target == "/%7ea%2Fb//c?d=%7e&e=a+b"
    assert {name for name, _ in received.headers} == {
        "host",
        "upgrade",
        "connection",
        "sec-websocket-version",
        "sec-websocket-key",
    }
    await client.close()
