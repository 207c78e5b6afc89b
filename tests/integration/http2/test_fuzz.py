"""Bytes that no client means, over real sockets; more of it, without sockets, is in tests/unit/server/http2."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.http2_client import PREFACE, Connect, Listen, head, raw
from tests.http2_client import settings as set_to

pytestmark = pytest.mark.long

FRAMES = st.builds(
    lambda kind, payload, flags, stream: raw(kind, payload, flags=flags, stream=stream),
    st.integers(0, 11),
    st.one_of(st.binary(max_size=40), st.sampled_from([b"\x82\x84\x86\x41\x01h", b"\0\0\0\1", bytes(8)])),
    st.one_of(st.sampled_from([0, 1, 4, 5]), st.integers(0, 255)),
    st.integers(0, 6),
)
NOISE = st.one_of(
    st.lists(FRAMES, max_size=15).map(b"".join),
    st.binary(max_size=300),
)
FEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@given(NOISE, st.booleans())
@FEW
async def test_no_bytes_keep_a_listener_from_serving_others(
    listen: Listen, connect: Connect, noise: bytes, greeted: bool
) -> None:
    server = await listen()
    noisy, other = await connect(server, greets=False), await connect(server)
    noisy.send(PREFACE + (set_to({}) if greeted else b""), noise)
    assert (await other.get(1)).status == 200
    noisy.close()
    other.close()
    server.stopping.set()
    await asyncio.wait_for(server.serving, 5)
    assert server.connections == 0


@given(st.lists(st.integers(0, 400), max_size=10))
@FEW
async def test_a_request_that_comes_in_any_pieces_is_answered(
    listen: Listen, connect: Connect, places: list[int]
) -> None:
    server = await listen()
    client = await connect(server, greets=False)
    request = client.headers(1, head("/pieces", [("x-long", "y" * 300)])).serialize()
    sent, start = PREFACE + set_to({}) + request, 0
    for place in sorted(places):
        client.send(sent[start:place])
        await asyncio.sleep(0)
        start = max(start, place)
    client.send(sent[start:])
    assert (await client.answer()).status == 200
    client.close()
