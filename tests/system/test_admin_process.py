"""The Admin API of a gateway in its own processes: the key that it makes, and the store that it writes to."""

from pathlib import Path

import httpx

from phasegate.testing import FakeUpstream
from tests.process import free_port, run_command, serving, write_conf


async def test_the_made_key_opens_the_api_and_what_it_writes_outlives_the_gateway(
    tmp_path: Path, upstream: FakeUpstream
) -> None:
    conf = write_conf(tmp_path, {"routes": []}, resources={"store": "sqlite:var/phasegate.db"}, workers=2)
    body = {"uri": "/hello", "upstream": {"nodes": {upstream.address: 1}}}
    async with serving(conf) as server:
        code, printed, _ = await run_command("admin-key", "--conf", str(conf))
        assert code == 0
        assert "admin key made" in server.output.decode()
        assert printed.strip() not in server.output.decode()
        async with httpx.AsyncClient(headers={"x-api-key": printed.strip()}) as client:
            made = await client.put(f"{server.admin_url}/apisix/admin/routes/1?wait=all", json=body)
            assert made.status_code == 201
            assert (await client.get(f"{server.url}/hello")).status_code == 200
        assert await server.stop() == 0
    async with serving(conf) as server, httpx.AsyncClient(headers={"x-api-key": printed.strip()}) as client:
        assert (await client.get(f"{server.url}/hello")).status_code == 200
        found = await client.get(f"{server.admin_url}/apisix/admin/routes/1")
        assert found.json()["value"]["uri"] == "/hello"


async def test_one_port_may_serve_both(tmp_path: Path, upstream: FakeUpstream) -> None:
    routes = {"routes": [{"id": "all", "uri": "/*", "upstream": {"nodes": {upstream.address: 1}}}]}
    address = f"127.0.0.1:{free_port()}"
    conf = write_conf(tmp_path, routes, listen=[{"address": address}], admin={"address": address})
    async with serving(conf) as server, httpx.AsyncClient() as client:
        assert (await client.get(f"{server.url}/apisix/admin/routes")).status_code == 401
        assert (await client.get(f"{server.url}/apisix/administrator")).status_code == 200


async def test_before_the_first_start_there_is_no_key(tmp_path: Path) -> None:
    code, _, errors = await run_command("admin-key", "--conf", str(write_conf(tmp_path, {"routes": []})))
    assert code == 1
    assert errors == f"error: there is no {tmp_path / 'var' / 'admin-key'} yet: it is made when the gateway starts\n"


async def test_configured_keys_are_not_printed(tmp_path: Path) -> None:
    keys = [{"name": "ops", "key": "a-key-that-is-not-printed"}]
    conf = write_conf(tmp_path, {"routes": []}, admin={"keys": keys})
    code, printed, errors = await run_command("admin-key", "--conf", str(conf))
    assert (code, printed) == (1, "")
    assert "a-key-that" not in errors
