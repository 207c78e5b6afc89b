"""Actions invoked through a gateway."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import Exchange, Plugin, hookimpl
from phasegate.testing import FakeUpstream, Reply
from phasegate.testing.fixtures import GatewayMaker
from phasegate_openwhisk import OpenWhisk

Ask = Callable[..., Awaitable[httpx.Response]]
IDENTITY = "44794bd6aab74415b4e42a308d880e5b"


@pytest.fixture
def ask(start_gateway: GatewayMaker, config: dict[str, Any]) -> Ask:
    async def send(
        method: str = "POST", target: str = "/x/", given: dict[str, Any] | None = None, **options: Any
    ) -> httpx.Response:
        plugin = {**config, **(given or {})}
        gateway = await start_gateway(
            {"routes": [{"id": "r", "uri": "/x/*", "plugins": {"openwhisk": plugin}}]}, [OpenWhisk]
        )
        async with httpx.AsyncClient() as client:
            return await client.request(method, f"{gateway.url}{target}", **options)

    return send


async def greet(parameters: dict[str, Any]) -> Any:
    return {"greeting": f"hello {parameters.get('name', 'nobody')}"}


@pytest.mark.parametrize("result", [True, False])
async def test_the_body_is_the_parameters_and_the_result_the_answer(ask: Ask, whisk: Any, *, result: bool) -> None:
    whisk.actions["hello"] = greet
    answer = await ask("PUT", "/x/a?q=1", {"result": result}, json={"name": "Jane"}, headers={"x-theirs": "1"})
    assert (answer.status_code, answer.json()) == (200, {"greeting": "hello Jane"})
    assert answer.headers["x-openwhisk-activation-id"] == IDENTITY
    seen = whisk.seen[0]
    assert (seen.method, seen.path_qs) == (
        "POST",
        f"/api/v1/namespaces/guest/actions/hello?blocking=true&result={str(result).lower()}&timeout=3000",
    )
    assert "x-theirs" not in seen.headers


@dataclass(kw_only=True)
class Keeping(Plugin):
    """Keeps what is known of each call's run."""

    name: ClassVar[str] = "keeping"
    facts: ClassVar[list[Any]] = []

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        self.facts.append(exchange.upstream and exchange.upstream.function)


@pytest.mark.parametrize(
    ("result", "told"), [(True, {}), (False, {"duration_ms": 52, "cold_start": True, "init_ms": 40})]
)
async def test_the_log_tells_of_the_activation(
    start_gateway: GatewayMaker, config: dict[str, Any], whisk: Any, *, result: bool, told: dict[str, Any]
) -> None:
    whisk.actions["hello"] = greet
    plugins = {"openwhisk": {**config, "result": result}, "keeping": {}}
    gateway = await start_gateway({"routes": [{"id": "r", "uri": "/", "plugins": plugins}]}, [OpenWhisk, Keeping])
    async with httpx.AsyncClient() as client:
        await client.post(gateway.url)
    async with asyncio.timeout(10):
        while not Keeping.facts:
            await asyncio.sleep(0)
    assert Keeping.facts.pop() == {"request_id": IDENTITY, **told}


async def test_no_body_is_no_parameters(ask: Ask, whisk: Any) -> None:
    whisk.actions["hello"] = greet
    assert (await ask("GET")).json() == {"greeting": "hello nobody"}


async def test_an_action_in_a_package(ask: Ask, whisk: Any) -> None:
    whisk.actions["my demo/hello"] = greet
    assert (await ask(given={"package": "my demo"})).status_code == 200
    assert whisk.seen[0].rel_url.raw_path == "/api/v1/namespaces/guest/actions/my%20demo/hello"


@pytest.mark.parametrize("result", [True, False])
async def test_an_action_may_name_status_headers_and_body(ask: Ask, whisk: Any, *, result: bool) -> None:
    async def teapot(parameters: dict[str, Any]) -> Any:
        return {"statusCode": 418, "headers": {"X-Pot": "tea", "Set-Cookie": ["a=1", "b=2"]}, "body": {"short": True}}

    whisk.actions["hello"] = teapot
    answer = await ask(given={"result": result})
    assert (answer.status_code, answer.json(), answer.headers["x-pot"]) == (418, {"short": True}, "tea")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def never(parameters: dict[str, Any]) -> Any:
    await asyncio.sleep(60)


async def test_an_action_that_goes_on_is_a_timeout(ask: Ask, whisk: Any) -> None:
    whisk.actions["hello"] = never
    answer = await ask(given={"timeout": 50})
    assert (answer.status_code, answer.json()["code"]) == (504, "function_timeout")
    assert answer.json()["activation_id"] == IDENTITY


async def test_an_action_may_go_on_where_that_is_wanted(ask: Ask, whisk: Any) -> None:
    whisk.actions["hello"] = never
    answer = await ask(given={"timeout": 50, "async": True})
    assert (answer.status_code, answer.json()) == (202, {"activationId": IDENTITY})


@pytest.mark.parametrize("result", [True, False])
@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"error": "s3cret of the action"}, 502, "function_error"),
        ({"error": {"no": "text"}}, 502, "function_error"),
        ({"error": "The action exceeded its time limits of 60000 milliseconds."}, 504, "function_timeout"),
    ],
)
async def test_an_action_that_fails(
    ask: Ask, whisk: Any, action_error: Any, said: Any, status: int, code: str, *, result: bool
) -> None:
    async def fails(parameters: dict[str, Any]) -> Any:
        raise action_error(said)

    whisk.actions["hello"] = fails
    answer = await ask(given={"result": result})
    assert (answer.status_code, answer.json()["code"], answer.json()["activation_id"]) == (status, code, IDENTITY)
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (401, 502, "openwhisk_auth_failed"),
        (403, 502, "openwhisk_auth_failed"),
        (404, 502, "function_not_found"),
        (413, 413, "payload_too_large"),
        (429, 429, "upstream_throttled"),
        (500, 502, "openwhisk_service_error"),
        (503, 503, "function_not_ready"),
        (504, 504, "function_timeout"),
        (302, 502, "openwhisk_service_error"),
    ],
)
async def test_what_openwhisk_refuses(
    ask: Ask, whisk: Any, caplog: pytest.LogCaptureFixture, refusal: int, status: int, code: str
) -> None:
    caplog.set_level(logging.INFO)
    whisk.refuses = (refusal, "its reason")
    answer = await ask()
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (refusal in (429, 503))
    causes = [vars(record)["cause"] for record in caplog.records if record.msg == "request failed"]
    assert "its reason" in causes[0]
    assert "its reason" not in answer.text


@pytest.mark.parametrize(("refusal", "calls"), [(429, 2), (503, 2), (500, 1), (401, 1)])
async def test_what_openwhisk_did_not_take_is_sent_once_more(ask: Ask, whisk: Any, refusal: int, calls: int) -> None:
    whisk.refuses = (refusal, "its reason")
    await ask()
    assert len(whisk.seen) == calls


@pytest.mark.parametrize("told", ["a\r\nx: y", "日", {"a": 1}, 7, "x" * 5000])
@pytest.mark.parametrize(("status", "wanted"), [(200, 200), (202, 504), (502, 502)])
async def test_an_id_that_no_field_can_carry_is_not_told(
    ask: Ask, upstream: FakeUpstream, told: Any, status: int, wanted: int
) -> None:
    record = {"activationId": told, "response": {"success": True, "result": {}}}
    upstream.reply(Reply(status=status, body=json.dumps(record).encode()))
    answer = await ask(given={"api_host": upstream.url, "result": False})
    assert answer.status_code == wanted
    assert "x-openwhisk-activation-id" not in answer.headers
    assert "activation_id" not in answer.text


async def test_a_wrong_token_is_not_the_clients_fault(ask: Ask, whisk: Any) -> None:
    whisk.actions["hello"] = greet
    answer = await ask(given={"service_token": "wrong:s3cret"})
    assert (answer.status_code, answer.json()["code"]) == (502, "openwhisk_auth_failed")


async def test_an_action_that_is_not_there(ask: Ask, whisk: Any) -> None:
    assert (await ask()).json()["code"] == "function_not_found"


@pytest.mark.parametrize("body", [b"[1]", b"text", b'{"a":'])
async def test_a_body_that_is_no_object_is_the_clients_fault(ask: Ask, whisk: Any, body: bytes) -> None:
    whisk.actions["hello"] = greet
    answer = await ask(content=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_payload")


async def test_parameters_that_are_too_large(ask: Ask, whisk: Any) -> None:
    whisk.actions["hello"] = greet
    large = json.dumps({"name": "x" * (1 << 20)}).encode()
    assert (await ask(content=large)).status_code == 413
    assert (await ask(given={"max_req_body_size": 10}, content=large)).status_code == 413
    assert len(whisk.seen) == 1


@pytest.mark.parametrize(("result", "body"), [(True, b"<html>"), (True, b""), (False, b"[]"), (False, b'{"a": 1}')])
async def test_an_answer_that_is_none_of_openwhisks(
    ask: Ask, config: dict[str, Any], upstream: FakeUpstream, *, result: bool, body: bytes
) -> None:
    upstream.reply(Reply(body=body))
    answer = await ask(given={"api_host": upstream.url, "result": result})
    assert (answer.status_code, answer.json()["code"]) == (502, "malformed_response")


async def test_an_answer_that_no_action_can_give(ask: Ask, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(body=b" " * (9 << 20)))
    answer = await ask(given={"api_host": upstream.url})
    assert (answer.status_code, answer.json()["code"]) == (502, "response_too_large")


async def test_a_web_action_gets_the_request_as_it_is(ask: Ask, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=404, body=b"its own"))
    given = {"api_host": upstream.url, "web": True}
    answer = await ask(
        "PUT", "/x/a%2Fb?q=1", given, content=b"\xff\x00", headers={"x-theirs": "1", "authorization": "theirs"}
    )
    received = upstream.received[0]
    assert (received.method, received.target) == ("PUT", "/api/v1/web/guest/default/hello.http/a%2Fb?q=1")
    assert (received.body, received.get("x-theirs")) == (b"\xff\x00", "1")
    assert (received.get("authorization") or "").startswith("Basic ")
    assert (answer.status_code, answer.text) == (404, "its own")
