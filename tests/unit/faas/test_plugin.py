"""A vendor's plugin is what it adds: the base does the rest."""

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import httpx
import pytest

from phasegate import ConfigError, Exchange, Response, Secret
from phasegate.contract import misuses
from phasegate.faas import Answer, FunctionPlugin, FunctionRequest
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_plugin, make_request
from phasegate.testing.fixtures import GatewayMaker, Opener
from phasegate.upstream.call import Call


@dataclass(kw_only=True)
class MadeUpFunctions(FunctionPlugin):
    """A made-up vendor: a token in a header, and one more try on 425."""

    name: ClassVar[str] = "made-up-functions"
    schema: ClassVar[dict[str, Any]] = {
        **FunctionPlugin.schema,
        "token": {"type": "string", "required": True, "secret": True},
    }
    token: Secret

    @property
    def has_credentials(self) -> bool:
        return True

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        self.set_credential(request, b"x-token", self.token.value.encode())

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        return None if answer.status == 425 else answer


async def call(start_gateway: GatewayMaker, upstream: FakeUpstream, **config: Any) -> httpx.Response:
    plugin = {"function_uri": f"{upstream.url}/fn", "token": "t", **config}
    routes = [{"id": "r", "uri": "/*", "plugins": {"made-up-functions": plugin}}]
    gateway = await start_gateway({"routes": routes}, [MadeUpFunctions])
    async with httpx.AsyncClient(verify=False) as client:
        return await client.post(f"{gateway.url}/a?b=1", content=b"body", headers={"x-token": "theirs"})


def test_it_keeps_the_contract() -> None:
    assert misuses(MadeUpFunctions) == []


async def test_the_vendors_part_is_the_authorization(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    response = await call(start_gateway, upstream)
    received = upstream.received[0]
    assert response.text == "ok"
    assert (received.method, received.target, received.body) == ("POST", "/fn/a?b=1", b"body")
    assert [value for name, value in received.headers if name == "x-token"] == ["t"]


async def test_one_more_try_is_authorized_again_and_has_the_body_again(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(status=425), Reply(body=b"second"))
    assert (await call(start_gateway, upstream)).text == "second"
    assert [received.body for received in upstream.received] == [b"body", b"body"]


async def test_there_is_no_third_try(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    upstream.reply(Reply(status=425))
    assert (await call(start_gateway, upstream)).status_code == 425
    assert len(upstream.received) == 2


def test_a_destination_has_no_query() -> None:
    plugin = make_plugin(MadeUpFunctions, {"function_uri": "https://h.test/fn?code=x", "token": "t"})
    assert plugin.destination() == "https://h.test/fn"


@pytest.mark.parametrize(("rewritten", "suffix"), [("/x/a", "a"), ("/x/", ""), ("/x//a", "a"), ("/other/b", "other/b")])
def test_a_rewrite_changes_the_suffix(rewritten: str, suffix: str) -> None:
    exchange = make_exchange(make_request(target="/x/first"), prefix="/x/")
    exchange.request.path = rewritten
    assert exchange.suffix == suffix


def test_an_endpoint_with_a_path_is_refused() -> None:
    config = {"function_uri": "https://h.test/fn", "token": "t", "endpoint": "http://127.0.0.1:1/path"}
    with pytest.raises(ConfigError, match="endpoint: must be scheme, host and port alone"):
        make_plugin(MadeUpFunctions, config)


async def test_the_clients_own_credential_goes_on_where_that_is_wanted(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    await call(start_gateway, upstream, forward_client_credentials=True)
    assert upstream.received[0].get("x-token") == "theirs"


@pytest.mark.parametrize(
    ("uri", "count"),
    [("http://functions.example/", 1), ("http://127.0.0.1:9001/", 0), ("http://[::1]/", 0), ("http://localhost:1/", 0)],
)
def test_credentials_in_clear_text_are_warned_about(uri: str, count: int) -> None:
    plugin = make_plugin(MadeUpFunctions, {"function_uri": uri, "token": "t"})
    assert [finding.path for finding in plugin.check()] == ["function_uri"] * count


async def test_a_call_has_all_that_any_call_has(opened: Opener) -> None:
    config = {"function_uri": "https://fn.test/fn", "token": "t"}
    plugin, exchange = await opened(MadeUpFunctions, config), make_exchange()
    call = plugin._call(plugin._request(exchange), exchange)
    assert call == Call(**{field.name: getattr(call, field.name) for field in fields(Call)})
