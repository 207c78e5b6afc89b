"""Certificates by name in real workers, followed from the file."""

import asyncio
import contextlib
import signal
import ssl
from pathlib import Path
from typing import Any

import pytest

from phasegate.settings import TLS
from tests.integration.tls.conftest import Names
from tests.process import Server, free_port, run_command, serving, write_conf

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_factories=["asyncio"])]


def conf(folder: Path, certificate: TLS, *entries: dict[str, Any], **settings: Any) -> Path:
    """Write a configuration folder with one address over TLS."""
    tls = {"cert": str(certificate.cert), "key": str(certificate.key)}
    listen = [{"address": "127.0.0.1:0", "tls": tls}]
    return write_conf(folder, {"routes": [], "ssls": list(entries)}, listen=listen, **settings)


async def served_with(server: Server, trust: ssl.SSLContext, name: str) -> str:
    """Connect, and return the server's certificate's subject once a request is answered."""
    port = int(server.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.1 404")
    subject = str(writer.get_extra_info("ssl_object").getpeercert()["subject"])
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return subject


async def test_every_worker_follows_the_file(
    tmp_path: Path, certificate: TLS, names: Names, trust: ssl.SSLContext
) -> None:
    async with serving(conf(tmp_path, certificate, names.entry("before", "shop.test"), workers=2)) as server:
        assert all(["before" in await served_with(server, trust, "shop.test") for _ in range(10)])
        server.write_routes({"routes": [], "ssls": [names.entry("after", "shop.test")]})
        await server.logged("configuration accepted")
        assert all(["after" in await served_with(server, trust, "shop.test") for _ in range(10)])


async def test_workers_are_replaced_without_losing_a_handshake(
    tmp_path: Path, certificate: TLS, names: Names, trust: ssl.SSLContext
) -> None:
    async with serving(conf(tmp_path, certificate, names.entry("shop", "shop.test"))) as server:
        server.process.send_signal(signal.SIGHUP)
        replaced = asyncio.create_task(server.logged("workers replaced"))
        while not replaced.done():
            assert "shop" in await served_with(server, trust, "shop.test")


async def test_a_mistake_is_told_and_shows_no_key(
    tmp_path: Path, certificate: TLS, names: Names, trust: ssl.SSLContext
) -> None:
    good, other = names.entry("shop", "shop.test"), names.entry("other", "other.test")
    async with serving(conf(tmp_path, certificate, good)) as server:
        server.write_routes({"routes": [], "ssls": [{**good, "key": other["key"]}]})
        refused = await server.logged("configuration refused")
        assert (refused["path"], "is not the key of cert" in refused["detail"]) == ("ssls[0].key", True)
        assert other["key"].splitlines()[1].encode() not in server.output
        assert "shop" in await served_with(server, trust, "shop.test")


async def test_stock_hypercorn_is_refused_before_anything_starts(
    tmp_path: Path, certificate: TLS, names: Names
) -> None:
    folder = conf(tmp_path, certificate, names.entry("shop", "shop.test"), server={"protocol": "hypercorn"})
    code, _, errors = await run_command("check", str(folder))
    assert (code, "ssls: needs server.protocol: native" in errors) == (1, True)


async def test_a_rule_for_client_certificates_holds_for_the_admin_api_on_the_same_port_too(
    tmp_path: Path, certificate: TLS, names: Names, trust: ssl.SSLContext
) -> None:
    port = free_port()
    tls = {"cert": str(certificate.cert), "key": str(certificate.key)}
    address = f"127.0.0.1:{port}"
    documents = {"routes": [], "ssls": [names.guarded("bank", "bank.test")]}
    folder = write_conf(tmp_path, documents, listen=[{"address": address, "tls": tls}], admin={"address": address})
    async with serving(folder):
        statuses = []
        for host in ("other.test", "bank.test"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname="127.0.0.1")
            writer.write(f"GET /apisix/admin/routes HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            statuses.append((await reader.readline()).split()[1])
            writer.close()
    assert statuses == [b"401", b"421"]
