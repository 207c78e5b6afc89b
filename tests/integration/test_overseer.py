"""A plugin that hangs or blocks: what becomes of its own request, of others', and what the log says."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import Exchange, Outcome, Plugin, Response, Services, hookimpl
from phasegate.limits import Limits
from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker
from tests.wire import Protocol

pytestmark = pytest.mark.unwatched
LIMITS = Limits(phase_timeout=0.1, loop_stall=0.2)


@dataclass(kw_only=True)
class Hangs(Plugin):
    """Waits in a phase for what never comes."""

    name: ClassVar[str] = "hangs"
    schema: ClassVar = {"phase": {"type": "string", "required": True}}
    consumer_schema: ClassVar = {"key": {"type": "string"}}
    consumer_key: ClassVar = "key"
    phase: str

    async def _maybe(self, phase: str) -> None:
        if phase == self.phase:
            await asyncio.Event().wait()

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        await self._maybe("rewrite")
        return None

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        await self._maybe("authenticate")
        return Outcome.ok()

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        await self._maybe("access")
        return None

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        await self._maybe("proxy")
        return Response.text("answered")

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        await self._maybe("response")
        return None

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        await self._maybe("log")


@dataclass(kw_only=True)
class Tells(Plugin):
    """Notes that its log phase has run."""

    name: ClassVar[str] = "tells"
    priority: ClassVar[int] = -1
    logged: ClassVar[asyncio.Event]

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        self.logged.set()


@dataclass(kw_only=True)
class Blocks(Plugin):
    """Holds up its worker's event loop."""

    name: ClassVar[str] = "blocks"
    schema: ClassVar = {"seconds": {"type": "number", "required": True}}
    seconds: float

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        time.sleep(self.seconds)  # noqa: ASYNC251 (what this is about)
        return Response.text("late")


@dataclass(kw_only=True)
class Asks(Plugin):
    """Asks a service, reads the body, or holds on to the wrong end of its own cancelling."""

    name: ClassVar[str] = "asks"
    schema: ClassVar = {"what": {"type": "string", "required": True}}
    what: str

    async def open(self, services: Services) -> None:
        self.client = services.client

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        if self.what == "body":
            return Response.text((await exchange.request.body.read(100)).decode())
        if self.what == "stubborn":
            for _ in range(2):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    continue
            return Response.text("ended at last")
        answer = await self.client.fetch(self.what, timeout_seconds=5)
        return Response.text(f"asked {answer.status}")


@dataclass(kw_only=True)
class Reads(Plugin):
    """Reads the whole answer before anybody gets a part of it."""

    name: ClassVar[str] = "reads"

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        response.body = await response.read()
        return None


def routes(upstream: FakeUpstream, **plugins: Any) -> dict[str, Any]:
    return {
        "routes": [
            {"id": "watched", "uri": "/x", "plugins": plugins},
            {"id": "other", "uri": "/other", "upstream": {"nodes": {upstream.address: 1}}},
        ]
    }


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Callable[[str], Awaitable[dict[str, Any]]]:
    """Return a function that waits for an event, and returns its fields."""
    caplog.set_level(logging.DEBUG)

    async def logged(event: str) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while True:
                for record in caplog.records:
                    if record.getMessage() == event:
                        return vars(record)
                await asyncio.sleep(0.01)

    return logged


@pytest.mark.parametrize("phase", ["rewrite", "authenticate", "access", "proxy", "response"])
async def test_a_phase_that_hangs_is_ended_and_named(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    log: Callable[[str], Awaitable[dict[str, Any]]],
    phase: str,
) -> None:
    gateway = await start_gateway(routes(upstream, hangs={"phase": phase}), [Hangs], limits=LIMITS)
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{gateway.url}/x")
    assert (answer.status_code, answer.json()["code"]) == (504, "plugin_timeout")
    line = await log("request failed")
    assert (line["plugin"], line["phase"], line["route"]) == ("hangs", phase, "watched")
    assert line["request_id"] == answer.json()["request_id"]
    assert f"plugin hangs took over 0.1 s in {phase}, and waits at locks.py:" in line["cause"]


async def test_a_phase_that_hangs_is_its_own_request_s_affair(
    start_gateway: GatewayMaker, upstream: FakeUpstream, http: httpx.AsyncClient, protocol: Protocol
) -> None:
    document = routes(upstream, hangs={"phase": "access"})
    gateway = await start_gateway(document, [Hangs], limits=LIMITS, tls=protocol.tls)
    hanging = asyncio.create_task(http.get(f"{gateway.url}/x"))
    assert (await http.get(f"{gateway.url}/other")).text == "ok"
    assert (await hanging).status_code == 504


async def test_a_log_phase_that_hangs_keeps_the_next_from_nothing(
    start_gateway: GatewayMaker, upstream: FakeUpstream, log: Callable[[str], Awaitable[dict[str, Any]]]
) -> None:
    Tells.logged = asyncio.Event()
    document = routes(upstream, hangs={"phase": "log"}, tells={})
    gateway = await start_gateway(document, [Hangs, Tells], limits=LIMITS)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{gateway.url}/x")).text == "answered"
    line = await log("plugin failed")
    assert (line["plugin"], line["phase"], line["route"]) == ("hangs", "log", "watched")
    await asyncio.wait_for(Tells.logged.wait(), 5)


async def test_a_plugin_that_ignores_its_end_is_told_again(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    gateway = await start_gateway(routes(upstream, asks={"what": "stubborn"}), [Asks], limits=LIMITS)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{gateway.url}/x")).text == "ended at last"


async def test_waiting_for_a_call_of_the_gateway_s_client_does_not_count(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    held = asyncio.Event()
    upstream.reply(Reply(wait=held))
    gateway = await start_gateway(routes(upstream, asks={"what": upstream.url}), [Asks], limits=LIMITS)
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(f"{gateway.url}/x"))
        await upstream.arrived()
        await asyncio.sleep(4 * LIMITS.phase_timeout)
        held.set()
        assert (await asking).text == "asked 200"


async def test_waiting_for_an_upstream_s_body_does_not_count(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(pieces=[b"slow", b"ly"], gate=gate))
    nodes = {"nodes": {upstream.address: 1}}
    document = {"routes": [{"id": "r", "uri": "/x", "plugins": {"reads": {}}, "upstream": nodes}]}
    gateway = await start_gateway(document, [Reads], limits=LIMITS)
    async with httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.get(f"{gateway.url}/x"))
        await upstream.arrived()
        await asyncio.sleep(4 * LIMITS.phase_timeout)
        gate.set()
        assert (await asking).text == "slowly"


async def test_waiting_for_the_client_s_body_does_not_count(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"slow"
        await asyncio.sleep(4 * LIMITS.phase_timeout)
        yield b"ly"

    gateway = await start_gateway(routes(upstream, asks={"what": "body"}), [Asks], limits=LIMITS)
    async with httpx.AsyncClient() as client:
        assert (await client.post(f"{gateway.url}/x", content=body())).text == "slowly"


async def test_with_no_limit_nothing_is_ended(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    limits = Limits(phase_timeout=0, loop_stall=0)
    gateway = await start_gateway(routes(upstream, hangs={"phase": "access"}), [Hangs], limits=limits)
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"{gateway.url}/x", timeout=0.5)


async def test_a_loop_that_stands_still_is_told_of_with_plugin_phase_route_and_stack(
    start_gateway: GatewayMaker, upstream: FakeUpstream, log: Callable[[str], Awaitable[dict[str, Any]]]
) -> None:
    gateway = await start_gateway(routes(upstream, blocks={"seconds": 0.6}), [Blocks], limits=LIMITS)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{gateway.url}/x")).text == "late"
    line = await log("event loop stands still")
    assert (line["plugin"], line["phase"], line["route"]) == ("blocks", "access", "watched")
    assert "time.sleep(self.seconds)" in line["stack"]
    assert 0.2 < (await log("event loop goes on"))["seconds"] < 5
