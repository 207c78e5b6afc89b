from typing import Any

import httpx
import pytest

from phasegate import ConfigError
from phasegate.testing import FakeUpstream, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import FaultInjection, RealIp

XFF, PROXY, CLIENT = "http_x_forwarded_for", "192.0.2.1", "198.51.100.7"


async def client(config: dict[str, Any], headers: Any = (), *, peer: str = PROXY, target: str = "/") -> str:
    plugin = make_plugin(RealIp, {"trusted_addresses": ["192.0.2.0/24"], **config})
    await plugin.open(make_services())
    exchange = make_exchange(make_request("GET", target, headers=headers, peer=peer))
    assert await run_phase(plugin, "rewrite", exchange) is None
    assert exchange.request.client == exchange.original.client
    assert exchange.request.peer == peer
    return exchange.request.client


@pytest.mark.parametrize(
    ("config", "headers", "found"),
    [
        ({"source": XFF}, [("x-forwarded-for", CLIENT)], CLIENT),
        ({"source": XFF}, [("x-forwarded-for", f"203.0.113.1, {CLIENT}")], CLIENT),
        ({"source": XFF}, [("x-forwarded-for", "203.0.113.1"), ("x-forwarded-for", CLIENT)], CLIENT),
        ({"source": XFF}, [("x-forwarded-for", f"{CLIENT}:4711")], CLIENT),
        ({"source": XFF}, [("x-forwarded-for", "[2001:db8::7]:4711")], "2001:db8::7"),
        ({"source": XFF}, [("x-forwarded-for", f"{CLIENT}, 192.0.2.9")], "192.0.2.9"),
        ({"source": XFF, "recursive": True}, [("x-forwarded-for", f"1.1.1.1, {CLIENT}, 192.0.2.9")], CLIENT),
        ({"source": XFF, "recursive": True}, [("x-forwarded-for", "192.0.2.8, 192.0.2.9")], "192.0.2.8"),
        ({"source": XFF, "recursive": True}, [("x-forwarded-for", "x, 192.0.2.9")], "192.0.2.9"),
        ({"source": XFF}, [("x-forwarded-for", f"{CLIENT}, x")], PROXY),
        ({"source": XFF}, [("x-forwarded-for", f"{CLIENT},")], PROXY),
        ({"source": XFF}, [], PROXY),
        ({"source": "http_x_real_ip"}, [("x-real-ip", CLIENT)], CLIENT),
        ({"source": "http_x_real_ip"}, [("x-real-ip", CLIENT), ("x-real-ip", "203.0.113.1")], PROXY),
        ({"source": "http_x_real_ip"}, [("x-real-ip", f"{CLIENT}, 203.0.113.1")], PROXY),
        ({"source": "http_x_real_ip"}, [("x-real-ip", "localhost")], PROXY),
        ({"source": "http_x_real_ip"}, [("x-real-ip", "0x7f.1")], PROXY),
        ({"source": "http_x_real_ip"}, [("x-real-ip", "1" * 500)], PROXY),
        ({"source": "arg_ip"}, [], "203.0.113.9"),
    ],
)
async def test_a_trusted_proxy_is_believed(config: dict[str, Any], headers: Any, found: str) -> None:
    assert await client(config, headers, target="/?ip=203.0.113.9") == found


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("192.0.2.77", True),
        ("::ffff:192.0.2.77", True),
        ("192.0.3.1", False),
        ("2001:db8::1", False),
        ("", False),
        ("unix:", False),
    ],
)
async def test_nobody_else_is(peer: str, *, trusted: bool) -> None:
    for source, name in ((XFF, "x-forwarded-for"), ("http_x_real_ip", "x-real-ip")):
        assert await client({"source": source}, {name: CLIENT}, peer=peer) == (CLIENT if trusted else peer)


async def test_what_can_not_be_read_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        await client({"source": XFF}, {"x-forwarded-for": "x"})
    assert [record.message for record in caplog.records] == ["no client address"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "source"),
        ({"source": XFF, "trusted_addresses": None}, "trusted_addresses"),
        ({"source": XFF, "trusted_addresses": []}, "trusted_addresses"),
        ({"source": XFF, "trusted_addresses": ["nowhere"]}, r"trusted_addresses\[0\]"),
        ({"source": ""}, "source"),
        ({"source": "x_forwarded_for"}, "source: has no variable"),
        ({"source": "http_x_real_ip", "recursive": True}, "recursive"),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plugin(RealIp, {"trusted_addresses": ["192.0.2.0/24"], **config})


def test_whom_to_believe_has_to_be_said() -> None:
    with pytest.raises(ConfigError, match="trusted_addresses: is required"):
        make_plugin(RealIp, {"source": XFF})


def test_to_believe_everybody_is_a_warning() -> None:
    plugin = make_plugin(RealIp, {"source": XFF, "trusted_addresses": ["10.0.0.1", "::/0"]})
    assert [(finding.path, finding.level) for finding in plugin.check()] == [("trusted_addresses[1]", "warning")]


@pytest.mark.parametrize(("trusted", "status"), [("127.0.0.1", 200), ("10.0.0.1", 404)])
async def test_on_a_gateway_others_go_by_the_address(
    start_gateway: GatewayMaker, upstream: FakeUpstream, trusted: str, status: int
) -> None:
    route = {
        "id": "r",
        "uri": "/",
        "plugins": {
            "real-ip": {"source": XFF, "trusted_addresses": [trusted]},
            "fault-injection": {
                "abort": {"http_status": 404},
                "_meta": {"filter": [["remote_addr", "!", "ipmatch", [CLIENT]]]},
            },
        },
        "upstream": {"nodes": {upstream.address: 1}},
    }
    gateway = await start_gateway({"routes": [route]}, [RealIp, FaultInjection])
    async with httpx.AsyncClient() as http:
        answer = await http.get(gateway.url, headers={"x-forwarded-for": CLIENT})
    assert answer.status_code == status
    assert all(received.get("x-forwarded-for") == "127.0.0.1" for received in upstream.received)
