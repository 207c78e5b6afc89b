"""What a function sees of a request, and what the client sees of its answer."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream, Received, Reply
from phasegate.testing.fixtures import GatewayMaker
from phasegate_openfunction import OpenFunction

Call = Callable[..., Awaitable[Received]]


@pytest.fixture
def call(start_gateway: GatewayMaker, upstream: FakeUpstream) -> Call:
    async def call_with(headers: dict[str, str] | None = None, **config: Any) -> Received:
        plugin = {"function_uri": f"{upstream.url}/default/hello", **config}
        routes = [{"id": "r", "uri": "/x/*", "plugins": {"openfunction": plugin}}]
        gateway = await start_gateway({"routes": routes}, [OpenFunction])
        async with httpx.AsyncClient() as client:
            await client.post(f"{gateway.url}/x/a%2Fb?q=1", content=b"body", headers=headers)
        return upstream.received[-1]

    return call_with


async def test_the_request_goes_on_as_it_is(call: Call) -> None:
    received = await call({"authorization": "Bearer theirs", "content-type": "text/plain"})
    assert (received.method, received.target, received.body) == ("POST", "/default/hello/a%2Fb?q=1", b"body")
    assert (received.get("authorization"), received.get("content-type")) == ("Bearer theirs", "text/plain")


@pytest.mark.parametrize(
    ("authorization", "sent"),
    [({"service_token": "user:password"}, "Basic dXNlcjpwYXNzd29yZA=="), ({"bearer": "t0ken"}, "Bearer t0ken")],
)
async def test_a_token_takes_the_place_of_the_clients(call: Call, authorization: dict[str, str], sent: str) -> None:
    received = await call({"authorization": "Bearer theirs"}, authorization=authorization)
    assert [value for name, value in received.headers if name == "authorization"] == [sent]


async def test_the_clients_own_goes_on_where_that_is_wanted(call: Call) -> None:
    config = {"authorization": {"bearer": "ours"}, "forward_client_credentials": True}
    assert (await call({"authorization": "Bearer theirs"}, **config)).get("authorization") == "Bearer theirs"
    assert (await call(**config)).get("authorization") == "Bearer ours"


async def test_an_event_says_what_it_is(call: Call) -> None:
    event = {"type": "test.phasegate.order", "source": "/orders/ö", "subject": 'a "b" 100%'}
    received = await call({"ce-type": "theirs", "ce-dataschema": "theirs"}, cloudevents=event)
    told = {name: value for name, value in received.headers if name.startswith("ce-")}
    moment = datetime.fromisoformat(told.pop("ce-time"))
    assert moment.utcoffset() is not None
    assert told.pop("ce-id") == received.get("x-request-id")
    assert told == {
        "ce-specversion": "1.0",
        "ce-type": "test.phasegate.order",
        "ce-source": "/orders/%C3%B6",
        "ce-subject": "a%20%22b%22%20100%25",
    }
    assert received.body == b"body"


@pytest.mark.parametrize("type_", ["application/cloudevents+json", "Application/CloudEvents-Batch+JSON; charset=utf-8"])
async def test_no_body_of_a_client_is_an_event_by_itself(
    start_gateway: GatewayMaker, upstream: FakeUpstream, type_: str
) -> None:
    plugin = {"function_uri": upstream.url, "cloudevents": {"type": "t"}}
    gateway = await start_gateway(
        {"routes": [{"id": "r", "uri": "/", "plugins": {"openfunction": plugin}}]}, [OpenFunction]
    )
    async with httpx.AsyncClient() as client:
        answer = await client.post(gateway.url, content=b'{"type": "theirs"}', headers={"content-type": type_})
    assert (answer.status_code, upstream.received) == (400, [])


async def test_each_event_has_an_id_of_its_own(call: Call) -> None:
    event = {"type": "t"}
    first, second = [await call(cloudevents=event) for _ in range(2)]
    assert first.get("ce-id")
    assert first.get("ce-id") != second.get("ce-id")
    assert first.get("ce-source") == "phasegate"


async def test_an_accepted_event_is_a_202(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=202))
    plugin = {"function_uri": upstream.url, "cloudevents": {"type": "t"}}
    gateway = await start_gateway(
        {"routes": [{"id": "r", "uri": "/", "plugins": {"openfunction": plugin}}]}, [OpenFunction]
    )
    async with httpx.AsyncClient() as client:
        answer = await client.post(gateway.url)
    assert (answer.status_code, answer.content) == (202, b"")
