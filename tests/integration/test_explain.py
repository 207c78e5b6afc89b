"""Requests explained by a running gateway: what is told of each part of their way."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar

import aiohttp
import httpx
import pytest
from aiohttp import web

from phasegate import Exchange, Plugin, Response, hookimpl
from phasegate.testing import FakeUpstream, Reply
from tests.desk import Node, running_node
from tests.zoo import Answers, Keeps, Raises, Second, Token, Witness

Told = dict[str, Any]


@dataclass(kw_only=True)
class Changes(Plugin):
    """Changes a little in each phase."""

    name: ClassVar[str] = "changes"
    priority: ClassVar[int] = 5

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        exchange.request.path = "/changed"
        exchange.request.headers["x-tenant"] = "blue"
        return None

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        exchange.request.query = exchange.request.query.without("debug")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        response.headers["x-served-by"] = "blue"
        return None


def document(upstream: FakeUpstream) -> dict[str, Any]:
    nodes = {"nodes": {upstream.address: 1}}
    two = {"type": "roundrobin", "nodes": {"127.0.0.1:1": 1, upstream.address: 1}}
    return {
        "routes": [
            {"id": "changes", "uri": "/changes/*", "plugins": {"changes": {}}, "upstream": nodes},
            {"id": "guarded", "uri": "/guarded", "plugins": {"token": {}, "witness": {}}, "upstream": nodes},
            {"id": "answers", "uri": "/answers", "plugins": {"answers": {"phase": "access"}, "witness": {}}},
            {"id": "raises", "uri": "/raises", "plugins": {"raises": {}, "witness": {}}},
            {"id": "post", "uri": "/post", "methods": ["POST"], "upstream": nodes},
            {"id": "off", "uri": "/off", "status": 0, "upstream": nodes},
            {"id": "down", "uri": "/down", "upstream": {"nodes": {"127.0.0.1:1": 1}}},
            {"id": "two", "uri": "/two", "upstream": two},
        ],
        "consumers": [{"username": "jack", "plugins": {"token": {"token": "sesame-0123"}, "second": {}}}],
    }


PLUGINS = [Changes, Token, Witness, Second, Answers, Raises, Keeps]


@pytest.fixture
async def node(upstream: FakeUpstream) -> AsyncIterator[Node]:
    async with running_node(document(upstream), PLUGINS) as node:
        yield node


async def explain(node: Node, url: str, **request: Any) -> Told:
    dry_run = {"dry_run": "1"} if request.pop("dry_run", False) else {}
    response = await node.admin.post("/explain", json={"url": url, **request}, params=dry_run)
    assert response.status_code == 200, response.text
    told: Told = response.json()
    return told


def steps(told: Told) -> list[tuple[str, str, str]]:
    return [(step["phase"], step["plugin"], step["outcome"]) for step in told["steps"]]


def changes(told: Told, phase: str) -> list[tuple[str, str | None, str | None]]:
    (step,) = [step for step in told["steps"] if step["phase"] == phase and step["changes"]]
    return [(change["what"], change["before"], change["after"]) for change in step["changes"]]


async def test_what_each_phase_changed_is_told(node: Node) -> None:
    told = await explain(node, "/changes/a?debug=1&x=2")
    assert steps(told) == [
        ("rewrite", "changes", "went_on"),
        ("access", "changes", "went_on"),
        ("proxy", "forward", "answered"),
        ("response", "changes", "went_on"),
    ]
    assert changes(told, "rewrite") == [("path", "/changes/a", "/changed"), ("header x-tenant", None, "blue")]
    assert changes(told, "access") == [("argument debug", "1", None)]
    assert changes(told, "response") == [("response header x-served-by", None, "blue")]


async def test_the_request_goes_to_the_upstream_as_any_other(node: Node, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=201, body=b"made"))
    told = await explain(node, "http://a.test/changes/a", method="POST", headers={"x-a": ["1", "2"]}, body="hello")
    (received,) = upstream.received
    assert (received.method, received.target, received.body, received.get("host")) == (
        *("POST", "/changed", b"hello", "a.test"),
    )
    assert [value for name, value in received.headers if name == "x-a"] == ["1", "2"]
    assert (told["answer"]["status"], told["answer"]["bytes"]) == (201, 4)


async def test_the_call_is_told_with_its_connection(node: Node, upstream: FakeUpstream) -> None:
    calls = [(await explain(node, "/changes/a?x=1"))["steps"][2]["calls"] for _ in range(2)]
    (first,), (second,) = calls
    assert first["url"] == f"http://{upstream.address}/changed?x=1"
    assert [first["connection"], second["connection"]] == ["new", "reused"]
    assert 0 < first["connect_ms"] <= first["head_ms"]
    assert second["connect_ms"] is None
    assert first["status"] == 200


async def test_every_attempt_is_told(node: Node) -> None:
    told = await explain(node, "/two")
    (step,) = told["steps"]
    assert [call["status"] for call in step["calls"]] == [None, 200]
    assert step["calls"][0]["error"]["code"] == "upstream_unreachable"


async def test_an_upstream_that_is_away(node: Node) -> None:
    told = await explain(node, "/down")
    assert (told["answer"]["status"], told["error"]["code"]) == (502, "upstream_unreachable")
    assert steps(told) == [("proxy", "forward", "refused")]


async def test_without_a_route_the_near_misses_are_told(node: Node) -> None:
    told = await explain(node, "/post")
    assert (told["route"], told["answer"]["status"]) == (None, 404)
    (miss,) = told["near_misses"]
    assert (miss["id"], miss["reasons"]) == ("post", [{"ground": "method", "text": "it takes POST, not GET"}])
    assert told["stopped_by"] == {"phase": "route", "plugin": "(gateway)"}


async def test_a_route_that_is_turned_off_is_a_near_miss(node: Node) -> None:
    (miss,) = (await explain(node, "/off"))["near_misses"]
    assert miss["reasons"] == [{"ground": "status", "text": "it is turned off (status 0)"}]


async def test_who_answers_early_is_told_and_what_never_ran(node: Node) -> None:
    told = await explain(node, "/answers")
    assert told["stopped_by"] == {"phase": "access", "plugin": "answers"}
    assert ("access", "answers", "answered") in steps(told)
    assert ("proxy", "witness", "not_run") in steps(told)
    assert ("log", "witness", "went_on") in steps(told)


async def test_a_plugin_that_raises_is_told(node: Node) -> None:
    told = await explain(node, "/raises")
    (step,) = [step for step in told["steps"] if step["outcome"] == "failed"]
    assert (step["plugin"], step["why"]) == ("raises", "RuntimeError: the zoo is on fire")
    assert told["stopped_by"] == {"phase": "access", "plugin": "raises"}
    assert (told["answer"]["status"], told["error"]["code"]) == (500, "plugin_failed")


@pytest.mark.parametrize(("headers", "outcome"), [({}, "absent"), ({"x-token": "wrong-0123"}, "invalid")])
async def test_a_caller_that_is_not_let_in(node: Node, headers: dict[str, str], outcome: str) -> None:
    told = await explain(node, "/guarded", headers=headers)
    assert ("authenticate", "token", outcome) in steps(told)
    assert told["stopped_by"] == {"phase": "authenticate", "plugin": "token"}
    assert (told["answer"]["status"], told["consumer"]) == (401, None)


async def test_a_caller_that_is_known_goes_on_in_the_consumer_s_pipeline(node: Node) -> None:
    told = await explain(node, "/guarded", headers={"x-token": "sesame-0123"})
    assert ("authenticate", "token", "known") in steps(told)
    assert ("access", "second", "went_on") in steps(told)
    assert told["consumer"] == "jack"
    assert ("header x-consumer-username", None, "jack") in changes(told, "authenticate")
    # It was not known in time for the consumer's own rewrite.
    assert [step for step in steps(told) if step[2] == "not_run"] == [("rewrite", "second", "not_run")]


async def test_a_dry_run_ends_before_the_proxy_phase(node: Node, upstream: FakeUpstream) -> None:
    told = await explain(node, "/guarded", headers={"x-token": "sesame-0123"}, dry_run=True)
    assert upstream.received == []
    assert (told["answer"], told["dry_run"], told["stopped_by"]) == (
        *(None, True, {"phase": "proxy", "plugin": "dry run"}),
    )
    assert ("access", "witness", "went_on") in steps(told)
    assert ("proxy", "forward", "not_run") in steps(told)


async def test_a_dry_run_that_is_refused_says_by_whom(node: Node) -> None:
    told = await explain(node, "/guarded", dry_run=True)
    assert told["stopped_by"] == {"phase": "authenticate", "plugin": "token"}
    assert told["answer"]["status"] == 401


async def test_others_run_as_ever_beside_it(node: Node, upstream: FakeUpstream) -> None:
    gate = asyncio.Event()
    upstream.reply(Reply(wait=gate), Reply(body=b"other"))
    explaining = asyncio.create_task(explain(node, "/post", method="POST"))
    await upstream.arrived()
    response = await node.client.post("/post")
    gate.set()
    told = await explaining
    assert response.content == b"other"
    assert [len(step["calls"]) for step in told["steps"]] == [1]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"url": "ftp://a/"}, "url is neither a path nor an http or https URL"),
        ({"url": "x"}, "url is neither a path nor an http or https URL"),
        ({"url": "http://u:p@a.test/"}, "url is neither a path nor an http or https URL"),
        ({"url": "/%zz"}, "the path has a % that two hexadecimal digits do not follow"),
        ({"method": "G T"}, "the method 'G T' is no token"),
        ({"headers": {"x": 1}}, "headers.x must be a text or a list of texts"),
        ({"headers": {"x y": "1"}}, "header name 'x y' is not an HTTP token: use letters, digits and -"),
        ({"headers": {"x": "1\r\n2"}}, "the value of header 'x' holds CR, LF or NUL: remove them"),
        ({"headers": {"x-phasegate-explain": "1"}}, "x-phasegate-explain is for requests on the public port"),
        ({"headers": []}, "headers must be an object of texts or lists of texts"),
        ({"body": 1}, "body must be a text"),
        ({"body_base64": "?"}, "body_base64 is no Base64"),
        ({"client": "here"}, "client is no address"),
        ({"uri": "/"}, "uri is not known here: it takes body, body_base64, client, headers, method, url"),
    ],
)
async def test_what_is_no_request_is_refused_with_the_reason(node: Node, request_: Any, reason: str) -> None:
    response = await node.admin.post("/explain", json=request_)
    assert (response.status_code, response.json()) == (*(400, {"error_msg": f"invalid request to explain: {reason}"}),)


async def test_a_viewer_explains_nothing(node: Node) -> None:
    for response in (
        await node.viewer.post("/explain", json={"url": "/post"}),
        await node.viewer.post("/explain/tokens", json={}),
        await node.viewer.get("/explain/requests/some-request-id"),
    ):
        assert (response.status_code, response.json()["error_msg"]) == (401, "failed to check token")


@pytest.mark.parametrize("body", [{"seconds": 0}, {"seconds": 3601}, {"seconds": True}, {"seconds": "9"}, {"s": 1}])
async def test_a_token_s_time_is_bounded(node: Node, body: Any) -> None:
    assert (await node.admin.post("/explain/tokens", json=body)).status_code == 400


async def token(node: Node) -> dict[str, str]:
    answer = (await node.admin.post("/explain/tokens", json={})).json()
    return {answer["header"]: answer["token"]}


async def fetched(node: Node, request_id: str) -> Told | None:
    response = await node.admin.get(f"/explain/requests/{request_id}")
    told: Told = response.json()
    return told if response.status_code == 200 else None


async def fetched_soon(node: Node, request_id: str) -> Told:
    async with asyncio.timeout(10):
        while (told := await fetched(node, request_id)) is None:
            await asyncio.sleep(0.01)
    return told


@pytest.fixture(params=["http1", "http2", "hypercorn"])
async def live(request: pytest.FixtureRequest, upstream: FakeUpstream) -> AsyncIterator[tuple[Node, httpx.AsyncClient]]:
    kind = request.param
    protocol: Any = "hypercorn" if kind == "hypercorn" else "native"
    async with (
        running_node(document(upstream), PLUGINS, protocol=protocol) as node,
        httpx.AsyncClient(base_url=node.url, http1=kind != "http2", http2=kind == "http2", timeout=10) as client,
    ):
        yield node, client


Live = tuple[Node, httpx.AsyncClient]


async def test_a_real_request_is_explained_and_its_client_sees_nothing_of_it(
    live: Live, upstream: FakeUpstream
) -> None:
    node, client = live
    upstream.reply(Reply(body=b"answered"))
    id_ = {"x-request-id": "request-0001"}
    response = await client.post("/changes/a?x=1", headers=await token(node) | id_, content=b"hello")
    assert (response.status_code, response.content, response.headers["x-served-by"]) == (200, b"answered", "blue")
    assert "x-phasegate-explain" not in response.headers
    told = await fetched_soon(node, "request-0001")
    assert told["route"]["id"] == "changes"
    assert steps(told)[0] == ("rewrite", "changes", "went_on")
    assert upstream.received[0].body == b"hello"
    assert told["answer"]["bytes"] == len(b"answered")


async def test_the_header_reaches_nobody(live: Live, upstream: FakeUpstream) -> None:
    node, client = live
    good = await token(node)
    for headers in (
        good,
        {"x-phasegate-explain": "A" * 64},
        {"x-phasegate-explain": "1"},
        {"x_phasegate_explain": "1"},
    ):
        assert (await client.get("/changes/a", headers=headers)).status_code == 200
    for received in upstream.received:
        assert not [name for name, _ in received.headers if "explain" in name]
    told = await fetched_soon(node, upstream.received[0].get("x-request-id") or "")
    assert not [name for name, _ in told["request"]["headers"] if "explain" in name]


@pytest.mark.parametrize("wrong", ["A" * 64, "", "x", "A" * 5000, "cut", "twice"])
async def test_without_a_good_token_it_is_answered_as_ever_and_not_explained(live: Live, wrong: str) -> None:
    node, client = live
    (name, good), *_ = (await token(node)).items()
    values = {"cut": [good[:-1]], "twice": [good, good]}.get(wrong, [wrong])
    headers = [(name, value) for value in values] + [("x-request-id", "request-0002")]
    assert (await client.get("/changes/a", headers=headers)).status_code == 200
    # Explanations come in the order of their requests, so that this one would be there by then.
    await client.get("/changes/a", headers={name: good, "x-request-id": "request-0003"})
    await fetched_soon(node, "request-0003")
    assert await fetched(node, "request-0002") is None


async def test_a_request_that_is_refused_for_something_else_stays_refused(live: Live) -> None:
    node, client = live
    response = await client.get("/none", headers=await token(node) | {"x-request-id": "request-0004"})
    assert response.status_code == 404
    assert (await fetched_soon(node, "request-0004"))["error"]["code"] == "route_not_found"


async def test_the_admin_side_makes_nothing_of_the_header(node: Node) -> None:
    assert (await node.admin.get("/routes", headers=await token(node))).status_code == 200


@pytest.mark.parametrize("protocol", ["native", "hypercorn"])
async def test_a_websocket_is_explained_once_it_is_over(upstream: FakeUpstream, protocol: Any) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data.upper())
        return socket

    application = web.Application()
    application.router.add_get("/socket", echo)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    nodes = {"nodes": {f"127.0.0.1:{runner.addresses[0][1]}": 1}}
    route = {"id": "ws", "uri": "/socket", "enable_websocket": True, "upstream": nodes}
    async with running_node({"routes": [route]}, [], protocol=protocol) as node, aiohttp.ClientSession() as session:
        headers = await token(node) | {"x-request-id": "request-0005"}
        async with session.ws_connect(f"{node.url}/socket", headers=headers) as socket:
            await socket.send_str("hello")
            assert (await socket.receive_str()) == "HELLO"
        told = await fetched_soon(node, "request-0005")
    assert (told["route"]["id"], told["answer"]["status"]) == ("ws", 101)
    await runner.cleanup()


async def test_a_client_that_leaves_is_told_of(node: Node, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(hang=True))
    headers = await token(node) | {"x-request-id": "request-0006"}
    async with httpx.AsyncClient(base_url=node.url) as client:
        asking = asyncio.create_task(client.post("/post", headers=headers))
        await upstream.arrived()
        asking.cancel()
    told = await fetched_soon(node, "request-0006")
    assert told["error"]["code"] == "client_closed"
