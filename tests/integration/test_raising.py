"""A plugin that raises what is no Exception: its own request fails, with plugin, phase and route in the log, and no other."""

import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import ConfigError, Exchange, Outcome, Plugin, Response, Services, hookimpl
from phasegate.testing import FakeUpstream
from phasegate.testing.fixtures import GatewayMaker
from tests.wire import Protocol


class OddError(BaseException):
    """No Exception, as some libraries' signals are none."""


RAISED: dict[str, BaseException] = {
    "exit": SystemExit(3),
    "odd": OddError("odd"),
    "group": BaseExceptionGroup("several", [SystemExit(3), OddError("odd")]),
}


@dataclass(kw_only=True)
class Exits(Plugin):
    """Raises in one of its methods."""

    name: ClassVar[str] = "exits"
    schema: ClassVar = {
        "where": {"type": "string", "required": True},
        "what": {"type": "string", "allowed": [*RAISED], "default": "exit"},
    }
    consumer_schema: ClassVar = {"key": {"type": "string"}}
    consumer_key: ClassVar = "key"
    where: str
    what: str

    def _maybe(self, where: str) -> None:
        if where == self.where:
            raise RAISED[self.what]

    def check(self) -> Any:
        """Raise there, too."""
        self._maybe("check")
        return ()

    async def open(self, services: Services) -> None:
        """Raise there, too."""
        self._maybe("open")

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        self._maybe("rewrite")
        return None

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        self._maybe("authenticate")
        return Outcome.ok()

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        self._maybe("access")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        self._maybe("response")
        if self.where == "stream":
            response.body = self._broken()
        return None

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        self._maybe("log")

    async def _broken(self) -> AsyncIterator[bytes]:
        yield b"part"
        self._maybe("stream")


def document(upstream: FakeUpstream, where: str, what: str = "exit") -> dict[str, Any]:
    nodes = {"nodes": {upstream.address: 1}}
    plugins = {"exits": {"where": where, "what": what}}
    return {
        "routes": [
            {"id": "raising", "uri": "/x", "plugins": plugins, "upstream": nodes},
            {"id": "other", "uri": "/other", "upstream": nodes},
        ]
    }


@pytest.mark.parametrize("what", RAISED)
@pytest.mark.parametrize("phase", ["rewrite", "authenticate", "access", "response", "log"])
async def test_it_is_the_failure_of_a_phase(
    start_gateway: GatewayMaker, upstream: FakeUpstream, caplog: pytest.LogCaptureFixture, phase: str, what: str
) -> None:
    caplog.set_level(logging.INFO)
    gateway = await start_gateway(document(upstream, phase, what), [Exits])
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{gateway.url}/x")
        assert (await client.get(f"{gateway.url}/other")).status_code == 200
    assert answer.status_code == (200 if phase == "log" else 500)
    failed = [vars(record) for record in caplog.records if record.msg in ("request failed", "plugin failed")]
    assert [(line["plugin"], line["phase"], line["route"]) for line in failed] == [("exits", phase, "raising")]


@pytest.mark.parametrize("what", RAISED)
async def test_in_a_stream_it_cuts_the_answer(
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    http: httpx.AsyncClient,
    protocol: Protocol,
    caplog: pytest.LogCaptureFixture,
    what: str,
) -> None:
    caplog.set_level(logging.INFO)
    gateway = await start_gateway(document(upstream, "stream", what), [Exits], tls=protocol.tls)
    with pytest.raises(httpx.RemoteProtocolError):
        await http.get(f"{gateway.url}/x", timeout=5)
    assert (await http.get(f"{gateway.url}/other")).status_code == 200
    (failed,) = [vars(record) for record in caplog.records if record.msg == "request failed"]
    assert (failed["plugin"], failed["phase"], failed["route"]) == ("exits", "response", "raising")


@pytest.mark.parametrize("where", ["check", "open"])
async def test_at_load_it_is_refused(start_gateway: GatewayMaker, upstream: FakeUpstream, where: str) -> None:
    with pytest.raises(ConfigError, match=f"exits.*{where}"):
        await start_gateway(document(upstream, where), [Exits])
