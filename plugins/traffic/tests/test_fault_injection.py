import asyncio
import random
from typing import Any

import httpx
import pytest

from phasegate import ConfigError, Response
from phasegate.testing import FakeUpstream, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import FaultInjection

XSS = "/?x=%3Cb%3E%22%0d%0aset-cookie:%20a"


async def opened(config: dict[str, Any]) -> FaultInjection:
    plugin = make_plugin(FaultInjection, config)
    await plugin.open(make_services())
    return plugin


async def answer(config: dict[str, Any], target: str = "/") -> Response | None:
    plugin = await opened(config)
    response: Response | None = await run_phase(plugin, "rewrite", make_exchange(make_request("GET", target)))
    return response


async def test_an_abort_answers() -> None:
    config = {"http_status": 503, "body": "down for $remote_addr", "headers": {"retry-after": 30, "x-q": "$arg_x"}}
    response = await answer({"abort": config}, XSS)
    assert response is not None
    assert (response.status, response.body) == (503, b"down for 192.0.2.1")
    assert sorted(response.headers) == [
        ("content-type", "text/plain; charset=utf-8"),
        ("retry-after", "30"),
        ("x-q", '<b>"%0D%0Aset-cookie: a'),
    ]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/html", b"&lt;b&gt;&quot;\r\nset-cookie: a"), ("application/json", b'<b>\\"\\r\\nset-cookie: a')],
)
async def test_no_value_of_a_client_is_markup(content_type: str, body: bytes) -> None:
    abort = {"http_status": 500, "body": "$arg_x", "headers": {"content-type": content_type}}
    response = await answer({"abort": abort}, XSS)
    assert response is not None
    assert response.body == body


@pytest.mark.parametrize(
    ("conditions", "target", "aborts"),
    [
        ([[["arg_a", "==", "1"]]], "/?a=1", True),
        ([[["arg_a", "==", "1"]]], "/?a=2", False),
        ([["arg_a", "==", "1"]], "/?a=1", True),
        ([[["arg_a", "==", "1"], ["arg_b", "==", "2"]]], "/?a=1", False),
        ([[["arg_a", "==", "1"], ["arg_b", "==", "2"]]], "/?a=1&b=2", True),
        ([[["arg_a", "==", "1"]], [["arg_b", "==", "2"]]], "/?b=2", True),
    ],
)
async def test_one_of_vars_has_to_hold(conditions: list[Any], target: str, *, aborts: bool) -> None:
    assert (await answer({"abort": {"http_status": 500, "vars": conditions}}, target) is not None) is aborts


@pytest.mark.parametrize(("percentage", "least", "most"), [(0, 0, 0), (100, 1000, 1000), (30, 250, 350)])
async def test_a_share_of_requests_is_aborted(percentage: int, least: int, most: int) -> None:
    plugin = await opened({"abort": {"http_status": 500, "percentage": percentage}})
    plugin._chance = random.Random(7)
    answers = [await run_phase(plugin, "rewrite", make_exchange()) for _ in range(1000)]
    assert least <= sum(response is not None for response in answers) <= most


async def test_a_delay_comes_before_the_abort(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert await answer({"delay": {"duration": 2.5}}) is None
    assert await answer({"delay": {"duration": 1, "percentage": 0}}) is None
    assert await answer({"delay": {"duration": 3, "vars": [[["uri", "==", "/x"]]]}}, "/x") is None
    assert await answer({"delay": {"duration": 4, "vars": [[["uri", "==", "/x"]]]}}, "/y") is None
    response = await answer({"delay": {"duration": 5}, "abort": {"http_status": 418}})
    assert response is not None
    assert slept == [2.5, 3, 5]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "abort: is required"),
        ({"abort": {}}, "abort.http_status"),
        ({"abort": {"http_status": 199}}, "abort.http_status"),
        ({"abort": {"http_status": 600}}, "abort.http_status"),
        ({"abort": {"http_status": 500, "percentage": 101}}, "abort.percentage"),
        ({"abort": {"http_status": 500, "body": "$none"}}, "abort.body: has no variable"),
        ({"abort": {"http_status": 500, "headers": {"a": "b\nc"}}}, "abort.headers.set.a"),
        ({"abort": {"http_status": 500, "vars": [[["arg_a", "=", 1]]]}}, r"abort.vars\[0\]\[0\]: has no operator"),
        ({"delay": {}}, "delay.duration"),
        ({"delay": {"duration": -1}}, "delay.duration"),
        ({"delay": {"duration": 601}}, "delay.duration"),
        ({"delay": {"duration": 1, "vars": []}}, "delay.vars"),
        ({"delay": {"duration": 1, "percentage": 0.5}}, "delay.percentage"),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plugin(FaultInjection, config)


async def test_on_a_gateway_an_abort_can_be_told_by_meta(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    config = {"abort": {"http_status": 503, "body": "down"}, "_meta": {"filter": [["http_x_test", "==", "1"]]}}
    route = {
        "id": "r",
        "uri": "/",
        "plugins": {"fault-injection": config},
        "upstream": {"nodes": {upstream.address: 1}},
    }
    gateway = await start_gateway({"routes": [route]}, [FaultInjection])
    async with httpx.AsyncClient() as client:
        assert (await client.get(gateway.url)).text == "ok"
        answer = await client.get(gateway.url, headers={"x-test": "1"})
        assert (answer.status_code, answer.text) == (503, "down")
    assert len(upstream.received) == 1
