"""The gateway as an ASGI application: behind another server, inside another application, over HTTP/3."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from phasegate import ConfigError
from phasegate.asgi import AsgiGateway, application
from phasegate.settings import TLS
from phasegate.store.records import Write
from phasegate.store.sqlite import SqliteStore
from phasegate.testing import FakeUpstream
from tests.http3_client import get_over_http3
from tests.process import free_port, write_conf, write_yaml

pytestmark = pytest.mark.long


def routes(upstream: FakeUpstream, uri: str = "/*") -> dict[str, Any]:
    return {"routes": [{"id": "all", "uri": uri, "upstream": {"nodes": {upstream.address: 1}}}]}


@pytest.fixture
async def gateway(tmp_path: Path, upstream: FakeUpstream) -> AsyncIterator[AsgiGateway]:
    gateway = application(write_conf(tmp_path, routes(upstream)))
    yield gateway
    await gateway.close()


def client_of(gateway: AsgiGateway) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(gateway), base_url="http://gateway.test")


async def test_it_serves_without_a_lifespan(gateway: AsgiGateway, upstream: FakeUpstream) -> None:
    async with client_of(gateway) as client:
        answers = await asyncio.gather(*(client.post("/a?b=1", content=b"body") for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert (upstream.received[0].target, upstream.received[0].body) == ("/a?b=1", b"body")


async def test_it_follows_the_routes_file(gateway: AsgiGateway, upstream: FakeUpstream, tmp_path: Path) -> None:
    async with client_of(gateway) as client:
        assert (await client.get("/")).status_code == 200
        write_yaml(tmp_path / "routes.yaml", "routes: [{id: broken")
        write_yaml(tmp_path / "routes.yaml", routes(upstream, "/new"))
        async with asyncio.timeout(10):
            while (await client.get("/")).status_code != 404:
                await asyncio.sleep(0.02)
        assert (await client.get("/new")).status_code == 200


async def test_it_follows_the_store(gateway: AsgiGateway, upstream: FakeUpstream, tmp_path: Path) -> None:
    async with client_of(gateway) as client:
        assert (await client.get("/")).status_code == 200
        store = SqliteStore(tmp_path / "var" / "phasegate.db")
        route = {"id": "stored", "uri": "/*", "plugins": {}, "upstream": {"nodes": {"127.0.0.1:1": 1}}}
        await store.apply([Write("routes", "stored", route)], base=0, author="another", note="")
        async with asyncio.timeout(10):
            while (await client.get("/")).status_code != 502:
                await asyncio.sleep(0.02)
        await store.close()


async def test_a_folder_that_can_not_be_served_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"plugins\[0\]: plugin 'nope' is not installed"):
        application(write_conf(tmp_path, {"routes": []}, plugins=["nope"]))


async def test_a_document_that_is_refused_fails_the_servers_startup(tmp_path: Path) -> None:
    gateway = application(write_conf(tmp_path, {"routes": [{"id": "a"}]}))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await gateway({"type": "lifespan"}, receive, send)
    assert sent == [
        {
            "type": "lifespan.startup.failed",
            "message": f"{tmp_path}/routes.yaml: routes[0].uri: is required (or uris)",
        }
    ]


async def test_certificates_by_name_are_the_other_servers_affair(tmp_path: Path, authority: trustme.CA) -> None:
    leaf = authority.issue_cert("shop.test")
    cert, key = leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode()
    gateway = application(write_conf(tmp_path, {"ssls": [{"id": "a", "cert": cert, "key": key, "sni": "shop.test"}]}))
    with pytest.raises(ConfigError, match=r"ssls: needs server\.protocol: native"):
        async with client_of(gateway) as client:
            await client.get("/")


async def test_the_folder_may_come_from_the_environment(
    tmp_path: Path, upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHASEGATE_CONF", str(write_conf(tmp_path, routes(upstream))))
    gateway = application()
    async with client_of(gateway) as client:
        assert (await client.get("/")).status_code == 200
    await gateway.close()


async def test_hypercorn_serves_it_over_http3(
    tmp_path: Path, upstream: FakeUpstream, certificate: TLS, authority: trustme.CA
) -> None:
    port = free_port()
    address = f"127.0.0.1:{port}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hypercorn", "--bind", address, "--quic-bind", address),
        *("--certfile", str(certificate.cert), "--keyfile", str(certificate.key), "phasegate.asgi:application()"),
        env={**os.environ, "PHASEGATE_CONF": str(write_conf(tmp_path, routes(upstream)))},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await listening_on(port)
        assert await get_over_http3("127.0.0.1", port, "/over-http3", authority) == (200, b"ok")
    finally:
        process.terminate()
        await process.wait()
    assert upstream.received[0].target == "/over-http3"
    assert upstream.received[0].get("via") == "3 phasegate"


async def listening_on(port: int) -> None:
    """Wait until somebody listens on a port."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
