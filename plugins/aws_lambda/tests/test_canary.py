"""Versions that share a function's requests: who gets which, as chosen by itself and as seen on the wire."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import unquote

import httpx
import pytest

from phasegate import ConfigError, Consumer, Credential, Exchange, FunctionFacts, Outcome, Plugin, hookimpl
from phasegate.testing import FakeUpstream, Reply, RunningGateway, make_exchange, make_plugin, make_request
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.canary import Canary, CanaryFields, Share
from phasegate_aws_lambda.local.event_frames import invoke_complete, payload_chunk
from phasegate_aws_lambda.plugin import AwsLambda

IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key"}
SHARES = [{"qualifier": "live", "weight": 95}, {"qualifier": "next", "weight": 5}]
CALLERS = [f"caller-{number}" for number in range(4000)]


def chosen(function: str = "app", **weights: int) -> dict[str, str]:
    """Return the version of each caller."""
    shares = tuple(Share(qualifier=name, weight=weight) for name, weight in weights.items())
    canary = Canary(CanaryFields(canary=shares, canary_by="header.x-user"), function)
    return {caller: canary.choose(make_exchange(make_request(headers={"x-user": caller}))) for caller in CALLERS}


def moved(before: dict[str, str], after: dict[str, str]) -> Counter[tuple[str, str]]:
    """Return how many callers went from one version to another."""
    return Counter((before[caller], after[caller]) for caller in CALLERS if before[caller] != after[caller])


@pytest.mark.parametrize("weights", [{"a": 95, "b": 5}, {"a": 1, "b": 1}, {"a": 50, "b": 30, "c": 20}, {"a": 7}])
def test_callers_are_spread_by_weight(weights: dict[str, int]) -> None:
    found = Counter(chosen("app", **weights).values())
    for name, weight in weights.items():
        # Four standard deviations of so many draws.
        expected = weight / sum(weights.values())
        allowed = 4 * (expected * (1 - expected) / len(CALLERS)) ** 0.5
        assert abs(found[name] / len(CALLERS) - expected) <= allowed


def test_the_same_caller_gets_the_same_version_in_every_process() -> None:
    assert chosen(live=95, next=5) == chosen(live=95, next=5)
    assert chosen(live=95, next=5) == chosen(live=950, next=50)
    found = chosen(live=1, next=1)
    # Whoever changes this moves the callers of everybody who runs a canary.
    assert "".join(found[f"caller-{number}"][0] for number in range(24)) == "nnnlnnlnnllnlnlnlnllllll"


def test_a_weight_that_grows_takes_callers_from_the_others_and_moves_nobody_else() -> None:
    found = moved(chosen(a=60, b=35, c=5), chosen(a=60, b=35, c=25))
    assert {after for _, after in found} == {"c"}
    # From 5 of 100 to 25 of 120.
    assert sum(found.values()) / len(CALLERS) == pytest.approx(25 / 120 - 5 / 100, abs=0.03)


def test_a_version_that_is_added_takes_its_share_alone() -> None:
    found = moved(chosen(a=60, b=40), chosen(a=60, b=40, c=10))
    assert {after for _, after in found} == {"c"}
    assert sum(found.values()) / len(CALLERS) == pytest.approx(10 / 110, abs=0.03)


def test_the_order_of_the_list_means_nothing() -> None:
    assert chosen(a=60, b=40) == chosen(b=40, a=60)


def test_another_function_has_other_callers_on_its_canary() -> None:
    one, other = chosen("one", live=90, next=10), chosen("other", live=90, next=10)
    both = sum(one[caller] == other[caller] == "next" for caller in CALLERS)
    assert both < len(CALLERS) * 0.03


def test_who_can_not_be_told_from_others_gets_a_version_by_chance() -> None:
    shares = (Share(qualifier="a", weight=1), Share(qualifier="b", weight=1))
    for by in (None, "consumer", "header.x-user", "cookie.session"):
        canary = Canary(CanaryFields(canary=shares, canary_by=by), "app")
        assert {canary.choose(make_exchange()) for _ in range(100)} == {"a", "b"}


@dataclass(kw_only=True)
class Looker(Plugin):
    """Knows a caller by their name, and keeps what is told of each call."""

    name: ClassVar[str] = "looker"
    consumer_schema: ClassVar = {"key": {"type": "string", "required": True}}
    consumer_key: ClassVar[str | None] = "key"
    seen: ClassVar[list[FunctionFacts | None]] = []

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        name = exchange.original.headers.get("x-name")
        if name is None:
            return Outcome.absent("who?", challenge="Name", anonymous=Consumer("anybody"))
        return Outcome.ok(Consumer(name), Credential(f"{name}/k", "looker", {}, f"{name}/k"))

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        self.seen.append(exchange.upstream.function if exchange.upstream is not None else None)


async def started(start_gateway: GatewayMaker, upstream: FakeUpstream, **config: Any) -> RunningGateway:
    Looker.seen.clear()
    plugin = {"function": "app", "endpoint": upstream.url, "authorization": {"iam": IAM}, "canary": SHARES, **config}
    route = {"id": "r", "uri": "/x/*", "plugins": {"aws-lambda": plugin, "looker": {}}}
    return await start_gateway({"routes": [route]}, [AwsLambda, Looker])


def qualifiers(upstream: FakeUpstream) -> list[str]:
    return [unquote(received.target.partition("?Qualifier=")[2]) for received in upstream.received]


EVEN = [{"qualifier": "live", "weight": 1}, {"qualifier": "$LATEST", "weight": 1}]


@pytest.mark.parametrize(
    ("by", "headers"),
    [
        ("consumer", lambda name: {"x-name": name}),
        ("header.X-User", lambda name: {"x-user": name}),
        ("cookie.session", lambda name: {"cookie": f"a=1; session={name}; b=2"}),
    ],
)
async def test_a_caller_gets_the_same_version_each_time_after_a_reload_too(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, by: str, headers: Any
) -> None:
    upstream.reply(Reply(body=b'{"statusCode": 201}'))
    for _ in range(2):
        gateway = await started(start_gateway, upstream, canary=EVEN, canary_by=by)
        for number in range(20):
            assert (await client.get(f"{gateway.url}/x/", headers=headers(f"u{number}"))).status_code == 201
    found = qualifiers(upstream)
    assert found[:20] == found[20:]
    assert set(found) == {"live", "$LATEST"}
    assert [details["qualifier"] for details in Looker.seen if details] == found[20:]


async def test_a_tester_chooses_a_version_and_the_function_is_not_told(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(Reply(body=b'{"statusCode": 201}'))
    gateway = await started(start_gateway, upstream, canary_header="X-Version", canary_by="header.x-user")
    for name in ("next", "live", "next"):
        await client.get(f"{gateway.url}/x/", headers={"x-version": name, "x-user": "jane"})
    assert qualifiers(upstream) == ["next", "live", "next"]
    for received in upstream.received:
        assert "x-version" not in {name for name, _ in received.headers}
        assert "x-version" not in json.loads(received.body)["headers"]
        assert json.loads(received.body)["headers"]["x-user"] == "jane"


@pytest.mark.parametrize("asked", ["prod", "", "next, live", "NEXT"])
async def test_a_version_that_is_not_listed_can_not_be_chosen(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, asked: str
) -> None:
    gateway = await started(start_gateway, upstream, canary_header="x-version")
    response = await client.get(f"{gateway.url}/x/", headers={"x-version": asked})
    assert (response.status_code, response.json()["code"], upstream.received) == (400, "unknown_qualifier", [])


async def test_without_canary_header_no_header_chooses(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    upstream.reply(Reply(body=b'{"statusCode": 201}'))
    gateway = await started(start_gateway, upstream, canary=[{"qualifier": "live", "weight": 1}])
    await client.get(f"{gateway.url}/x/", headers={"x-version": "next", "canary": "next"})
    assert qualifiers(upstream) == ["live"]
    assert json.loads(upstream.received[0].body)["headers"]["x-version"] == "next"


async def test_a_call_that_is_made_once_more_is_for_the_same_version(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    throttled = Reply(status=429, headers={"x-amzn-ErrorType": "TooManyRequestsException"})
    upstream.reply(*[throttled, Reply(body=b'{"statusCode": 201}')] * 8)
    gateway = await started(start_gateway, upstream, canary=EVEN)
    for _ in range(8):
        assert (await client.get(f"{gateway.url}/x/")).status_code == 201
    found = qualifiers(upstream)
    assert found[::2] == found[1::2]
    assert Looker.seen == [{"qualifier": name, "retries": 1} for name in found[::2]]


async def test_streams_have_canaries_too(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient
) -> None:
    frames = [payload_chunk(b'{"statusCode": 201}' + bytes(8) + b"text"), invoke_complete(b"{}")]
    upstream.reply(Reply(headers={"content-type": "application/vnd.amazon.eventstream"}, pieces=frames))
    gateway = await started(start_gateway, upstream, mode="invoke-stream", canary_header="x-version")
    response = await client.get(f"{gateway.url}/x/", headers={"x-version": "next"})
    assert (response.status_code, response.text) == (201, "text")
    assert qualifiers(upstream) == ["next"]
    assert Looker.seen == [{"qualifier": "next"}]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=404, headers={"x-amzn-ErrorType": "ResourceNotFoundException"}),
        Reply(raw=b"", close=True),
        Reply(hang=True),
        Reply(headers={"X-Amz-Function-Error": "Unhandled"}, body=b"{}"),
    ],
)
async def test_the_log_tells_which_version_failed(
    start_gateway: GatewayMaker, upstream: FakeUpstream, client: httpx.AsyncClient, reply: Reply
) -> None:
    upstream.reply(reply)
    gateway = await started(start_gateway, upstream, timeout=200, canary_header="x-version")
    assert (await client.post(f"{gateway.url}/x/", headers={"x-version": "next"})).status_code >= 500
    assert [details["qualifier"] for details in Looker.seen if details] == ["next"]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"function": "app:live"}, "canary: can't choose a version where 'live' is given"),
        ({"qualifier": "7"}, "canary: can't choose a version where '7' is given"),
        ({"canary": [{"qualifier": "a", "weight": 0}]}, "canary[0].weight: must be at least 1 (got 0)"),
        ({"canary": [{"qualifier": "a", "weight": -5}]}, "canary[0].weight: must be at least 1 (got -5)"),
        ({"canary": [{"qualifier": "a", "weight": 0.5}]}, "canary[0].weight: must be an integer (got 0.5)"),
        ({"canary": [{"qualifier": "a"}]}, "canary[0].weight: is required"),
        ({"canary": [{"weight": 1}]}, "canary[0].qualifier: is required"),
        ({"canary": [{"qualifier": "a b", "weight": 1}]}, "canary[0].qualifier: must be a version or an alias"),
        ({"canary": [*SHARES, SHARES[0]]}, "canary[2].qualifier: 'live' is in the list already"),
        ({"canary_by": "path.x"}, "canary_by: must be consumer, header.NAME or cookie.NAME (got 'path.x')"),
        ({"canary_header": "a b"}, "canary_header: must be a header name (got 'a b')"),
        ({"canary": [], "canary_by": "consumer"}, "canary_by: is of use with canary alone: leave it out"),
        ({"canary": [], "canary_header": "x"}, "canary_header: is of use with canary alone: leave it out"),
        ({"function": None, "function_uri": "https://h.test/"}, "canary: is for direct calls alone: leave it out"),
    ],
)
def test_what_is_refused(config: dict[str, Any], message: str) -> None:
    given = {"function": "app", "canary": SHARES, **config}
    with pytest.raises(ConfigError) as caught:
        make_plugin(AwsLambda, {key: value for key, value in given.items() if value is not None})
    assert [str(finding).startswith(f"aws-lambda.{message}") for finding in caught.value.findings] == [True], caught
