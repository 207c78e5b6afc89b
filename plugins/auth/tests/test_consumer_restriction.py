from typing import Any

import pytest

from phasegate import ConfigError, Consumer, Exchange, Response, Route
from phasegate.testing import make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate_auth import ConsumerRestriction

ROUTE = Route(id="r1", uris=("/",), service_id="s1")
JACK = Consumer("jack", group_id="gold")


def asking(consumer: Consumer | None = JACK, method: str = "GET", route: Route = ROUTE) -> Exchange:
    exchange = make_exchange(make_request(method), route=route)
    exchange.consumer = consumer
    return exchange


async def answer(config: dict[str, Any], exchange: Exchange) -> Response | None:
    plugin = make_plugin(ConsumerRestriction, config)
    await plugin.open(make_services())
    response: Response | None = await run_phase(plugin, "access", exchange)
    return response


@pytest.mark.parametrize(
    ("config", "passes"),
    [
        ({"whitelist": ["jack"]}, True),
        ({"whitelist": ["jill"]}, False),
        ({"whitelist": ["Jack", "jac", "jack "]}, False),
        ({"blacklist": ["jack"]}, False),
        ({"blacklist": ["jill"]}, True),
        ({"whitelist": ["jack"], "blacklist": ["jack"]}, False),
        ({"type": "consumer_group_id", "whitelist": ["gold"]}, True),
        ({"type": "consumer_group_id", "whitelist": ["jack"]}, False),
        ({"type": "consumer_group_id", "blacklist": ["gold"]}, False),
        ({"type": "service_id", "whitelist": ["s1"]}, True),
        ({"type": "service_id", "blacklist": ["s1"]}, False),
        ({"type": "route_id", "whitelist": ["r2"]}, False),
        ({"type": "route_id", "whitelist": ["r1"]}, True),
        ({"allowed_by_methods": [{"user": "jack", "methods": ["GET"]}]}, True),
        ({"allowed_by_methods": [{"user": "jack", "methods": ["POST"]}]}, False),
        (
            {"allowed_by_methods": [{"user": "jack", "methods": ["POST"]}, {"user": "jack", "methods": ["GET"]}]},
            True,
        ),
        ({"allowed_by_methods": [{"user": "jill", "methods": ["GET"]}]}, False),
        ({"whitelist": ["jack"], "allowed_by_methods": [{"user": "jack", "methods": ["POST"]}]}, False),
        ({"whitelist": ["jack"], "allowed_by_methods": [{"user": "jill", "methods": ["POST"]}]}, True),
        ({"blacklist": ["jack"], "allowed_by_methods": [{"user": "jack", "methods": ["GET"]}]}, False),
    ],
)
async def test_who_may_go_on(config: dict[str, Any], *, passes: bool) -> None:
    response = await answer(config, asking())
    assert (response is None) is passes
    if response is not None:
        kind = config.get("type", "consumer_name")
        assert (response.status, await response.read()) == (403, f'{{"message":"The {kind} is forbidden."}}'.encode())


async def test_a_caller_that_nobody_knows_is_401_with_a_challenge() -> None:
    response = await answer({"blacklist": ["jack"]}, asking(None))
    assert response is not None
    assert response.status == 401
    assert response.headers.get("www-authenticate") == 'consumer-restriction realm="consumer_name"'


async def test_a_preflight_is_from_nobody_and_passes() -> None:
    headers = {"origin": "https://a.example", "access-control-request-method": "PUT"}
    exchange = make_exchange(make_request("OPTIONS", headers=headers), route=ROUTE)
    assert await answer({"whitelist": ["jack"]}, exchange) is None
    exchange.consumer = Consumer("jill")
    assert await answer({"whitelist": ["jack"]}, exchange) is not None


@pytest.mark.parametrize(("kind", "route"), [("consumer_group_id", ROUTE), ("service_id", Route(id="x", uris=("/",)))])
async def test_who_has_no_group_and_no_service_is_on_no_list(kind: str, route: Route) -> None:
    nobody = Consumer("joe")
    assert await answer({"type": kind, "whitelist": ["gold", "s1"]}, asking(nobody, route=route)) is not None
    assert await answer({"type": kind, "blacklist": ["gold", "s1"]}, asking(nobody, route=route)) is None


async def test_status_and_sentence_can_be_others() -> None:
    config = {"blacklist": ["jack"], "rejected_code": 451, "rejected_msg": "no"}
    response = await answer(config, asking())
    assert response is not None
    assert (response.status, await response.read()) == (451, b'{"message":"no"}')


async def test_the_log_says_whom_it_refused(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        await answer({"blacklist": ["jack"]}, asking())
    assert [record.reason for record in caplog.records] == ["the consumer_name is 'jack'"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"whitelist": []},
        {"whitelist": "jack"},
        {"type": "user", "whitelist": ["a"]},
        {"allowed_by_methods": [{"user": "jack"}]},
        {"allowed_by_methods": [{"user": "jack", "methods": ["get"]}]},
        {"whitelist": ["a"], "rejected_code": 99},
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(ConsumerRestriction, config)
