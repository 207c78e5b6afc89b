import httpx

from phasegate.testing import FakeUpstream
from phasegate.testing.fixtures import GatewayMaker
from phasegate_auth import KeyAuth


def document(upstream: FakeUpstream) -> dict[str, object]:
    return {
        "routes": [{"id": "r", "uri": "/*", "plugins": {"key-auth": {}}, "upstream": {"nodes": {upstream.address: 1}}}],
        "consumers": [{"username": "jack", "plugins": {"key-auth": {"key": "sesame"}}}],
    }


async def test_only_known_callers_reach_the_upstream(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gateway = await start_gateway(document(upstream), [KeyAuth])
    async with httpx.AsyncClient(verify=False) as client:
        missing = await client.get(gateway.url)
        wrong = await client.get(gateway.url, headers={"apikey": "x"})
        right = await client.get(gateway.url, headers={"apikey": "sesame"})
    assert (missing.status_code, missing.json()) == (401, {"message": "Missing API key in request"})
    assert (wrong.status_code, wrong.json()) == (401, {"message": "Invalid API key in request"})
    assert missing.headers["www-authenticate"] == 'apikey realm="key"'
    assert right.status_code == 200
    received = upstream.received[0]
    assert (received.get("apikey"), received.get("x-consumer-username")) == (None, "jack")


async def test_consumers_change_while_the_plugin_stays(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gateway = await start_gateway(document(upstream), [KeyAuth])
    changed = document(upstream)
    changed["consumers"] = [{"username": "jill", "plugins": {"key-auth": {"key": "new"}}}]
    await gateway.reload(changed)
    async with httpx.AsyncClient(verify=False) as client:
        assert (await client.get(gateway.url, headers={"apikey": "sesame"})).status_code == 401
        assert (await client.get(gateway.url, headers={"apikey": "new"})).status_code == 200
