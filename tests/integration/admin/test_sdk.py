"""A client of APISIX's Admin API, as its authors published it, works without a change."""

import asyncio
import importlib
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.desk import ADMIN_KEY, Node

apisix_client: Any = pytest.importorskip("apisix_client", reason="install apisix-client to try it against this API")
pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 14),
    reason="apisix-client asks for a cattrs that does not know unions as Python 3.14 has them",
)


def model(path: str, name: str) -> Any:
    """Return one of the client's models."""
    return getattr(importlib.import_module(f"apisix_client.{path}"), name)


async def using(node: Node, work: Callable[[Any], Any]) -> Any:
    """Let the client, which knows no asyncio, do something in a thread."""
    client = apisix_client.ApisixClient(base_url=f"{node.admin_url}/", api_key=ADMIN_KEY)
    try:
        return await asyncio.to_thread(work, client)
    finally:
        client._httpx_client.close()


def an_upstream(port: int, **fields: Any) -> Any:
    """Return an upstream of one node."""
    nodes = [model("upstream.models", "Node")(host="127.0.0.1", port=port, weight=1)]
    return model("upstream.models", "Upstream")(nodes=nodes, **fields)


async def test_a_route_is_made_read_listed_changed_and_deleted(node: Node) -> None:
    route = model("route.models", "Route")

    def work(client: Any) -> None:
        upstream = client.upstream.create_with_id_generation(an_upstream(1))
        assert client.route.create_or_update(route(uri="/first", upstream_id=upstream), "1") == "1"
        assert client.route.create_or_update(route(uri="/second", upstream_id=upstream, name="n"), "1") == "1"
        made = client.route.create_with_id_generation(route(uri="/third", upstream_id=upstream))
        assert client.route.get("1").value.uri == "/second"
        assert [item.value.id for item in client.route.get_all()] == ["1", made]
        assert [item.value.id for item in client.route.get_all((1, 10))] == ["1", made]
        assert client.route.count() == 2
        assert client.route.delete("1") is True
        assert client.route.get("1") is None
        assert client.route.delete("1") is False

    await using(node, work)


async def test_what_the_client_makes_is_served(node: Node, upstream: Any) -> None:
    route, service = model("route.models", "Route"), model("service.models", "Service")

    def work(client: Any) -> None:
        made = client.service.create_with_id_generation(service(upstream=an_upstream(upstream.port)))
        assert client.route.create_or_update(route(uri="/hello", service_id=made), "1") == "1"

    await using(node, work)
    assert (await node.client.get("/hello")).status_code == 200


async def test_upstreams_and_services(node: Node) -> None:
    service = model("service.models", "Service")

    def work(client: Any) -> None:
        timeout = model("common", "Timeout")(connect=1, send=2, read=3)
        assert client.upstream.create_or_update(an_upstream(1, timeout=timeout, labels={"a": "b"}), "u") == "u"
        found = client.upstream.get("u")
        assert (found.key, found.value.nodes[0].port, found.value.timeout.read) == ("/apisix/upstreams/u", 1, 3)
        assert client.service.create_or_update(service(upstream_id="u", hosts=["a.example"]), "s") == "s"
        assert client.service.get("s").value.upstream_id == "u"
        assert (client.upstream.count(), client.service.count()) == (1, 1)
        assert client.service.delete("s") is True
        assert client.upstream.delete("u") == 1

    await using(node, work)


async def test_consumers(node: Node) -> None:
    consumer = model("consumer.models", "Consumer")

    def work(client: Any) -> None:
        assert client.consumer.create_or_update(consumer(username="jack", desc="first")) is True
        assert client.consumer.create_or_update(consumer(username="jack", desc="second")) is True
        assert client.consumer.get("jack").value.desc == "second"
        assert [item.value.username for item in client.consumer.get_all()] == ["jack"]
        assert client.consumer.count() == 1
        assert client.consumer.delete("jack") == 1
        assert client.consumer.delete("jack") == 0

    await using(node, work)


async def test_plugins_of_a_consumer(node: Node) -> None:
    key_auth = model("plugin", "KeyAuth")

    def work(client: Any) -> None:
        jack = model("consumer.models", "Consumer")(username="jack", plugins=[key_auth(key="jack-s-key")])
        assert client.consumer.create_or_update(jack) is True

    await using(node, work)
    value = (await node.admin.get("/consumers/jack")).json()["value"]
    assert value["plugins"] == {"key-auth": {"key": "jack-s-key"}}


async def test_plugins_are_listed_and_reloaded(node: Node) -> None:
    def work(client: Any) -> None:
        assert client.plugin.get_available() == ("key-auth", "aws-lambda")
        assert client.plugin.reload() is True

    await using(node, work)


async def test_a_refusal_is_what_the_client_expects(node: Node) -> None:
    def work(client: Any) -> None:
        route = model("route.models", "Route")(uri="/x", upstream_id="nowhere")
        assert client.route.create_or_update(route, "1") is None

    await using(node, work)
