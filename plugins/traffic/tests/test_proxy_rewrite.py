from typing import Any

import httpx
import pytest

from phasegate import BadRequest, ConfigError, Exchange
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import ProxyRewrite


async def rewritten(
    config: dict[str, Any], target: str = "/a/b?x=1", method: str = "GET", headers: Any = ()
) -> Exchange:
    plugin = make_plugin(ProxyRewrite, config)
    await plugin.open(make_services())
    exchange = make_exchange(make_request(method, target, headers=headers))
    exchange.params = {"id": "7"}
    assert await run_phase(plugin, "rewrite", exchange) is None
    return exchange


@pytest.mark.parametrize(
    ("config", "target", "result"),
    [
        ({"uri": "/new"}, "/a", "/new"),
        ({"uri": "/new"}, "/a?x=1", "/new?x=1"),
        ({"uri": "/new?k=v"}, "/a?x=1", "/new?k=v&x=1"),
        ({"uri": "/new?k=v"}, "/a", "/new?k=v"),
        ({"uri": "/new$uri"}, "/a/b", "/new/a/b"),
        ({"uri": "/new/$uri_param_id"}, "/a", "/new/7"),
        ({"uri": "/new$request_uri"}, "/a?x=1", "/new/a?x=1"),
        ({"uri": "/new?$args"}, "/a?x=1", "/new?x=1"),
        ({"uri": "/new/$arg_name"}, "/a?name=b%20c", "/new/b%20c?name=b%20c"),
        ({"uri": "/new /\u00e4"}, "/a", "/new%20/%C3%A4"),
        ({"regex_uri": ["^/a/(.*)", "/n/$1"]}, "/a/b?x=1", "/n/b?x=1"),
        ({"regex_uri": ["^/a/(.*)", "/n/$1?k=v"]}, "/a/b?x=1", "/n/b?k=v&x=1"),
        ({"regex_uri": ["^/no", "/n"]}, "/a/b", "/a/b"),
        ({"regex_uri": ["^/no", "/n", "^/a", "/m", "/a", "/o"]}, "/a/b", "/m/b"),
        ({"regex_uri": ["^/(.*)", "/$1/"]}, "/%E4%BD%A0", "/%E4%BD%A0/"),
        ({"uri": "/first", "regex_uri": ["^/a", "/second"]}, "/a", "/first"),
        ({"method": "POST"}, "/a?x=1", "/a?x=1"),
    ],
)
async def test_paths(config: dict[str, Any], target: str, result: str) -> None:
    request = (await rewritten(config, target)).request
    assert (f"{request.path}?{request.query.raw}" if request.query else request.path) == result


@pytest.mark.parametrize(
    ("config", "target"),
    [
        ({"uri": "/safe/$arg_f"}, "/a?f=.."),
        ({"uri": "/safe/$arg_f/x"}, "/a?f=%2e%2e"),
        ({"uri": "/safe/$arg_f$arg_g"}, "/a?f=.&g=."),
        ({"uri": "/safe/$arg_f"}, "/a?f=../../admin"),
        ({"uri": "/safe/$arg_f"}, "/a?f=..%5cadmin"),
        ({"uri": "/safe/$http_x"}, "/a"),
        ({"regex_uri": ["^/p(.*)/q(.*)$", "/safe/$1$2"]}, "/p./q."),
        ({"regex_uri": ["^/(.*)", "$1"]}, "/a"),
        ({"regex_uri": ["^/(.*)", "http://$1"]}, "/evil.test"),
        ({"uri": "/safe/$arg_f"}, "/a?f=%00"),
        ({"uri": "/safe/$args"}, "/a?../admin"),
        ({"uri": "/safe/$args"}, "/a?%2e%2E/admin"),
        ({"uri": "/safe/$args"}, "/a?x/.%2e/admin"),
    ],
)
async def test_nothing_leads_out_of_the_path_that_is_configured(config: dict[str, Any], target: str) -> None:
    with pytest.raises(BadRequest):
        await rewritten(config, target, headers={"x": ".."})


async def test_what_was_received_stays() -> None:
    exchange = await rewritten({"uri": "/new", "method": "PUT", "host": "h.test", "headers": {"a": "b"}})
    original = exchange.original
    assert (original.path, original.method, original.host) == ("/a/b", "GET", "gateway.test")
    assert "a" not in original.headers


async def test_method_and_host() -> None:
    request = (await rewritten({"method": "POST", "host": "h.test:81"})).request
    assert (request.method, request.headers.get_all("host")) == ("POST", ["h.test:81"])


HEADERS = [("x-a", "1"), ("x-b", "1"), ("x-b", "2")]


@pytest.mark.parametrize(
    ("headers", "result"),
    [
        ({"X-A": "2"}, {"x-a": ["2"], "x-b": ["1", "2"]}),
        ({"X-C": 7}, {"x-a": ["1"], "x-b": ["1", "2"], "x-c": ["7"]}),
        ({"set": {"X-B": "3"}}, {"x-a": ["1"], "x-b": ["3"]}),
        ({"add": {"X-A": "2"}}, {"x-a": ["1", "2"], "x-b": ["1", "2"]}),
        ({"remove": ["X-B", "x-none"]}, {"x-a": ["1"]}),
        ({"add": {"x-c": "1"}, "set": {"x-c": "2"}, "remove": ["x-c"]}, {"x-a": ["1"], "x-b": ["1", "2"]}),
        ({"x-c": "$remote_addr $arg_x"}, {"x-a": ["1"], "x-b": ["1", "2"], "x-c": ["192.0.2.1 1"]}),
        ({"set": "plain"}, {"x-a": ["1"], "x-b": ["1", "2"], "set": ["plain"]}),
    ],
)
async def test_fields(headers: dict[str, Any], result: dict[str, list[str]]) -> None:
    found = (await rewritten({"headers": headers}, headers=HEADERS)).request.headers
    found.remove("host")
    assert {name: found.get_all(name) for name, _ in found} == result


async def test_no_value_of_a_client_makes_a_field_of_its_own() -> None:
    exchange = await rewritten({"headers": {"x-c": "$arg_x"}}, "/?x=1%0d%0ax-admin:%20yes")
    assert exchange.request.headers.get("x-c") == "1%0D%0Ax-admin: yes"
    assert "x-admin" not in exchange.request.headers


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "rewrites nothing"),
        ({"uri": "relative"}, "uri: "),
        ({"uri": ""}, "uri: "),
        ({"uri": "/" + "x" * 4096}, "uri: "),
        ({"uri": "/a/../b"}, "uri: has a dot segment"),
        ({"uri": "/a/%2e%2e/b"}, "uri: has a dot segment"),
        ({"uri": "/$nothing"}, "uri: has no variable 'nothing'"),
        ({"method": "BREW"}, "method: "),
        ({"regex_uri": ["^/a"]}, "regex_uri: "),
        ({"regex_uri": ["^/a", "/b", "^/c"]}, "regex_uri: must be pairs"),
        ({"regex_uri": ["(", "/b"]}, r"regex_uri\[0\]: is no regular expression"),
        ({"regex_uri": ["a", "$1"]}, r"regex_uri\[0\]: has \$1"),
        ({"host": "h/x"}, "host: "),
        ({"host": "h\r\nx: y"}, "host: "),
        ({"headers": {}}, "headers: "),
        ({"headers": {"a b": "c"}}, "headers.set.a b: "),
        ({"headers": {"a": "b\r\nc: d"}}, "headers.set.a: "),
        ({"headers": {"a": True}}, "headers.set.a: "),
        ({"headers": {"a": None}}, "headers.set.a: "),
        ({"headers": {"set": {"Host": "x"}}}, "headers.set.Host: .* writes itself"),
        ({"headers": {"X-Forwarded-For": "1.2.3.4"}}, "writes itself"),
        ({"headers": {"X-Consumer-Username": "root"}}, "writes itself"),
        ({"headers": {"set": {"transfer-encoding": "chunked"}}}, "writes itself"),
        ({"headers": {"remove": ["Content-Length"]}}, "headers.remove: .* writes itself"),
        ({"headers": {"remove": "x"}, "host": "h"}, "^$"),
        ({"headers": {"set": {"a": "b"}, "x": "y"}}, "headers.x: has no place beside"),
        ({"uri": "/a", "use_real_request_uri_unsafe": True}, "use_real_request_uri_unsafe: can't be"),
        ({"uri": "/a", "scheme": "https"}, "scheme: "),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    if message == "^$":
        make_plugin(ProxyRewrite, config)
        return
    with pytest.raises(ConfigError, match=message):
        make_plugin(ProxyRewrite, config)


def test_a_pattern_that_may_take_for_ever_is_a_warning() -> None:
    plugin = make_plugin(ProxyRewrite, {"regex_uri": ["^/(a+)+$", "/"]})
    assert [(finding.path, finding.level) for finding in plugin.check()] == [("regex_uri[0]", "warning")]


async def test_on_a_gateway_the_upstream_gets_the_new_request(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    config = {
        "regex_uri": ["^/api/(.*)", "/v2/$1"],
        "method": "POST",
        "host": "inner.test",
        "headers": {"set": {"x-from": "$remote_addr"}, "remove": ["user-agent"]},
    }
    route = {
        "id": "r",
        "uri": "/api/*",
        "plugins": {"proxy-rewrite": config},
        "upstream": {"nodes": {upstream.address: 1}},
    }
    gateway = await start_gateway({"routes": [route]}, [ProxyRewrite])
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{gateway.url}/api/a%2fb?x=%0d")).text == "ok"
    received = await upstream.arrived()
    assert (received.method, received.target, received.get("host")) == ("POST", "/v2/a%2Fb?x=%0d", "inner.test")
    assert (received.get("x-from"), received.get("user-agent")) == ("127.0.0.1", None)


@pytest.mark.parametrize("version", ["1.1", "2"])
@pytest.mark.parametrize(
    ("asked", "sent", "length", "body"),
    [("HEAD", "GET", "5", b""), ("GET", "HEAD", "0", b""), ("GET", "POST", "5", b"hello")],
)
async def test_an_answer_is_framed_for_the_method_that_the_client_used(
    start_gateway: GatewayMaker, upstream: FakeUpstream, asked: str, sent: str, length: str, body: bytes, version: str
) -> None:
    upstream.reply(Reply(body=b"hello"))
    route = {"id": "r", "uri": "/*", "plugins": {"proxy-rewrite": {"method": sent}}}
    gateway = await start_gateway({"routes": [{**route, "upstream": {"nodes": {upstream.address: 1}}}]}, [ProxyRewrite])
    async with httpx.AsyncClient(http1=version == "1.1", http2=version == "2", timeout=5) as client:
        for _ in range(2):
            answer = await client.request(asked, gateway.url)
            assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, length, body)
    assert [received.method for received in upstream.received] == [sent, sent]
