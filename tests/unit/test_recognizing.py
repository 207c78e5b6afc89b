"""A caller who is recognized at once, compared with one for whom everybody is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Consumer, Credential, Exchange, Outcome, Plugin, RequestError, Unauthorized, at_once, hookimpl
from phasegate.amendment import Amendment
from phasegate.authentication import Group, Step, authenticate, recognize
from phasegate.contract import misuses
from phasegate.errors import PluginFailed
from phasegate.model import Route
from phasegate.multi_auth import MultiAuth
from phasegate.pipeline import Member, Pipeline, Run
from phasegate.registry import Registry
from phasegate.testing import make_exchange, make_plugin, make_request
from tests.zoo import Answers, Token

JACK = Consumer("jack", labels={"custom_id": "4711"}, group_id="g")
GUEST = Consumer("guest")
PREFLIGHT = (("origin", "https://a.example"), ("access-control-request-method", "PUT"))
SAID: dict[str, object] = {
    "jack": Outcome.ok(JACK, Credential("jack/c", "judges", {}, "c")),
    "jill": Outcome.ok(Consumer("jill"), claims={"sub": "j"}),
    "nobody": Outcome.ok(claims={"sub": "s"}),
    "wrong": Outcome.invalid("Wrong", challenge="judges", reason="because"),
    "none": Outcome.absent("Missing", challenge="judges"),
    "guest": Outcome.absent("Missing", challenge="judges", anonymous=GUEST),
    "odd": Outcome(consumer=GUEST, present=False, holds=True),
    "text": "jack",
}


@dataclass(kw_only=True)
class Judges(Plugin):
    """Says at once what stands in its header, or raises."""

    name: ClassVar[str] = "judges"
    consumer_schema: ClassVar = {"key": {"type": "string"}}
    consumer_key: ClassVar[str | None] = "key"

    @hookimpl
    @at_once
    def authenticate(self, exchange: Exchange) -> Outcome:
        said = exchange.original.headers.get("x-key") or "none"
        if said == "unauthorized":
            raise Unauthorized("not today", public="Not today")
        if said == "exit":
            raise SystemExit
        return SAID[said]  # type: ignore[return-value]

    def concealed_fields(self) -> tuple[str, ...]:
        return ("x-key",)

    def concealed_arguments(self) -> tuple[str, ...]:
        return ("key",)


@dataclass(kw_only=True)
class Stricter(Judges):
    """Has a word with the one that it extends."""

    name: ClassVar[str] = "stricter"

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        found = await super().authenticate(exchange)
        return found if exchange.request.path == "/" else Outcome.invalid("Wrong path", challenge="stricter")


@dataclass(kw_only=True)
class Guarded(Judges):
    """Has the same judge, behind a decorator of its own."""

    name: ClassVar[str] = "guarded"

    @hookimpl
    @wraps(Judges.authenticate)
    async def authenticate(self, exchange: Exchange) -> Outcome:  # type: ignore[override]
        return Outcome.invalid("Not from here", challenge="guarded")


REGISTRY = Registry([Judges, Stricter, Guarded, Token, Answers, MultiAuth])


def compiled(*classes: type[Plugin], amendment: Amendment | None = None, **config: Any) -> Pipeline:
    members = [Member(make_plugin(cls), 1, amendment) for cls in classes]
    if config:
        members.append(Member(make_plugin(MultiAuth, config), 1))
    return Pipeline.compile(REGISTRY, members)


async def answered(pipeline: Pipeline, exchange: Exchange) -> tuple[int, bytes]:
    response = await Run(exchange, pipeline, lambda route, consumer: pipeline).answer()
    return response.status, await response.read()


def slowly(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline in which nobody judges at once, since something stands around each step."""

    def around(step: Step) -> Step:
        return step[0], partial(step[1])

    groups = [replace(group, steps=tuple(map(around, group.steps))) for group in pipeline.authenticate]
    return replace(pipeline, authenticate=tuple(groups))


def left(exchange: Exchange) -> tuple[object, ...]:
    error = exchange.error
    told = None if error is None else (type(error), str(error), error.headers)
    request = exchange.request
    return request.headers.raw, request.query.raw, exchange.consumer, exchange.credential, exchange.claims, told


OTHERS = st.sampled_from(
    [("x-consumer-username", "admin"), ("x-consumer-groups", "root"), ("x-key", "wrong"), ("x", "1")]
)


@pytest.mark.parametrize("said", [*SAID, "unauthorized", "unheard-of"])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@given(
    others=st.lists(OTHERS, max_size=4),
    target=st.sampled_from(["/?key=1", "/?a=1&k%65y=2", "/?a=1", "/"]),
    classes=st.sampled_from([(Judges,), (Judges, Stricter), (Stricter,)]),
    config=st.sampled_from([{}, {"policy": "all"}, {"try_next": True}]),
)
async def test_who_is_recognized_leaves_what_asking_everybody_leaves(
    said: str,
    method: str,
    others: list[tuple[str, str]],
    target: str,
    classes: Sequence[type[Plugin]],
    config: dict[str, Any],
) -> None:
    pipeline, route = compiled(*classes, Answers, **config), Route("r", ("/",))
    request = make_request(method, target, headers=[*PREFLIGHT, ("x-key", said), *others])
    exchanges = [make_exchange(request.copy(), route=route) for _ in "12"]
    assert await answered(pipeline, exchanges[0]) == await answered(slowly(pipeline), exchanges[1])
    assert left(exchanges[0]) == left(exchanges[1])


async def unasked(step: Any) -> Outcome:
    raise AssertionError("nobody is to be asked")


def test_nobody_is_waited_for_where_the_caller_is_recognized() -> None:
    exchange = make_exchange(make_request("GET", "/?key=1", headers={"x-key": "jack", "x-consumer-groups": "root"}))
    assert recognize(exchange, compiled(Judges).authenticate, unasked) is None
    assert exchange.consumer is JACK
    assert exchange.request.headers.get_all("x-consumer-groups") == ["g"]
    assert "x-key" not in exchange.request.headers
    assert exchange.request.query.raw == ""


async def test_a_refused_request_keeps_no_credential() -> None:
    exchange = make_exchange(make_request("GET", "/?key=1", headers={"x-key": "wrong"}))
    assert (await answered(compiled(Judges, Answers), exchange))[0] == 401
    assert ("x-key" in exchange.request.headers, exchange.request.query.raw) == (False, "")


@pytest.mark.parametrize(
    ("said", "message"), [("text", "returned a str"), ("unheard-of", "KeyError"), ("exit", "SystemExit")]
)
async def test_a_judge_that_fails_is_told_of_as_any_plugin(said: str, message: str) -> None:
    exchange = make_exchange(make_request(headers={"x-key": said}), route=Route("r", ("/",)))
    assert (await answered(compiled(Judges, Answers), exchange))[0] == 500
    assert isinstance(exchange.error, PluginFailed)
    assert (exchange.error.plugin, exchange.error.phase) == ("judges", "authenticate")
    assert message in str(exchange.error)


def test_no_step_is_passed_over_that_something_stands_around() -> None:
    amended = Amendment("key", instead=("text/plain", b"no"))
    pipelines = [
        *(compiled(Stricter), compiled(Guarded), compiled(Judges, amendment=amended), slowly(compiled(Judges))),
        *(compiled(Judges, policy="all"), compiled(Judges, Token)),
    ]
    assert [pipeline.authenticate[0].judge for pipeline in pipelines] == [None] * 6


def test_a_method_that_judges_at_once_keeps_the_contract() -> None:
    assert misuses(Judges) == []


async def test_what_is_judged_at_once_can_be_awaited_as_any_phase() -> None:
    exchange = make_exchange(make_request(headers={"x-key": "jack"}))
    assert await make_plugin(Judges).authenticate(exchange) == SAID["jack"]


async def test_who_needs_two_groups_has_to_satisfy_both() -> None:
    exchange = make_exchange(make_request(headers={"x-key": "jack"}))
    groups = [*compiled(Judges).authenticate, Group.of(compiled(Token).authenticate[0].steps, [])]

    async def ask(step: Any) -> Outcome:
        return Outcome.ok(JACK) if step[0] == "judges" else Outcome.invalid("Wrong", challenge="token")

    waiting = recognize(exchange, groups, ask)
    assert waiting is not None
    with pytest.raises(RequestError):
        await waiting
    with pytest.raises(RequestError):
        await authenticate(exchange, groups, ask)
