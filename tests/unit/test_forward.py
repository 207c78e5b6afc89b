import ssl
from typing import Any

import httpx
import pytest
import trustme

from phasegate import Body
from phasegate.forward import content_length, node_address
from phasegate.model import Node
from phasegate.testing import FakeUpstream, Reply, fake_upstream
from phasegate.testing.fixtures import GatewayMaker


async def ask(
    start_gateway: GatewayMaker, upstream: dict[str, Any], count: int = 1, **route: Any
) -> list[httpx.Response]:
    document = {"routes": [{"id": "r", "uri": "/*", "upstream": upstream, **route}]}
    gateway = await start_gateway(document)
    async with httpx.AsyncClient(verify=False) as client:
        return [await client.get(f"{gateway.url}/p", headers={"host": "client.test"}) for _ in range(count)]


async def test_requests_are_spread_by_weight(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    async with fake_upstream() as other:
        nodes = [
            {"host": "127.0.0.1", "port": upstream.port, "weight": 3},
            {"host": "127.0.0.1", "port": other.port, "weight": 1},
            {"host": "127.0.0.1", "port": 1, "weight": 0},
        ]
        responses = await ask(start_gateway, {"nodes": nodes}, 8)
        assert {response.status_code for response in responses} == {200}
        assert (len(upstream.received), len(other.received)) == (6, 2)


@pytest.mark.parametrize(
    ("options", "host"),
    [
        ({}, "client.test"),
        ({"pass_host": "node"}, "{address}"),
        ({"pass_host": "rewrite", "upstream_host": "own.test"}, "own.test"),
    ],
)
async def test_the_host_that_is_sent(
    start_gateway: GatewayMaker, upstream: FakeUpstream, options: dict[str, str], host: str
) -> None:
    await ask(start_gateway, {"nodes": {upstream.address: 1}, **options})
    assert upstream.received[0].get("host") == host.format(address=upstream.address)


async def test_no_node_with_a_weight(start_gateway: GatewayMaker) -> None:
    (response,) = await ask(start_gateway, {"nodes": {"127.0.0.1:1": 0}})
    assert (response.status_code, response.json()["code"]) == (503, "no_upstream")


@pytest.mark.parametrize("where", ["upstream", "route"])
async def test_timeouts(start_gateway: GatewayMaker, upstream: FakeUpstream, where: str) -> None:
    upstream.reply(Reply(hang=True))
    timeout: dict[str, Any] = {"timeout": {"read": 0.15}}
    nodes: dict[str, Any] = {"nodes": {upstream.address: 1}}
    if where == "upstream":
        (response,) = await ask(start_gateway, {**nodes, **timeout})
    else:
        (response,) = await ask(start_gateway, nodes, **timeout)
    assert (response.status_code, response.json()["code"]) == (504, "upstream_timeout")


async def test_an_upstream_s_certificate_must_be_trusted(start_gateway: GatewayMaker) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with fake_upstream(context) as secure:
        (response,) = await ask(start_gateway, {"nodes": {secure.address: 1}, "scheme": "https"})
        assert (response.status_code, response.json()["code"]) == (502, "upstream_tls")
        assert not secure.received


@pytest.mark.parametrize(
    ("node", "address"),
    [
        (Node("h", 80, 1), "h:80"),
        (Node("h", None, 1), "h"),
        (Node("::1", 80, 1), "[::1]:80"),
        (Node("[::1]", None, 1), "[::1]"),
    ],
)
def test_an_address_for_a_url(node: Node, address: str) -> None:
    assert node_address(node) == address


@pytest.mark.parametrize(
    ("method", "body", "expected"),
    [
        ("GET", Body(), []),
        ("DELETE", Body(), []),
        ("POST", Body(), [(b"content-length", b"0")]),
        ("GET", Body(b"abc"), [(b"content-length", b"3")]),
    ],
)
def test_when_a_length_is_sent(method: str, body: Body, expected: list[tuple[bytes, bytes]]) -> None:
    assert content_length(method, body) == expected
