"""Snapshots prepared and swapped by a gateway, without sockets."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.application import finish
from phasegate.gateway import Gateway, GatewayPassage, _identified
from phasegate.http.headers import RawHeaders
from phasegate.http.passing import Passing
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.store.records import Record
from phasegate.testing import make_request
from tests.zoo import Lives, Named, Token

FIELDS = st.lists(
    st.tuples(st.sampled_from([b"x-request-id", b"accept"]), st.sampled_from([b"", b"?", b"12345678", b"87654321"])),
    max_size=3,
)


@pytest.fixture
def gateway() -> Gateway:
    Lives.events.clear()
    return Gateway(Schemas(Registry([Lives, Named, Token])))


def lives(*tags: str) -> dict[str, Any]:
    return {"routes": [{"id": tag, "uri": f"/{tag}", "plugins": {"lives": {"tag": tag}}} for tag in tags]}


async def answer(gateway: Gateway, target: str = "/", **headers: str) -> tuple[int, bytes]:
    passage = gateway.begin(make_request(target=target, headers=headers))
    response = await passage.answer()
    body = b"".join([block async for block in response.stream()])
    await finish(passage, None, len(body))
    return response.status, body


async def test_metadata_that_changes_is_read_by_the_instance_that_was_there_before(gateway: Gateway) -> None:
    route = {"id": "r", "uri": "/", "plugins": {"named": {}}}
    gateway.swap(await gateway.prepare({"routes": [route]}))
    assert await answer(gateway) == (200, b"nobody said")
    metadata = Record("plugin_metadata", "named", {"id": "named", "greeting": "hi"}, 1, 1)
    gateway.swap(await gateway.prepare({"routes": [route]}, {metadata.key: metadata}))
    assert await answer(gateway) == (200, b"hi")
    await gateway.close()


async def test_a_credential_that_is_written_lets_its_consumer_in_and_one_that_is_gone_nobody(gateway: Gateway) -> None:
    document = {
        "consumers": [{"username": "jack"}],
        "routes": [{"id": "r", "uri": "/", "plugins": {"token": {}, "lives": {}}}],
    }
    credential = Record("credentials", "jack/1", {"id": "1", "plugins": {"token": {"token": "$env://T"}}}, 1, 1)
    gateway.swap(await gateway.prepare(document, {credential.key: credential}, {"$env://T": "sesame"}))
    assert (await answer(gateway, **{"x-token": "sesame"}))[0] == 200
    gateway.swap(await gateway.prepare(document))
    assert (await answer(gateway, **{"x-token": "sesame"}))[0] == 401
    await gateway.close()


async def test_what_a_candidate_takes_over_stays_open_though_others_are_swapped_in_meanwhile(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, may_open = asyncio.Event(), asyncio.Event()
    monkeypatch.setattr(Lives, "hanging", hanging)
    monkeypatch.setattr(Lives, "may_open", may_open)
    slow = {"id": "slow", "uri": "/slow", "plugins": {"lives": {"tag": "slow", "hangs": True}}}
    gateway.swap(await gateway.prepare(lives("a")))
    preparing = asyncio.create_task(gateway.prepare({"routes": [*lives("a")["routes"], slow]}))
    await hanging.wait()
    gateway.swap(await gateway.prepare({}))
    may_open.set()
    gateway.swap(await preparing)
    assert await answer(gateway, "/a") == (200, b"a 1")
    assert Lives.events == ["open a", "open slow"]
    await gateway.close()


async def test_a_closer_that_fails_keeps_neither_the_others_nor_the_snapshot(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    gateway.swap(await gateway.prepare(lives("a")))
    passage = gateway.begin(make_request(target="/a"))
    assert isinstance(passage, GatewayPassage)
    closed: list[str] = []
    passage._exchange.defer(lambda: closed.append("first"))
    passage._exchange.defer(lambda: closed.remove("second"))
    await passage.answer()
    await finish(passage, None, 0)
    gateway.swap(await gateway.prepare({}))
    await gateway.close()
    assert closed == ["first"]
    assert Lives.events == ["open a", "close a"]
    assert "closer failed" in caplog.text


@pytest.mark.parametrize("fields", [{}, {"x-request-id": "12345678"}, {"x-request-id": "?"}])
async def test_no_change_of_a_requests_fields_reaches_the_listeners_list(
    gateway: Gateway, fields: dict[str, str]
) -> None:
    request = make_request(headers=fields)
    kept = request.headers.raw
    before = [*kept]
    passage = gateway.begin(request)
    request.headers.raw.append((b"x-added", b"in place"))
    await finish(passage, None, 0)
    assert kept == before
    await gateway.close()


async def test_what_a_plugin_writes_into_the_parameters_is_gone_with_the_request(gateway: Gateway) -> None:
    gateway.swap(await gateway.prepare(lives("a")))
    for _ in range(2):
        passage = gateway.begin(make_request(target="/a"))
        assert isinstance(passage, GatewayPassage)
        assert passage._exchange.params == {}
        passage._exchange.params["x"] = "written"
        await finish(passage, None, 0)
    await gateway.close()


@given(FIELDS, st.none() | FIELDS)
def test_what_a_connection_remembers_of_its_fields_changes_no_id(said: RawHeaders, others: RawHeaders | None) -> None:
    plain, known = make_request(), make_request()
    plain.headers.raw = known.headers.raw = said if others is None else others
    known.passing = Passing(said)
    ids = [_identified(request) for request in (plain, known)]
    assert ids[0] == ids[1] or not set(ids) & {"12345678", "87654321"}
    assert [request.headers.raw[0] for request in (plain, known)] == [(b"x-request-id", id_.encode()) for id_ in ids]
    assert plain.headers.raw[1:] == known.headers.raw[1:]
    assert b"x-request-id" not in dict(known.headers.raw[1:])
