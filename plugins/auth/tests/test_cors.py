from typing import Any

import httpx
import pytest

from phasegate import ConfigError, Response
from phasegate.testing import (
    FakeUpstream,
    Reply,
    make_exchange,
    make_plugin,
    make_request,
    make_services,
    run_phase,
)
from phasegate.testing.fixtures import GatewayMaker
from phasegate_auth import Cors, KeyAuth

A, B = "https://a.example", "https://b.example"
ASKING = {"origin": A, "access-control-request-method": "PUT"}


async def answered(
    config: dict[str, Any], headers: Any, method: str = "GET", told: dict[str, str] | None = None
) -> dict[str, str]:
    """Return what a page's browser is told, apart from all else."""
    plugin = make_plugin(Cors, config)
    await plugin.open(make_services(metadata={"cors": {"allow_origins": {"shops": f"{A}, {B}"}}}))
    exchange = make_exchange(make_request(method, headers=headers))
    response = await run_phase(plugin, "rewrite", exchange) or Response(200, told or {})
    await run_phase(plugin, "response", exchange, response)
    return {name.removeprefix("access-control-"): value for name, value in response.headers}


async def test_any_page_may_read_by_default_and_send_no_credential() -> None:
    assert await answered({}, {"origin": A}) == {"allow-origin": "*"}
    assert await answered({}, {}) == {"allow-origin": "*"}


@pytest.mark.parametrize(
    ("config", "origin", "allowed"),
    [
        ({"allow_origins": f"{A},{B}"}, A, A),
        ({"allow_origins": f"{A}, {B}"}, B, B),
        ({"allow_origins": A}, "https://a.example.evil.example", None),
        ({"allow_origins": A}, "https://a.example:8443", None),
        ({"allow_origins": A}, "http://a.example", None),
        ({"allow_origins": A}, "null", None),
        ({"allow_origins": A}, "", None),
        ({"allow_origins": "**"}, B, B),
        ({"allow_origins_by_regex": [r"https://.*\.example$"]}, A, A),
        ({"allow_origins_by_regex": [r"https://a\.example"]}, "https://a.example.evil.example", None),
        ({"allow_origins_by_regex": [r"https://a\.example"]}, "https://evil.example/https://a.example", None),
        ({"allow_origins_by_regex": [r"https://.*"]}, "https://" + "a" * 600, None),
        ({"allow_origins": A, "allow_origins_by_regex": [r"https://b\..*"]}, B, B),
        ({"allow_origins_by_metadata": ["shops"]}, B, B),
        ({"allow_origins_by_metadata": ["shops"]}, "https://c.example", None),
        ({"allow_origins_by_metadata": ["none"]}, A, None),
    ],
)
async def test_which_pages_may_read(config: dict[str, Any], origin: str, allowed: str | None) -> None:
    told = await answered(config, {"origin": origin})
    assert (told.get("allow-origin"), told["vary"]) == (allowed, "Origin")


async def test_a_request_of_two_origins_is_of_none() -> None:
    assert "allow-origin" not in await answered({"allow_origins": A}, [("origin", A), ("origin", B)])


async def test_a_preflight_is_answered_whole() -> None:
    config = {
        "allow_origins": A,
        "allow_methods": "GET,PUT",
        "allow_headers": "x-a",
        "max_age": 60,
        "allow_credential": True,
        "expose_headers": "x-b",
    }
    assert await answered(config, ASKING, "OPTIONS") == {
        "vary": "Origin",
        "allow-origin": A,
        "allow-credentials": "true",
        "expose-headers": "x-b",
        "allow-methods": "GET,PUT",
        "max-age": "60",
        "allow-headers": "x-a",
    }


async def test_whatever_is_asked_for_may_be_allowed() -> None:
    config = {"allow_origins": "**", "allow_methods": "**", "allow_headers": "**"}
    told = await answered(config, {**ASKING, "access-control-request-headers": "x-a,x-b"}, "OPTIONS")
    assert "PATCH" in told["allow-methods"]
    assert told["allow-headers"] == "x-a,x-b"


async def test_what_an_upstream_says_itself_is_replaced() -> None:
    told = {"access-control-allow-origin": "*", "access-control-allow-credentials": "true", "vary": "accept, Origin"}
    assert await answered({"allow_origins": A}, {"origin": B}, told=told) == {"vary": "accept, Origin"}


async def test_timing_may_be_allowed_to_others() -> None:
    told = await answered({"timing_allow_origins": A}, {"origin": A})
    assert (told["timing-allow-origin"], told["vary"]) == (A, "Origin")
    assert "timing-allow-origin" not in await answered({"timing_allow_origins_by_regex": ["x"]}, {"origin": A})


@pytest.mark.parametrize(
    "config",
    [
        {"allow_origins": "a.example"},
        {"allow_origins": "https://a.example/"},
        {"allow_origins": f"*,{A}"},
        {"allow_origins": ""},
        {"allow_origins": "a\r\nb"},
        {"allow_credential": True},
        {"allow_credential": True, "allow_origins": A},
        {"allow_credential": True, "allow_origins": A, "allow_methods": "GET"},
        {
            "allow_credential": True,
            "allow_origins": A,
            "allow_methods": "GET",
            "allow_headers": "x",
            "expose_headers": "*",
        },
        {"allow_origins_by_regex": ["("]},
        {"max_age": -2},
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(Cors, config)


def test_credentials_for_pages_of_any_origin_are_warned_of() -> None:
    config = {"allow_credential": True, "allow_origins": "**", "allow_methods": "**", "allow_headers": "**"}
    assert [finding.level for finding in make_plugin(Cors, config).check()] == ["warning"]


async def test_pages_read_refusals_and_preflights_need_no_key(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(body=b"ok"))
    plugins = {"cors": {"allow_origins": A}, "key-auth": {}}
    route = {"id": "r", "uri": "/*", "plugins": plugins, "upstream": {"nodes": {upstream.address: 1}}}
    gateway = await start_gateway({"routes": [route]}, [Cors, KeyAuth])
    async with httpx.AsyncClient() as client:
        preflight = await client.options(gateway.url, headers=ASKING)
        refused = await client.get(gateway.url, headers={"origin": A})
        plain = await client.options(gateway.url, headers={"origin": A})
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, A)
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, A)
    assert plain.status_code == 401
    assert upstream.received == []
