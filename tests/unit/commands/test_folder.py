"""A folder's routes as commands find them: their plugins, and requests on them as the proxy phase would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from phasegate import BadRequest, ConfigError, Exchange, Plugin, Response, Services, hookimpl
from phasegate.commands import CommandError, Folder, request_from
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from tests.process import write_conf
from tests.zoo import Answers

UPSTREAM = {"nodes": {"127.0.0.1:9": 1}}


@dataclass(kw_only=True)
class Rewrites(Plugin):
    """Rewrites the path, refuses or answers, as it is told to, and must be open for it."""

    name: ClassVar[str] = "rewrites"
    schema: ClassVar[dict[str, Any]] = {"does": {"type": "string", "default": "rewrites"}}
    does: str
    closed: ClassVar[list[str]] = []

    async def open(self, services: Services) -> None:
        self.path = "/rewritten"

    async def close(self) -> None:
        self.closed.append(self.does)

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        if self.does == "refuses":
            raise BadRequest("never")
        exchange.request.path = self.path
        return Response(204) if self.does == "answers" else None


@dataclass(kw_only=True)
class Derived(Answers):
    """What a command makes of a plugin's class."""


def folder(*routes: dict[str, Any], **more: Any) -> Folder:
    document = {"routes": [{"upstream": UPSTREAM, **route} for route in routes], **more}
    return Folder(Snapshot(document, Schemas(Registry([Answers, Rewrites]))))


async def exchange(of: Folder, id_: str, method: str, target: str) -> Exchange:
    async with of.services() as services:
        return await of.exchange(of.route(id_), request_from(method, target), services)


async def test_an_exchange_has_what_the_route_gives_it() -> None:
    found = await exchange(folder({"id": "r", "uri": "/x/:id/*"}), "r", "GET", "/x/7/rest")
    assert found.route is not None
    assert (found.route.id, found.params, found.suffix) == ("r", {"id": "7"}, "rest")


async def test_it_is_rewritten_as_on_its_way_to_the_proxy_phase() -> None:
    Rewrites.closed = []
    found = await exchange(folder({"id": "r", "uri": "/x", "plugins": {"rewrites": {}}}), "r", "GET", "/x")
    assert (found.request.path, found.original.path) == ("/rewritten", "/x")
    assert Rewrites.closed == ["rewrites"]


@pytest.mark.parametrize(
    ("does", "message"),
    [
        ("refuses", "plugin rewrites refuses the request: never"),
        ("answers", "plugin rewrites answers the request itself, with 204"),
    ],
)
async def test_a_request_that_does_not_get_there_is_an_error(does: str, message: str) -> None:
    route = {"id": "r", "uri": "/x", "plugins": {"rewrites": {"does": does}}}
    with pytest.raises(CommandError, match=message):
        await exchange(folder(route), "r", "GET", "/x")


@pytest.mark.parametrize(("target", "taker"), [("/other", "no route"), ("/x/y", "route 'b'")])
async def test_a_request_that_another_route_takes_is_an_error(target: str, taker: str) -> None:
    both = folder({"id": "a", "uri": "/x/*"}, {"id": "b", "uri": "/x/y"})
    with pytest.raises(CommandError, match=f"^{taker} takes GET {target} of localhost, and not 'a'"):
        await exchange(both, "a", "GET", target)


def test_a_plugin_comes_in_the_class_that_is_asked_for() -> None:
    of = folder({"id": "r", "uri": "/", "plugins": {"answers": {}}}, {"id": "none", "uri": "/none"})
    assert type(of.plugin(of.route("r"), Derived)) is Derived
    with pytest.raises(CommandError, match="route 'none' does not use answers"):
        of.plugin(of.route("none"), Derived)


def test_a_route_that_is_not_there_is_told_with_what_may_be_meant() -> None:
    of = folder({"id": "orders", "uri": "/"})
    with pytest.raises(CommandError, match="there is no route 'order': did you mean 'orders'"):
        of.route("order")
    with pytest.raises(CommandError, match="there are none"):
        Folder.empty().route("order")


async def test_a_folder_is_read_from_disk_and_judged(tmp_path: Path) -> None:
    conf = write_conf(tmp_path, {"routes": [{"id": "r", "uri": "/", "upstream": UPSTREAM}]})
    assert (await Folder.read(conf)).route("r").uris == ("/",)
    with pytest.raises(ConfigError, match="is no path"):
        await Folder.read(write_conf(tmp_path, {"routes": [{"id": "r", "uri": "x"}]}))
