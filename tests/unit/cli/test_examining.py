"""What the doctor looks at: every place once, every plugin that looks into itself, and no look can hold it up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Diagnosis, Exchange, Origin, Plugin, Response, Secret, Services, hookimpl
from phasegate.cli.examining import Examined, examined
from phasegate.faas import FunctionPlugin
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from phasegate.testing import FakeUpstream


@dataclass(kw_only=True)
class Vendor(FunctionPlugin):
    """A vendor's plugin that knows nothing of doctors."""

    name: ClassVar[str] = "vendor"


@dataclass(kw_only=True)
class Looks(Plugin):
    """Says what it was told to, then fails as it was told to."""

    name: ClassVar[str] = "looks"
    schema: ClassVar[dict[str, Any]] = {
        "says": {"type": "string", "required": True},
        "token": {"type": "string", "secret": True, "default": "s3cret"},
        "then": {"type": "string", "default": "ends"},
    }
    says: str
    token: Secret
    then: str

    async def diagnose(self, services: Services) -> AsyncIterator[Diagnosis]:
        yield Diagnosis("word", self.says)
        if self.then == "hangs":
            await asyncio.Event().wait()
        if self.then == "raises":
            raise ValueError(self.token.value)
        yield Diagnosis("metadata", str(services.metadata(self.name)), "warning", "mend it")

    def connects_to(self) -> Iterable[Origin]:
        if self.then == "is lost":
            raise ValueError(self.token.value)
        return ()

    def destination(self) -> str | None:
        return "somewhere"

    async def open(self, services: Services) -> None:
        raise RuntimeError("nobody may open it")

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        return None


async def look(document: dict[str, Any], seconds: float = 5.0) -> list[Examined]:
    return await examined(Snapshot(document, Schemas(Registry([Vendor, Looks]))), seconds)


def route(id_: str, **plugins: Any) -> dict[str, Any]:
    return {"id": id_, "uri": f"/{id_}", "plugins": plugins}


async def test_a_function_plugin_is_looked_at_without_a_line_of_its_own(upstream: FakeUpstream) -> None:
    (found,) = await look({"routes": [route("r", vendor={"function_uri": f"{upstream.url}/fn"})]})
    assert (found.title, found.used_by) == (upstream.url, ("routes/r",))
    assert [diagnosis.about for diagnosis in found.diagnoses] == ["tcp", "clock"]
    assert upstream.received[0].target == "*"


async def test_every_node_that_gets_requests_is_looked_at(upstream: FakeUpstream) -> None:
    nodes = {upstream.address: 1, "127.0.0.1:9": 0}
    document = {"upstreams": [{"id": "u", "nodes": nodes}], "routes": [{"id": "r", "uri": "/", "upstream_id": "u"}]}
    (found,) = await look(document)
    assert (found.title, found.used_by) == (upstream.url, ("upstreams/u",))


async def test_a_place_that_several_use_is_looked_at_once(upstream: FakeUpstream) -> None:
    nodes = {"nodes": {upstream.address: 1}}
    routes = [
        route("a", vendor={"function_uri": f"{upstream.url}/one"}),
        route("b", vendor={"function_uri": f"{upstream.url}/two", "keepalive_pool": 9}),
        {"id": "c", "uri": "/c", "upstream": nodes},
    ]
    (found,) = await look({"routes": routes})
    assert found.used_by == ("routes/a", "routes/b", "routes/c")
    assert len(upstream.received) == 1


async def test_a_plugin_says_what_it_finds_and_need_not_be_open() -> None:
    document = {"routes": [route("r", looks={"says": "hello"})]}
    assert await look(document) == [
        Examined(
            "looks: somewhere",
            ("routes/r",),
            (Diagnosis("word", "hello"), Diagnosis("metadata", "None", "warning", "mend it")),
        )
    ]


async def test_equal_plugins_are_asked_once_and_others_each() -> None:
    routes = [
        route("a", looks={"says": "x"}),
        route("b", looks={"says": "x"}),
        route("c", looks={"says": "x", "token": "another"}),
    ]
    assert [found.used_by for found in await look({"routes": routes})] == [("routes/a", "routes/b"), ("routes/c",)]


async def test_a_plugin_that_is_turned_off_is_left_out() -> None:
    assert await look({"routes": [route("r", looks={"says": "x", "_meta": {"disable": True}})]}) == []


async def test_a_plugin_that_hangs_holds_nobody_up() -> None:
    routes = [route("a", looks={"says": "x", "then": "hangs"}), route("b", looks={"says": "y"})]
    slow, quick = await look({"routes": routes}, seconds=0.01)
    assert [diagnosis.level for diagnosis in slow.diagnoses] == ["ok", "error"]
    assert "takes over" in slow.diagnoses[1].message
    assert len(quick.diagnoses) == 2


async def test_a_plugin_that_raises_is_told_without_what_it_says() -> None:
    (found,) = await look({"routes": [route("r", looks={"says": "x", "then": "raises"})]})
    assert found.diagnoses[1] == Diagnosis("check", "the plugin can't look: ValueError", "error", "tell its author")


async def test_a_plugin_that_can_not_say_where_it_connects_is_told() -> None:
    (found,) = await look({"routes": [route("r", looks={"says": "x", "then": "is lost"})]})
    message = "the plugin can't say where it connects: ValueError"
    assert found == Examined("looks", ("routes/r",), (Diagnosis("check", message, "error", "tell its author"),))
