from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from phasegate import ConfigError, Response, UpstreamError
from phasegate.testing import FakeUpstream, Reply, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import ResponseRewrite

OF_BODY = {"etag": '"1"', "last-modified": "x", "content-encoding": "identity", "digest": "d", "content-length": "5"}


async def rewritten(
    config: dict[str, Any], response: Response, *, method: str = "GET", target: str = "/?q=1%0d%0aset-cookie:%20a"
) -> Response:
    plugin = make_plugin(ResponseRewrite, config)
    await plugin.open(make_services())
    exchange = make_exchange(make_request(method, target))
    await run_phase(plugin, "rewrite", exchange)
    changed = await run_phase(plugin, "response", exchange, response)
    return changed or response


async def streamed(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


async def test_status_and_fields() -> None:
    config = {
        "status_code": 201,
        "headers": {"add": ["X-A: 2", "x-b: $request_id"], "set": {"x-c": 1}, "remove": ["x-d"]},
    }
    response = await rewritten(config, Response(200, {"x-a": "1", "x-c": "0", "x-d": "1"}, b"kept"))
    assert (response.status, response.body) == (201, b"kept")
    assert sorted(response.headers) == [("x-a", "1"), ("x-a", "2"), ("x-b", "test-request-id"), ("x-c", "1")]


async def test_no_value_of_a_client_makes_a_field_of_its_own() -> None:
    response = await rewritten({"headers": {"x-q": "$arg_q"}}, Response())
    assert list(response.headers) == [("x-q", "1%0D%0Aset-cookie: a")]


@pytest.mark.parametrize(
    ("config", "body"),
    [({"body": "new"}, b"new"), ({"body": ""}, b""), ({"body": "AP8=", "body_base64": True}, b"\x00\xff")],
)
async def test_another_body_leaves_nothing_that_speaks_of_the_former(config: dict[str, Any], body: bytes) -> None:
    response = await rewritten(config, Response(200, OF_BODY, streamed(b"never read")))
    assert response.body == body
    assert list(response.headers) == []


@pytest.mark.parametrize(
    ("filters", "body"),
    [
        ([{"regex": "a", "replace": "b"}], b"bna a\xff"),
        ([{"regex": "a", "replace": "b", "scope": "global"}], b"bnb b\xff"),
        ([{"regex": "A(n)", "replace": "<$1>", "options": "i"}], b"<n>a a\xff"),
        ([{"regex": "a", "replace": "b"}, {"regex": "b", "replace": "c"}], b"cna a\xff"),
        ([{"regex": "none", "replace": "x"}], b"ana a\xff"),
        ([{"regex": "(?s).*", "replace": ""}], b""),
    ],
)
async def test_filters_replace_in_the_whole_body(filters: list[dict[str, Any]], body: bytes) -> None:
    response = await rewritten({"filters": filters}, Response(200, OF_BODY, streamed(b"an", b"a a", b"\xff")))
    assert response.body == body
    assert list(response.headers) == []


FILTER = {"filters": [{"regex": "secret", "replace": "***"}]}


@pytest.mark.parametrize(
    "response",
    [
        Response(200, {"content-encoding": "gzip"}, b"secret"),
        Response(200, {}, b"x" * 1_048_577),
    ],
)
async def test_what_can_not_be_filtered_does_not_get_through(response: Response) -> None:
    with pytest.raises(UpstreamError, match="can't be filtered"):
        await rewritten(FILTER, response)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_an_answer_without_body_gets_none(method: str, status: int) -> None:
    response = await rewritten(FILTER, Response(status, {"etag": '"1"'}), method=method)
    assert (response.body, response.headers.get("etag")) == (b"", '"1"')
    assert (await rewritten({"body": "x"}, Response(status), method=method)).body == b""


@pytest.mark.parametrize(("before", "after", "body"), [(204, 200, b"x"), (304, 200, b"x"), (200, 204, b"")])
async def test_whether_there_is_a_body_goes_by_the_new_status(before: int, after: int, body: bytes) -> None:
    response = await rewritten({"status_code": after, "body": "x"}, Response(before))
    assert (response.status, response.body) == (after, body)


@pytest.mark.parametrize(
    ("conditions", "status", "hold"),
    [
        ([["status", "==", 200]], 200, True),
        ([["status", "==", 200]], 404, False),
        ([["status", ">=", 500], ["arg_q", "~~", "^1"]], 503, True),
        (["OR", ["status", "in", [404, 410]], ["uri", "==", "/x"]], 410, True),
    ],
)
async def test_conditions_may_ask_for_the_status(conditions: list[Any], status: int, *, hold: bool) -> None:
    response = await rewritten({"vars": conditions, "body": "new"}, Response(status, {}, b"old"))
    assert response.body == (b"new" if hold else b"old")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"status_code": 199}, "status_code"),
        ({"status_code": 599}, "status_code"),
        ({"body": "x", "filters": [{"regex": "a", "replace": ""}]}, "filters: stands beside body"),
        ({"body": "not base64", "body_base64": True}, "body: is no base64"),
        ({"vars": []}, "vars"),
        ({"vars": [["status", "=", 1]]}, r"vars\[0\]: has no operator"),
        ({"filters": []}, "filters"),
        ({"filters": [{"regex": "a"}]}, r"filters\[0\].replace"),
        ({"filters": [{"regex": "(", "replace": ""}]}, r"filters\[0\].regex: is no regular expression"),
        ({"filters": [{"regex": "a", "replace": "$1"}]}, r"filters\[0\].regex: has \$1"),
        ({"filters": [{"regex": "a", "replace": "", "options": "z"}]}, r"filters\[0\].regex: has the option 'z'"),
        ({"filters": [{"regex": "a", "replace": "", "scope": "some"}]}, r"filters\[0\].scope"),
        ({"headers": {"add": ["no colon"]}}, "headers.add.no colon"),
        ({"headers": {"set": {"content-length": "1"}}}, "writes itself"),
        ({"headers": {"set": {"a": "b\nc"}}}, "headers.set.a"),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plugin(ResponseRewrite, config)


async def test_on_a_gateway_answers_of_the_upstream_and_its_own_are_rewritten(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    upstream.reply(Reply(headers={"etag": '"1"', "x-powered-by": "y"}, pieces=[b"the sec", b"ret"]))
    config = {
        "filters": [{"regex": "secret", "replace": "***", "scope": "global"}],
        "headers": {"remove": ["X-Powered-By"]},
    }
    route = {"id": "r", "uri": "/a", "plugins": {"response-rewrite": config}}
    lost = {"vars": [["status", "==", 404]], "status_code": 200, "body": "lost"}
    document = {
        "routes": [{**route, "upstream": {"nodes": {upstream.address: 1}}}],
        "global_rules": [{"id": "g", "plugins": {"response-rewrite": lost}}],
    }
    gateway = await start_gateway(document, [ResponseRewrite])
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{gateway.url}/a", headers={"accept-encoding": "gzip"})
        assert (answer.text, answer.headers["content-length"]) == ("the ***", "7")
        assert not {"etag", "x-powered-by"} & set(answer.headers)
        assert (await upstream.arrived()).get("accept-encoding") is None
        answer = await client.get(f"{gateway.url}/nowhere")
        assert (answer.status_code, answer.text) == (200, "lost")
