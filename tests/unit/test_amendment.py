import json
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import Exchange, PayloadTooLarge, Plugin, Response, ServiceUnavailable, hookimpl
from phasegate.multi_auth import MultiAuth
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_request, running_gateway
from tests.zoo import Answers, Badge, Raises, Token, Witness, noted

FILTER = [["http_x", "==", "1"]]
PEOPLE = [
    {"username": "jack", "plugins": {"token": {"token": "jacks"}}},
    {"username": "jill", "plugins": {"badge": {"token": "jills"}, "witness": {"mark": "jill"}}},
]


@dataclass(kw_only=True)
class Refuses(Plugin):
    """Refuses in the phase and the way that its configuration names."""

    name: ClassVar[str] = "refuses"
    schema: ClassVar = {"phase": {"type": "string", "required": True}, "status": {"type": "integer", "default": 0}}
    phase: str
    status: int

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        return self._in("rewrite")

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        return self._in("access")

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        return self._in("proxy")

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        return self._in("response")

    def _in(self, phase: str) -> Response | None:
        if phase != self.phase:
            return None
        if self.status:
            return Response(self.status, {"x-kept": "1", "content-type": "text/html", "content-length": "2"}, b"no")
        raise PayloadTooLarge("the cause")


@dataclass(kw_only=True)
class Away(Token):
    """Can't tell who calls."""

    name: ClassVar[str] = "away"

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Any:
        raise ServiceUnavailable("nobody to ask")


PLUGINS: list[type[Plugin]] = [MultiAuth, Answers, Away, Badge, Raises, Refuses, Token, Witness]


async def ask(
    plugins: dict[str, Any], headers: Any = (), global_plugins: dict[str, Any] | None = None
) -> tuple[httpx.Response, list[str]]:
    """Return what a whole gateway with one route answers, and what its plugins noted."""
    noted_by: list[str] = []

    @dataclass(kw_only=True)
    class Tells(Plugin):
        name: ClassVar[str] = "tells"

        @hookimpl(trylast=True)
        async def log(self, exchange: Exchange) -> None:
            noted_by.extend(noted(exchange))

    document = {
        "routes": [{"id": "r", "uri": "/", "plugins": {"tells": {}, **plugins}}],
        "global_rules": [{"id": "g", "plugins": global_plugins or {}}],
        "consumers": PEOPLE,
    }
    async with running_gateway(document, [*PLUGINS, Tells]) as gateway, httpx.AsyncClient() as client:
        answer = await client.get(gateway.url, headers=dict(headers))
    return answer, noted_by


@pytest.mark.parametrize(("headers", "runs"), [({"x": "1"}, True), ({"x": "2"}, False), ({}, False)])
async def test_a_filter_leaves_a_plugin_out_in_all_its_phases(headers: dict[str, str], *, runs: bool) -> None:
    _, notes = await ask({"witness": {"_meta": {"filter": FILTER}}, "answers": {"_meta": {"priority": -1}}}, headers)
    phases = ("rewrite", "access", "proxy", "response", "log") if runs else ()
    assert notes == [f"witness.{phase}" for phase in phases]


async def test_a_filter_is_asked_once_whatever_a_plugin_does_to_the_request() -> None:
    snapshot = Snapshot(
        {"routes": [{"id": "r", "uri": "/", "plugins": {"witness": {"_meta": {"filter": FILTER}}}}]},
        Schemas(Registry(PLUGINS)),
    )
    exchange = make_exchange(make_request(headers={"x": "1"}))
    pipeline = snapshot.pipeline(snapshot.routes[0])
    exchange.request.headers["x"] = "2"
    await pipeline.rewrite[0][1](exchange)
    exchange.original.headers["x"] = "2"
    await pipeline.log[0][1](exchange)
    assert noted(exchange) == ["witness.rewrite", "witness.log"]


async def test_a_plugin_without_a_filter_is_called_as_it_is() -> None:
    document = {"routes": [{"id": "r", "uri": "/", "plugins": {"witness": {"_meta": {"priority": 1}}}}]}
    snapshot = Snapshot(document, Schemas(Registry(PLUGINS)))
    call: Any = snapshot.pipeline(snapshot.routes[0]).rewrite[0][1]
    assert call.__func__ is Witness.rewrite


async def test_a_filter_that_leaves_the_last_plugin_out_leaves_nobody_to_answer() -> None:
    answer, _ = await ask({"answers": {"_meta": {"filter": FILTER}}})
    assert (answer.status_code, answer.json()["code"]) == (503, "no_upstream")


async def test_one_plugin_in_two_chains_has_a_filter_in_each() -> None:
    _, notes = await ask(
        {"witness": {"mark": "route"}, "answers": {"_meta": {"priority": -1}}},
        global_plugins={"witness": {"mark": "global", "_meta": {"filter": FILTER}}},
    )
    assert {note.split(".")[0] for note in notes} == {"route"}


async def test_a_consumer_s_plugin_has_its_filter_on_every_route() -> None:
    _, notes = await ask(
        {
            "badge": {},
            "witness": {"mark": "route", "_meta": {"filter": FILTER}},
            "answers": {"_meta": {"priority": -1}},
        },
        {"x-badge": "jills"},
    )
    assert {note.split(".")[0] for note in notes} == {"jill"}


JACK, JILL = {"x-token": "jacks"}, {"x-badge": "jills"}


@pytest.mark.parametrize(
    ("policy", "filtered", "headers", "status"),
    [
        (None, {"token"}, {}, 401),
        (None, {"token"}, JACK, 401),
        (None, {"token"}, {**JACK, "x": "1"}, 200),
        (None, {"token"}, {"x": "1"}, 401),
        ("any", {"token", "badge"}, {}, 401),
        ("any", {"token", "badge"}, {**JACK, **JILL}, 401),
        ("any", {"token"}, JILL, 200),
        ("any", {"token"}, {**JILL, "x-token": "wrong"}, 200),
        ("any", {"token"}, JACK, 401),
        ("any", {"badge"}, {}, 401),
        ("any", {"badge"}, JACK, 200),
        ("all", {"badge"}, JACK, 401),
        ("all", {"badge"}, {**JACK, **JILL}, 401),
        ("all", {"token", "badge"}, {**JACK, **JILL}, 401),
        ("all", {"token", "badge"}, {}, 401),
    ],
)
async def test_a_filter_on_an_auth_plugin_lets_nobody_in_without_a_credential(
    policy: str | None, filtered: set[str], headers: dict[str, str], status: int
) -> None:
    names = ["token"] if policy is None else ["token", "badge"]
    inside = {name: {"_meta": {"filter": FILTER}} if name in filtered else {} for name in names}
    own = {"multi-auth": {"policy": policy, "auth_plugins": [{name: inside[name]} for name in names]}}
    answer, _ = await ask({"answers": {}, **(own if policy else inside)}, headers)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)


async def test_a_filter_of_a_global_rule_takes_no_route_s_credential_for_its_own() -> None:
    answer, _ = await ask({"answers": {}, "badge": {}}, JILL, global_plugins={"token": {"_meta": {"filter": FILTER}}})
    assert answer.status_code == 401


TEXT, OBJECT = "closed", {"error": {"n": 1}}


@pytest.mark.parametrize(
    ("config", "replaced"),
    [
        ({"phase": "rewrite", "status": 403}, True),
        ({"phase": "access", "status": 400}, True),
        ({"phase": "access", "status": 599}, True),
        ({"phase": "access", "status": 399}, False),
        ({"phase": "access", "status": 200}, False),
        ({"phase": "proxy", "status": 404}, False),
        ({"phase": "response", "status": 404}, False),
        ({"phase": "rewrite"}, True),
        ({"phase": "access"}, True),
        ({"phase": "proxy"}, True),
        ({"phase": "response"}, True),
    ],
)
@pytest.mark.parametrize("instead", [TEXT, OBJECT])
async def test_what_stands_in_the_place_of_a_refusal(config: dict[str, Any], instead: Any, *, replaced: bool) -> None:
    plugins = {"refuses": {**config, "_meta": {"error_response": instead}}, "answers": {"_meta": {"priority": -1}}}
    answer, _ = await ask(plugins)
    assert answer.status_code == config.get("status", 413)
    if not replaced:
        assert (answer.text, answer.headers["content-type"]) == ("no", "text/html")
    elif instead is TEXT:
        assert (answer.text, answer.headers["content-type"]) == (TEXT, "text/plain; charset=utf-8")
    else:
        assert (json.loads(answer.text), answer.headers["content-type"]) == (OBJECT, "application/json")
    assert ("x-kept" in answer.headers) is ("status" in config)


async def test_only_the_plugin_that_refuses_says_what_stands_there() -> None:
    answer, _ = await ask({"refuses": {"phase": "access"}, "witness": {"_meta": {"error_response": TEXT}}})
    assert answer.json()["code"] == "payload_too_large"


async def test_a_plugin_that_fails_does_not_refuse() -> None:
    answer, _ = await ask({"raises": {"_meta": {"error_response": TEXT}}})
    assert answer.json()["code"] == "plugin_failed"


@pytest.mark.parametrize("headers", [{}, {"x-token": "wrong"}])
async def test_an_auth_plugin_s_refusal_keeps_its_challenge(headers: dict[str, str]) -> None:
    answer, _ = await ask({"token": {"_meta": {"error_response": OBJECT}}, "answers": {}}, headers)
    assert (answer.status_code, answer.json()) == (401, OBJECT)
    assert answer.headers["www-authenticate"] == "token x-token"


async def test_one_that_is_left_out_is_told_so_too() -> None:
    plugins = {"token": {"_meta": {"error_response": OBJECT, "filter": FILTER}}, "answers": {}}
    answer, _ = await ask(plugins, JACK)
    assert (answer.status_code, answer.json()) == (401, OBJECT)


async def test_who_is_known_is_not_told_it() -> None:
    answer, _ = await ask({"token": {"_meta": {"error_response": OBJECT}}, "answers": {}}, JACK)
    assert (answer.status_code, answer.text) == (200, "answered")


async def test_an_error_of_an_auth_plugin_is_told_so_too() -> None:
    answer, _ = await ask({"away": {"_meta": {"error_response": TEXT}}, "answers": {}})
    assert (answer.status_code, answer.text) == (503, TEXT)


async def test_what_an_upstream_answers_is_left_alone(upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=404, body=b"theirs"))
    plugins = {"witness": {"_meta": {"error_response": TEXT}}}
    route = {"id": "r", "uri": "/", "plugins": plugins, "upstream": {"nodes": {upstream.address: 1}}}
    async with running_gateway({"routes": [route]}, PLUGINS) as gateway, httpx.AsyncClient() as client:
        assert (await client.get(gateway.url)).text == "theirs"
