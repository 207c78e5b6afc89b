import ssl
from typing import Any

import httpx
import pytest
import trustme

from phasegate import Body
from phasegate.forward import node_address
from phasegate.model import Node
from phasegate.testing import FakeUpstream, Reply, fake_upstream
from phasegate.testing.fixtures import GatewayMaker
from phasegate.upstream.call import content_length


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


async def test_an_upstream_s_own_failure_is_told_from_the_gateway_s(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(status=503), Reply(status=404))
    failed, missing = await ask(start_gateway, {"nodes": {upstream.address: 1}}, 2)
    (unreachable,) = await ask(start_gateway, {"nodes": {"127.0.0.1:1": 1}})
    told = [
        (each.status_code, each.headers.get("x-phasegate-upstream-status")) for each in (failed, missing, unreachable)
    ]
    assert told == [(503, "503"), (404, None), (502, None)]


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


def nowhere(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """Return nodes of which the first is one that nobody listens on."""
    return [{"host": "127.0.0.1", "port": 1, "weight": 1}, *more]


def node(upstream: FakeUpstream) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": upstream.port, "weight": 1}


async def test_a_node_that_cannot_be_connected_to_gives_way_to_the_next(
    start_gateway: GatewayMaker, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture
) -> None:
    responses = await ask(start_gateway, {"nodes": nowhere(node(upstream))}, 4)
    assert [response.status_code for response in responses] == [200] * 4
    assert len(upstream.received) == 4
    told = [record for record in caplog.records if record.msg == "next node tried"]
    assert {(record.node, record.route) for record in told} == {("127.0.0.1:1", "r")}  # type: ignore[attr-defined]
    assert all("can't connect to 127.0.0.1:1" in record.cause and record.request_id for record in told)  # type: ignore[attr-defined]


@pytest.mark.parametrize("limit", [{"retries": 0}, {"retry_timeout": 1e-9}])
async def test_tries_have_a_limit(start_gateway: GatewayMaker, upstream: FakeUpstream, limit: dict[str, Any]) -> None:
    (response,) = await ask(start_gateway, {"nodes": nowhere(node(upstream)), **limit})
    assert (response.status_code, response.json()["code"]) == (502, "upstream_unreachable")
    assert not upstream.received


async def test_what_has_been_sent_is_not_sent_to_another_node(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    async with fake_upstream() as other:
        upstream.reply(Reply(raw=b"", close=True))
        (response,) = await ask(start_gateway, {"nodes": [node(upstream), node(other)], "retries": 5})
        assert (response.status_code, response.json()["code"]) == (502, "upstream_unreachable")
        assert (len(upstream.received), len(other.received)) == (1, 0)


async def test_a_body_that_streams_reaches_the_node_that_can_be_connected_to(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    document = {"routes": [{"id": "r", "uri": "/*", "upstream": {"nodes": nowhere(node(upstream))}}]}
    gateway = await start_gateway(document)
    body = bytes(range(256)) * 1000
    async with httpx.AsyncClient() as client:
        response = await client.post(gateway.url, content=body)
    assert response.status_code == 200
    assert upstream.received[0].body == body


async def test_a_client_certificate_is_shown_and_an_authority_of_ones_own_trusted(start_gateway: GatewayMaker) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    shown = authority.issue_cert("gateway.test")
    tls = {
        "ca": authority.cert_pem.bytes().decode(),
        "client_cert": b"".join(blob.bytes() for blob in shown.cert_chain_pems).decode(),
        "client_key": shown.private_key_pem.bytes().decode(),
    }
    async with fake_upstream(context) as secure:
        upstream = {"nodes": {secure.address: 1}, "scheme": "https"}
        (good,) = await ask(start_gateway, {**upstream, "tls": tls})
        (bare,) = await ask(start_gateway, {**upstream, "tls": {"ca": tls["ca"]}})
        (blind,) = await ask(start_gateway, {**upstream, "tls": {**tls, "verify": False}})
        assert (good.status_code, bare.status_code, blind.status_code) == (200, 502, 200)


async def test_a_connection_is_closed_after_so_many_requests(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    await ask(start_gateway, {"nodes": {upstream.address: 1}, "keepalive_pool": {"requests": 2}}, 5)
    assert [received.connection for received in upstream.received] == [1, 1, 2, 2, 3]
