from collections.abc import AsyncIterator

import httpx
import pytest

from phasegate import ConfigError, PayloadTooLarge
from phasegate.testing import FakeUpstream, make_exchange, make_plugin, make_request, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import ClientControl


@pytest.mark.parametrize(("limit", "size", "passes"), [(3, 3, True), (3, 4, False), (0, 1_000_000, True), (3, 0, True)])
async def test_the_limit_is_the_longest_body(limit: int, size: int, *, passes: bool) -> None:
    plugin = make_plugin(ClientControl, {"max_body_size": limit})
    exchange = make_exchange(make_request("POST", body=b"x" * size))
    if passes:
        assert await run_phase(plugin, "rewrite", exchange) is None
    else:
        with pytest.raises(PayloadTooLarge):
            await run_phase(plugin, "rewrite", exchange)


@pytest.mark.parametrize("limit", [-1, 1.5, "1"])
def test_what_can_not_be_configured(limit: object) -> None:
    with pytest.raises(ConfigError):
        make_plugin(ClientControl, {"max_body_size": limit})


async def chunks(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 50_000


async def test_on_a_gateway_it_holds_for_bodies_of_either_kind(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    def route(id_: str, limit: int) -> dict[str, object]:
        plugins = {"client-control": {"max_body_size": limit}}
        return {"id": id_, "uri": f"/{id_}", "plugins": plugins, "upstream": {"nodes": {upstream.address: 1}}}

    gateway = await start_gateway({"routes": [route("low", 100_000), route("none", 0)]}, [ClientControl])
    async with httpx.AsyncClient() as client:
        low = f"{gateway.url}/low"
        assert (await client.post(low, content=b"x" * 100_001)).status_code == 413
        assert upstream.received == []
        assert (await client.post(low, content=b"x" * 100_000)).status_code == 200
        assert (await client.post(low, content=chunks(2))).status_code == 200
        answer = await client.post(low, content=chunks(3))
        assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")
        assert (await client.post(f"{gateway.url}/none", content=chunks(3))).status_code == 200
    assert [len(received.body) for received in upstream.received] == [100_000, 100_000, 150_000]
