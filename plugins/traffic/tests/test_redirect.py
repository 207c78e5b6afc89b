from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import BadRequest, ConfigError, Response
from phasegate.testing import FakeUpstream, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import Redirect


async def redirected(
    config: dict[str, Any],
    target: str = "/a/b?x=1",
    *,
    method: str = "GET",
    headers: Any = (),
    scheme: str = "http",
    trusted: bool = False,
) -> Response | None:
    plugin = make_plugin(Redirect, config)
    await plugin.open(make_services())
    request = make_request(method, target, headers=headers)
    request.scheme, request.peer_trusted = scheme, trusted
    response: Response | None = await run_phase(plugin, "rewrite", make_exchange(request))
    return response


def place(response: Response | None) -> str | None:
    return response.headers.get("location") if response else None


@pytest.mark.parametrize(
    ("config", "target", "location"),
    [
        ({"uri": "/new"}, "/a?x=1", "/new"),
        ({"uri": "/new$uri"}, "/a/b?x=1", "/new/a/b"),
        ({"uri": "$uri/"}, "/a", "/a/"),
        ({"uri": "/new?from=$uri"}, "/a", "/new?from=/a"),
        ({"uri": "https://$host$request_uri"}, "/a?x=1", "https://gateway.test/a?x=1"),
        ({"uri": "$scheme://${host}:81$uri"}, "/a", "http://gateway.test:81/a"),
        ({"uri": "https://new.test"}, "/a", "https://new.test"),
        ({"uri": "https://new.test$uri"}, "/a", "https://new.test/a"),
        ({"uri": "https://new.test/$arg_x"}, "/a?x=b%2Fc%3Fd", "https://new.test/b%2Fc%3Fd"),
        ({"uri": "//new.test/x"}, "/a", "//new.test/x"),
        ({"uri": "/n", "append_query_string": True}, "/a?x=1", "/n?x=1"),
        ({"uri": "/n?k=v", "append_query_string": True}, "/a?x=1", "/n?k=v&x=1"),
        ({"uri": "/n?k=v#top", "append_query_string": True}, "/a?x=1", "/n?k=v&x=1#top"),
        ({"uri": "/n", "append_query_string": True}, "/a", "/n"),
        ({"regex_uri": ["^/a/(.*)$", "/n/$1"]}, "/a/b", "/n/b"),
        ({"regex_uri": ["^/a/(.*)$", "https://new.test/$1"]}, "/a/b", "https://new.test/b"),
        ({"regex_uri": ["^/no", "/n"]}, "/a/b", None),
    ],
)
async def test_places(config: dict[str, Any], target: str, location: str | None) -> None:
    response = await redirected(config, target)
    assert place(response) == location
    assert response is None or (response.status, response.body) == (302, b"")


async def test_the_status_is_configured() -> None:
    response = await redirected({"uri": "/n", "ret_code": 307})
    assert response is not None
    assert response.status == 307


@pytest.mark.parametrize(
    ("config", "target"),
    [
        ({"uri": "$uri"}, "//evil.test/x"),
        ({"uri": "$request_uri"}, "//evil.test/x"),
        ({"uri": "$request_uri"}, "http://evil.test//evil.test"),
        ({"uri": "/$uri"}, "/evil.test"),
        ({"uri": "/$args"}, "/?/evil.test"),
        ({"uri": "/$args"}, "/?\\evil.test"),
        ({"uri": "/$arg_x"}, "/?x=/evil.test"),
        ({"uri": "/$arg_x"}, "/?x=%09//evil.test"),
        ({"uri": "$uri"}, "///evil.test"),
        ({"uri": "$uri"}, "/\\evil.test"),
        ({"uri": "$uri"}, "/%5Cevil.test"),
        ({"uri": "https://gateway.test$uri"}, "/.evil.test"),
        ({"uri": "https://gateway.test/$arg_x"}, "/?x=@evil.test"),
        ({"regex_uri": ["^/go(.*)$", "$1"]}, "/gohttp://evil.test"),
        ({"regex_uri": ["^/go(.*)$", "$1"]}, "/go//evil.test"),
        ({"regex_uri": ["^/go(.*)$", "http:$1"]}, "/go//evil.test"),
        ({"regex_uri": ["^/go/", "/"]}, "/go//evil.test"),
        ({"regex_uri": ["^/go", ""]}, "/go//evil.test"),
        ({"regex_uri": ["^/go", "https://gateway.test/"]}, "/go.evil.test"),
        ({"regex_uri": ["/x$", "https://gateway.test/"]}, "//evil.test/x"),
        ({"regex_uri": ["/x$", "//gateway.test/"]}, "//evil.test/x"),
    ],
)
async def test_no_client_chooses_the_host(config: dict[str, Any], target: str) -> None:
    try:
        found = place(await redirected(config, target))
    except ConfigError:
        return
    assert found is not None
    seen = urlsplit(urljoin("http://gateway.test/", found.replace("\\", "/")))
    assert (seen.hostname, seen.username) == ("gateway.test", None)


@given(path=st.text("/\\.:@?#%ae", max_size=12), query=st.text("/\\.:@ae", max_size=8))
async def test_no_path_and_no_query_leads_away(path: str, query: str) -> None:
    for uri in ("$uri", "/$uri", "/$args", "$request_uri", "/$arg_a", "https://gateway.test$uri"):
        try:
            found = place(await redirected({"uri": uri}, f"/{path.replace('#', '')}?{query}"))
        except BadRequest:
            return
        assert urlsplit(urljoin("http://gateway.test/", (found or "").replace("\\", "/"))).hostname == "gateway.test"


async def test_no_value_of_a_client_makes_a_field_of_its_own() -> None:
    assert place(await redirected({"uri": "/$arg_x"}, "/?x=%0d%0aset-cookie:a")) == "/%0D%0Aset-cookie%3Aa"


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 301), ("HEAD", 301), ("POST", 308), ("DELETE", 308), ("OPTIONS", 308)]
)
async def test_from_http_to_https_the_method_is_kept(method: str, status: int) -> None:
    response = await redirected({"http_to_https": True}, method=method)
    assert response is not None
    assert (response.status, place(response)) == (status, "https://gateway.test/a/b?x=1")


@pytest.mark.parametrize(
    ("scheme", "headers", "trusted", "location"),
    [
        ("https", {}, False, None),
        ("http", {"host": "[::1]:80"}, False, "https://[::1]:8443/a/b?x=1"),
        ("http", {"x-forwarded-proto": "https"}, True, None),
        ("https", {"x-forwarded-proto": "http"}, True, "https://gateway.test:8443/a/b?x=1"),
        ("http", {"x-forwarded-proto": "https"}, False, "https://gateway.test:8443/a/b?x=1"),
    ],
)
async def test_which_scheme_counts(scheme: str, headers: Any, location: str | None, *, trusted: bool) -> None:
    config = {"http_to_https": True, "ret_port": 8443}
    assert place(await redirected(config, headers=headers, scheme=scheme, trusted=trusted)) == location


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "needs one of uri, regex_uri and http_to_https"),
        ({"uri": "/a", "http_to_https": True}, "needs one of"),
        ({"uri": "/a", "regex_uri": ["a", "b"]}, "needs one of"),
        ({"http_to_https": True, "append_query_string": True}, "append_query_string"),
        ({"uri": "/"}, "uri: "),
        ({"uri": "/a\r\nb"}, "uri: "),
        ({"uri": "\\evil"}, "uri: "),
        ({"uri": "/$none"}, "uri: has no variable"),
        ({"uri": "$arg_next"}, "uri: must begin with"),
        ({"uri": "$http_referer"}, "uri: must begin with"),
        ({"uri": "relative"}, "uri: must begin with"),
        ({"uri": "javascript:$arg_x"}, "uri: must begin with"),
        ({"uri": "https://$arg_h/x"}, "in its host"),
        ({"uri": "//$http_x"}, "in its host"),
        ({"uri": "https://new.test$arg_x"}, "in its host"),
        ({"uri": "https://new.test:$arg_port/"}, "in its host"),
        ({"uri": "https://$uri_param_x/"}, "in its host"),
        ({"uri": "https://$arg_u@new.test/"}, "in its host"),
        ({"regex_uri": ["a"]}, "regex_uri"),
        ({"regex_uri": ["(", "/b"]}, r"regex_uri\[0\]"),
        ({"regex_uri": ["^/a", "/b\r\nset-cookie: c"]}, r"regex_uri\[1\]: must be printable ASCII"),
        ({"regex_uri": ["^/a", "/\u00e4"]}, r"regex_uri\[1\]: must be printable ASCII"),
        ({"regex_uri": ["^/(.*)", "https://$1"]}, r"regex_uri\[1\]: has a host that does not end"),
        ({"regex_uri": ["^/(.*)", "//$1/x"]}, r"regex_uri\[1\]: has a host that does not end"),
        ({"regex_uri": ["^/a", "https://new.test"]}, r"regex_uri\[1\]: has a host that does not end"),
        ({"regex_uri": ["^/a", "javascript:$0"]}, r"regex_uri\[1\]: must begin with"),
        ({"uri": "/a", "ret_code": 600}, "ret_code"),
        ({"uri": "/a", "ret_code": 100}, "ret_code"),
        ({"http_to_https": True, "ret_port": 0}, "ret_port"),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plugin(Redirect, config)


async def test_a_request_without_a_host_has_nowhere_to_go() -> None:
    plugin = make_plugin(Redirect, {"http_to_https": True})
    await plugin.open(make_services())
    exchange = make_exchange()
    exchange.original.host = ""
    with pytest.raises(BadRequest):
        await run_phase(plugin, "rewrite", exchange)


async def test_on_a_gateway_nothing_reaches_the_upstream(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    route = {
        "id": "r",
        "uri": "/*",
        "plugins": {"redirect": {"uri": "$uri", "ret_code": 308}},
        "upstream": {"nodes": {upstream.address: 1}},
    }
    gateway = await start_gateway({"routes": [route]}, [Redirect])
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{gateway.url}//evil.test/x", content=b"body")
    assert (answer.status_code, answer.headers["location"], answer.content) == (308, "/evil.test/x", b"")
    assert upstream.received == []
