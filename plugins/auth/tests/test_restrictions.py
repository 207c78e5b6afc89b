"""Restrictions by what a request says of itself, without anybody knowing the caller."""

from typing import Any

import pytest

from phasegate import ConfigError, Plugin, Response
from phasegate.testing import make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate_auth import IpRestriction, RefererRestriction, UaRestriction


async def answer(
    cls: type[Plugin], config: dict[str, Any], *, peer: str = "192.0.2.1", headers: Any = ()
) -> Response | None:
    plugin = make_plugin(cls, config)
    await plugin.open(make_services())
    response: Response | None = await run_phase(
        plugin, "access", make_exchange(make_request(headers=headers, peer=peer))
    )
    return response


@pytest.mark.parametrize(
    ("config", "peer", "passes"),
    [
        ({"whitelist": ["192.0.2.1"]}, "192.0.2.1", True),
        ({"whitelist": ["192.0.2.1"]}, "192.0.2.2", False),
        ({"whitelist": ["192.0.2.0/24", "10.0.0.0/8"]}, "10.255.0.1", True),
        ({"whitelist": ["192.0.2.7/24"]}, "192.0.2.1", True),
        ({"whitelist": ["0.0.0.0/0"]}, "192.0.2.1", True),
        ({"whitelist": ["0.0.0.0/0"]}, "2001:db8::1", False),
        ({"whitelist": ["2001:db8::/32"]}, "2001:db8:1::1", True),
        ({"whitelist": ["2001:db8::/32"]}, "2001:db9::1", False),
        ({"whitelist": ["192.0.2.1"]}, "::ffff:192.0.2.1", True),
        ({"blacklist": ["192.0.2.1"]}, "::ffff:192.0.2.1", False),
        ({"blacklist": ["fe80::/10"]}, "fe80::1%eth0", False),
        ({"blacklist": ["192.0.2.0/24"]}, "192.0.2.1", False),
        ({"blacklist": ["192.0.2.0/24"]}, "192.0.3.1", True),
        ({"whitelist": ["192.0.2.0/24"], "blacklist": ["192.0.2.1"]}, "192.0.2.1", False),
        ({"whitelist": ["192.0.2.0/24"], "blacklist": ["192.0.2.1"]}, "192.0.2.2", True),
        ({"blacklist": ["192.0.2.1"]}, "", False),
        ({"blacklist": ["192.0.2.1"]}, "unix:", False),
        ({"blacklist": ["192.0.2.1"]}, "0300.0.2.1", False),
    ],
)
async def test_addresses(config: dict[str, Any], peer: str, *, passes: bool) -> None:
    response = await answer(IpRestriction, config, peer=peer)
    assert (response is None) is passes
    if response is not None:
        assert (response.status, await response.read()) == (403, b'{"message":"Your IP address is not allowed"}')


async def test_what_a_client_says_of_its_address_counts_for_nothing() -> None:
    headers = {"x-forwarded-for": "10.0.0.1", "x-real-ip": "10.0.0.1", "forwarded": "for=10.0.0.1"}
    assert await answer(IpRestriction, {"whitelist": ["10.0.0.1"]}, headers=headers) is not None


async def test_a_restriction_of_addresses_answers_as_it_is_told() -> None:
    response = await answer(IpRestriction, {"blacklist": ["192.0.2.1"], "message": "no", "response_code": 404})
    assert response is not None
    assert (response.status, await response.read()) == (404, b'{"message":"no"}')


@pytest.mark.parametrize(
    ("config", "referers", "passes"),
    [
        ({"whitelist": ["a.example"]}, ["https://a.example/x?y"], True),
        ({"whitelist": ["a.example"]}, ["http://A.Example:8080"], True),
        ({"whitelist": ["a.example"]}, ["http://a.example."], True),
        ({"whitelist": ["a.example"]}, ["http://b.a.example/"], False),
        ({"whitelist": ["*.a.example"]}, ["http://b.a.example/"], True),
        ({"whitelist": ["*.a.example"]}, ["http://a.example/"], False),
        ({"whitelist": ["*.a.example"]}, ["http://xa.example/"], False),
        ({"whitelist": ["a.example"]}, ["http://a.example.evil.example/"], False),
        ({"whitelist": ["a.example"]}, ["http://a.example@evil.example/"], False),
        ({"whitelist": ["a.example"]}, ["http://evil.example\\@a.example/"], False),
        ({"whitelist": ["a.example"]}, ["http://evil.example/?a.example"], False),
        ({"whitelist": ["a.example"]}, ["ftp://a.example/"], False),
        ({"whitelist": ["a.example"]}, ["a.example"], False),
        ({"whitelist": ["a.example"]}, ["//a.example"], False),
        ({"whitelist": ["a.example"]}, ["http://[::1"], False),
        ({"whitelist": ["[::1]"]}, ["http://[::1]:80/"], True),
        ({"whitelist": ["a.example"]}, [""], False),
        ({"whitelist": ["a.example"]}, [], False),
        ({"whitelist": ["a.example"], "bypass_missing": True}, [], True),
        ({"whitelist": ["a.example"], "bypass_missing": True}, ["x"], False),
        ({"whitelist": ["a.example"]}, ["http://a.example", "http://evil.example"], False),
        ({"blacklist": ["a.example"]}, ["http://a.example"], False),
        ({"blacklist": ["a.example"]}, ["http://b.example"], True),
        ({"blacklist": ["a.example"]}, [], False),
        ({"whitelist": ["*.a.example"], "blacklist": ["b.a.example"]}, ["http://b.a.example"], False),
    ],
)
async def test_referers(config: dict[str, Any], referers: list[str], *, passes: bool) -> None:
    response = await answer(RefererRestriction, config, headers=[("referer", value) for value in referers])
    assert (response is None) is passes
    if response is not None:
        assert (response.status, await response.read()) == (403, b'{"message":"Your referer host is not allowed"}')


@pytest.mark.parametrize(
    ("config", "agents", "passes"),
    [
        ({"allowlist": ["^curl/"]}, ["curl/8.0"], True),
        ({"allowlist": ["^curl/"]}, ["my-curl/8.0"], False),
        ({"allowlist": ["^curl/", "Firefox"]}, ["Mozilla/5.0 Firefox/1"], True),
        ({"denylist": ["bot"]}, ["x bot y"], False),
        ({"denylist": ["(?i)bot"]}, ["BOT"], False),
        ({"denylist": ["bot"]}, ["curl"], True),
        ({"allowlist": ["curl"], "denylist": ["bot"]}, ["curl bot"], False),
        ({"denylist": ["bot"]}, ["curl", "bot"], False),
        ({"denylist": ["bot"]}, [], False),
        ({"denylist": ["bot"], "bypass_missing": True}, [], True),
        ({"denylist": ["bot"]}, ["x" * 513], False),
        ({"denylist": ["(a+)+$"]}, ["a" * 600 + "b"], False),
    ],
)
async def test_user_agents(config: dict[str, Any], agents: list[str], *, passes: bool) -> None:
    response = await answer(UaRestriction, config, headers=[("user-agent", value) for value in agents])
    assert (response is None) is passes
    if response is not None:
        assert (response.status, await response.read()) == (403, b'{"message":"Not allowed"}')


async def test_the_log_says_why(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        await answer(IpRestriction, {"blacklist": ["192.0.2.1"]})
    (record,) = caplog.records
    assert (record.reason, record.client) == ("the address 192.0.2.1 is not allowed", "192.0.2.1")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("cls", "config"),
    [
        (IpRestriction, {}),
        (IpRestriction, {"whitelist": ["x"]}),
        (IpRestriction, {"whitelist": ["1.2.3.4"], "response_code": 200}),
        (RefererRestriction, {}),
        (RefererRestriction, {"whitelist": ["http://a.example"]}),
        (RefererRestriction, {"whitelist": ["a*b"]}),
        (UaRestriction, {}),
        (UaRestriction, {"allowlist": ["("]}),
        (UaRestriction, {"denylist": ["a", "[b"]}),
    ],
)
def test_what_can_not_be_configured(cls: type[Plugin], config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(cls, config)
