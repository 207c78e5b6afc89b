import re
import uuid
from typing import Any

import httpx
import pytest

from phasegate import ConfigError, Response
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import RequestId


async def ids(config: dict[str, Any], headers: Any = (), answer: Any = ()) -> tuple[list[str], list[str]]:
    """Return what the upstream and what the client gets."""
    plugin = make_plugin(RequestId, config)
    await plugin.open(make_services())
    name = config.get("header_name", "x-request-id")
    exchange, response = make_exchange(make_request(headers=headers)), Response(200, dict(answer))
    await run_phase(plugin, "rewrite", exchange)
    await run_phase(plugin, "response", exchange, response)
    return exchange.request.headers.get_all(name), response.headers.get_all(name)


@pytest.mark.parametrize(
    ("config", "form"),
    [
        ({}, None),
        ({"algorithm": "nanoid"}, "[A-Za-z0-9_-]{21}"),
        ({"algorithm": "range_id"}, "[A-Za-z0-9]{16}"),
        ({"algorithm": "range_id", "range_id": {"length": 9, "char_set": "abcdef"}}, "[a-f]{9}"),
    ],
)
async def test_a_request_without_an_id_gets_one(config: dict[str, Any], form: str | None) -> None:
    (first,), told = await ids({"header_name": "x-trace", **config})
    (second,), _ = await ids({"header_name": "x-trace", **config})
    assert told == [first]
    assert first != second
    if form is None:
        assert uuid.UUID(first).version == 4
    else:
        assert re.fullmatch(form, first)


async def test_a_client_s_id_is_kept() -> None:
    assert await ids({"header_name": "x-trace"}, {"x-trace": "abc-123"}) == (["abc-123"], ["abc-123"])


@pytest.mark.parametrize(
    "given", [["short"], ["a" * 129], ["a b c d e f"], ["<script>"], ["\u00e4bcdefg"], ["abcdef", "abcdef"], [""]]
)
async def test_what_is_no_id_is_replaced(given: list[str]) -> None:
    (sent,), told = await ids({"header_name": "x-trace"}, [("x-trace", value) for value in given])
    assert sent not in given
    assert told == [sent]


async def test_the_upstream_s_own_id_stays_in_the_answer() -> None:
    assert (await ids({}, {"x-request-id": "abc-123"}, {"x-request-id": "theirs"}))[1] == ["theirs"]


async def test_the_client_need_not_be_told() -> None:
    assert (await ids({"include_in_response": False}))[1] == []


async def test_a_request_that_no_rewrite_saw_has_none() -> None:
    plugin, response = make_plugin(RequestId), Response()
    await plugin.open(make_services())
    await run_phase(plugin, "response", make_exchange(), response)
    assert list(response.headers) == []


@pytest.mark.parametrize(
    "config",
    [
        {"header_name": "a b"},
        *({"header_name": name} for name in ("Host", "Content-Length", "X-Consumer-Username", "x_consumer_id")),
        *({"header_name": name} for name in ("Authorization", "Cookie", "X-Forwarded-For", "Connection")),
        {"header_name": "a\r\nb"},
        {"header_name": ""},
        {"algorithm": "serial"},
        {"range_id": {"length": 5}},
        {"range_id": {"length": 129}},
        {"range_id": {"char_set": "abcde"}},
        {"range_id": {"char_set": "abcde\r\n"}},
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(RequestId, config)


def test_an_algorithm_for_the_gateway_s_own_id_is_a_warning() -> None:
    assert [finding.level for finding in make_plugin(RequestId, {"algorithm": "nanoid"}).check()] == ["warning"]


async def test_on_a_gateway_all_see_the_same_id(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=500))
    route = {"id": "r", "uri": "/", "plugins": {"request-id": {}}, "upstream": {"nodes": {upstream.address: 1}}}
    gateway = await start_gateway({"routes": [route]}, [RequestId])
    async with httpx.AsyncClient() as client:
        made = await client.get(gateway.url)
        kept = await client.get(gateway.url, headers={"x-request-id": "mine-1234"})
    assert [received.get("x-request-id") for received in upstream.received] == [
        made.headers["x-request-id"],
        "mine-1234",
    ]
    assert kept.headers["x-request-id"] == "mine-1234"
