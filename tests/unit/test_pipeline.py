import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from phasegate import (
    BadRequest,
    Consumer,
    Credential,
    Exchange,
    FunctionFailed,
    Plugin,
    Response,
    Route,
    hookimpl,
)
from phasegate.errors import PluginFailed
from phasegate.http.problem import SERVER
from phasegate.model import PluginEntry
from phasegate.pipeline import Member, Pipeline, Run
from phasegate.registry import Registry
from phasegate.snapshot.consumers import ConsumerIndex
from phasegate.testing import make_exchange, make_plugin, make_request, make_services
from tests.zoo import Answers, Badge, Keeps, Lives, Raises, Returns, Second, Token, Waits, Witness, noted


@dataclass(kw_only=True)
class Refuses(Plugin):
    """Raises an error that no answer can be made of."""

    name: ClassVar[str] = "refuses"
    schema: ClassVar = {"phase": {"type": "string"}, "what": {"type": "dict"}}
    phase: str = ""
    what: Mapping[str, Any] | None = None

    def _maybe(self, phase: str) -> None:
        if phase == self.phase:
            raise FunctionFailed("failed", **(self.what or {}))

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        self._maybe("access")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        self._maybe("response")
        return None


ZOO: list[type[Plugin]] = [Refuses, Witness, Second, Answers, Raises, Waits, Returns, Token, Badge, Lives, Keeps]
REGISTRY = Registry(ZOO)
ROUTE = Route(id="r", uris=("/",))


def chain(*members: tuple[type[Plugin], dict[str, Any]] | type[Plugin], priority: int | None = None) -> list[Member]:
    given = [member if isinstance(member, tuple) else (member, {}) for member in members]
    count = len(given)
    return [
        Member(make_plugin(cls, config), count - place if priority is None else priority)
        for place, (cls, config) in enumerate(given)
    ]


async def run(*chains: list[Member], exchange: Exchange | None = None) -> tuple[Exchange, Response]:
    exchange = exchange or make_exchange(route=ROUTE)
    pipeline = Pipeline.compile(REGISTRY, *chains)
    passage = Run(exchange, pipeline, lambda route, consumer: pipeline)
    response = await passage.answer()
    await passage.log()
    return exchange, response


async def test_phases_run_in_their_order() -> None:
    exchange, _ = await run(chain(Witness, Answers))
    assert noted(exchange) == ["witness.rewrite", "witness.access", "witness.proxy", "witness.response", "witness.log"]


async def test_the_first_response_claims_the_proxy_phase() -> None:
    exchange, response = await run(chain((Answers, {"text": "first"}), Witness))
    assert response.body == b"first"
    assert "witness.proxy" not in noted(exchange)


@pytest.mark.parametrize("phase", ["rewrite", "access"])
async def test_an_early_response_skips_what_lies_between_but_not_response_and_log(phase: str) -> None:
    exchange, response = await run(chain((Answers, {"phase": phase}), Witness))
    assert response.body == b"answered"
    skipped = {"rewrite": {"rewrite", "access", "proxy"}, "access": {"access", "proxy"}}[phase]
    assert {note.split(".")[1] for note in noted(exchange)} == {
        "rewrite",
        "access",
        "proxy",
        "response",
        "log",
    } - skipped


async def test_response_may_replace_the_answer() -> None:
    _, response = await run(chain((Answers, {"phase": "response", "text": "replaced"}), (Lives, {})))
    assert response.body == b"replaced"


async def test_an_answer_that_a_plugin_keeps_does_not_grow() -> None:
    for _ in range(3):
        await run(chain(Keeps))
    assert list(Keeps.kept.headers) == [("server", SERVER), ("content-type", "text/plain; charset=utf-8")]


async def test_a_higher_priority_runs_earlier_in_every_phase() -> None:
    low, high = chain(Witness, priority=1), chain(Second, priority=2)
    exchange, _ = await run([*low, *high])
    assert noted(exchange)[:2] == ["second.rewrite", "witness.rewrite"]
    assert noted(exchange)[-2:] == ["second.log", "witness.log"]


async def test_the_first_chain_goes_before_the_second_whatever_the_priority() -> None:
    exchange, _ = await run(chain(Witness, priority=-99), chain(Second, priority=99))
    assert noted(exchange)[:4] == ["witness.rewrite", "second.rewrite", "witness.access", "second.access"]


async def test_nobody_answers_a_request_without_route() -> None:
    exchange, response = await run(chain(Witness), exchange=make_exchange(route=None))
    assert response.status == 404
    assert noted(exchange)[-2:] == ["witness.response", "witness.log"]


async def test_nobody_answers_a_route_without_upstream() -> None:
    _, response = await run(chain(Witness))
    assert response.status == 503
    assert json.loads(await response.read())["code"] == "no_upstream"


async def test_a_plugin_that_raises_is_named_in_the_error_and_not_to_the_client() -> None:
    exchange, response = await run(chain((Raises, {"phase": "access"}), Witness))
    assert response.status == 500
    assert str(exchange.error) == "plugin raises failed in access: RuntimeError: the zoo is on fire"
    assert b"zoo" not in await response.read()
    assert "witness.response" in noted(exchange)


async def test_a_plugin_that_raises_in_response_costs_the_answer_but_not_the_others() -> None:
    exchange, response = await run(chain((Raises, {"phase": "response"}), Witness, Answers))
    assert response.status == 500
    assert "raises failed in response" in str(exchange.error)
    assert "witness.response" in noted(exchange)


async def test_a_plugin_that_raises_in_log_is_reported_and_skipped(caplog: pytest.LogCaptureFixture) -> None:
    exchange, response = await run(chain((Raises, {"phase": "log"}), Witness, Answers))
    assert response.status == 200
    assert noted(exchange)[-1] == "witness.log"
    assert [record.plugin for record in caplog.records] == ["raises"]  # type: ignore[attr-defined]


async def test_what_is_no_answer_is_refused() -> None:
    exchange, response = await run(chain(Returns))
    assert response.status == 500
    assert str(exchange.error) == "plugin returns returned a str from proxy: return a Response"


@pytest.mark.parametrize("status", [99, 101, 600, "200"])
async def test_a_status_that_is_none_is_refused(status: Any) -> None:
    exchange, response = await run(chain((Returns, {"status": status})))
    assert response.status == 500
    assert str(exchange.error) == f"plugin returns answered with status {status!r}: give one from 200 to 599"


@pytest.mark.parametrize("phase", ["access", "response"])
@pytest.mark.parametrize(
    "what", [{"headers": {"x": "a\r\nb"}}, {"headers": {"a b": "c"}}, {"members": {"x": "\ud800"}}, {"status": 42}]
)
async def test_an_error_that_no_answer_can_carry_is_the_plugin_s_failure(phase: str, what: dict[str, Any]) -> None:
    exchange, response = await run(chain((Refuses, {"phase": phase, "what": what}), Answers))
    assert response.status == 500
    assert isinstance(exchange.error, PluginFailed)
    assert (exchange.error.plugin, exchange.error.phase) == ("refuses", phase)


async def test_what_a_plugin_cancels_by_itself_is_its_own_failure() -> None:
    exchange, response = await run(chain((Raises, {"phase": "access", "cancelled": True}), Witness))
    assert response.status == 500
    assert str(exchange.error) == "plugin raises failed in access: CancelledError: "


async def test_a_request_that_was_refused_already_meets_response_and_log_alone() -> None:
    exchange = make_exchange(route=ROUTE)
    pipeline = Pipeline.compile(REGISTRY, chain(Witness, Answers))
    passage = Run(exchange, pipeline, lambda route, consumer: pipeline, BadRequest("no request"))
    assert (await passage.answer()).status == 400
    await passage.log()
    assert noted(exchange) == ["witness.response", "witness.log"]


async def test_cancelling_reaches_the_plugin_and_ends_the_run() -> None:
    Waits.waiting, Waits.cancelled = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(run(chain(Waits)))
    await Waits.waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert Waits.cancelled.is_set()


def consumer(name: str, cls: type[Plugin], token: str) -> Consumer:
    return Consumer(name, (Credential(f"{name}/{cls.name}", cls.name, {"token": token}),))


async def open_with_consumers(members: list[Member]) -> list[Member]:
    services = make_services(consumers={"jack": (Token, {"token": "t1"}), "jill": (Badge, {"token": "b1"})})
    for member in members:
        await member.instance.open(services)
    return members


async def authenticated(headers: dict[str, str], *chains: list[Member]) -> tuple[Exchange, Response]:
    opened = [await open_with_consumers(members) for members in chains]
    return await run(*opened, exchange=make_exchange(make_request(headers=headers), route=ROUTE))


async def test_a_known_caller_is_named_to_everybody_after() -> None:
    exchange, response = await authenticated({"x-token": "t1"}, chain(Token, Witness, Answers))
    assert response.status == 200
    assert exchange.consumer is not None
    assert exchange.consumer.username == "jack"
    assert exchange.request.headers.get("x-consumer-username") == "jack"
    assert "x-consumer-username" not in exchange.original.headers


async def test_authentication_comes_after_rewrite_and_before_access() -> None:
    exchange, response = await authenticated({}, chain(Token, Witness, Answers))
    assert response.status == 401
    assert noted(exchange) == ["witness.rewrite", "witness.response", "witness.log"]


async def test_any_of_several_credentials_will_do() -> None:
    exchange, response = await authenticated({"x-badge": "b1"}, chain(Token, Badge, Answers))
    assert response.status == 200
    assert exchange.consumer is not None
    assert exchange.consumer.username == "jill"


async def test_without_any_credential_every_challenge_is_told() -> None:
    _, response = await authenticated({}, chain(Token, Badge, Answers))
    assert response.headers.get_all("www-authenticate") == ["token x-token", "token x-badge"]
    assert json.loads(await response.read()) == {"message": "Missing token"}


async def test_a_credential_that_does_not_hold_is_refused_even_beside_a_good_one() -> None:
    _, response = await authenticated({"x-token": "wrong", "x-badge": "b1"}, chain(Token, Badge, Answers))
    assert response.status == 401
    assert json.loads(await response.read()) == {"message": "Wrong token"}


async def test_a_routes_credential_can_not_stand_in_for_a_global_rules() -> None:
    _, response = await authenticated({"x-badge": "b1"}, chain(Token), chain(Badge, Answers))
    assert response.status == 401


async def test_credentials_are_concealed_whoever_knew_the_caller() -> None:
    exchange, _ = await authenticated({"x-token": "t1", "x-badge": "b1"}, chain(Token, Badge, Answers))
    assert {"x-token", "x-badge"} & {name for name, _ in exchange.request.headers} == set()
    assert exchange.original.headers.get("x-badge") == "b1"


async def test_a_preflight_is_not_asked_for_credentials_and_passes_none_on() -> None:
    headers = {"origin": "https://a.example", "access-control-request-method": "PUT", "x-token": "t1"}
    members = await open_with_consumers(chain(Token, Answers))
    request = make_request("OPTIONS", headers=headers)
    exchange, response = await run(members, exchange=make_exchange(request, route=ROUTE))
    assert response.status == 200
    assert "x-token" not in exchange.request.headers


async def test_a_plugin_that_can_not_conceal_ends_the_request() -> None:
    exchange, response = await authenticated({"x-token": "t1", "x-unconcealable": "1"}, chain(Token, Answers))
    assert response.status == 500
    assert isinstance(exchange.error, PluginFailed)
    assert (exchange.error.plugin, exchange.error.phase) == ("token", "conceal")


async def test_after_authentication_the_consumers_pipeline_goes_on_without_a_second_rewrite() -> None:
    exchange = make_exchange(make_request(headers={"x-token": "t1"}), route=ROUTE)
    members = chain(Token, Witness)
    credentials = (Credential("jack/token", "token", {"token": "t1"}),)
    jack = Consumer("jack", credentials, (PluginEntry("second", "consumers/jack", "", {}),))
    for member in members:
        await member.instance.open(make_services(directory=ConsumerIndex([jack], {"token": "token"})))
    first = Pipeline.compile(REGISTRY, members)
    own = Pipeline.compile(REGISTRY, chain(Second, Answers))
    passage = Run(exchange, first, lambda route, found: own)
    await passage.answer()
    await passage.log()
    assert noted(exchange) == ["witness.rewrite", "second.access", "second.proxy", "second.response", "second.log"]


def test_an_empty_phase_has_no_steps() -> None:
    pipeline = Pipeline.compile(REGISTRY, chain(Lives))
    assert (pipeline.rewrite, pipeline.access, pipeline.authenticate, pipeline.log) == ((), (), (), ())
    assert [plugin for plugin, _ in pipeline.proxy] == ["lives"]
