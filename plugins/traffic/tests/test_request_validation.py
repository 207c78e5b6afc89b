import asyncio
import sys
import time
from typing import Any

import httpx
import pytest

from phasegate import ConfigError, PayloadTooLarge, Response
from phasegate.testing import FakeUpstream, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import RequestValidation

PERSON = {
    "type": "object",
    "required": ["name"],
    "properties": {"name": {"type": "string", "minLength": 2}, "age": {"type": "integer", "minimum": 0}},
    "additionalProperties": False,
}
FORM = "application/x-www-form-urlencoded"


async def answer(config: dict[str, Any], body: bytes = b"", headers: Any = ()) -> Response | None:
    plugin = make_plugin(RequestValidation, config)
    await plugin.open(make_services())
    exchange = make_exchange(make_request("POST", headers=headers, body=body))
    response: Response | None = await run_phase(plugin, "access", exchange)
    assert await exchange.request.body.read(10_000_000) == body
    return response


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"name": "jack"}', None),
        (b' {"name": "jack", "age": 3}\n', None),
        ('{"name": "j\u00e4"}'.encode(), None),
        (b'{"name": "j"}', "$.name: "),
        (b'{"age": 3}', "$: 'name' is a required property"),
        (b'{"name": "jack", "age": 1.5}', "$.age: "),
        (b'{"name": "jack", "x": 1}', "$: "),
        (b"[]", "$: "),
        (b"", "the body is no JSON"),
        (b"{", "the body is no JSON"),
        (b'{"name": "jack"} x', "the body is no JSON"),
        (b"name=jack", "the body is no JSON"),
        (b'{"name": "root", "name": "jack"}', "a key stands twice"),
        (b'{"name": "jack", "age": NaN}', "NaN is no JSON"),
        (b'{"name": "jack", "age": -Infinity}', "Infinity is no JSON"),
        (b'\xef\xbb\xbf{"name": "jack"}', "the body is no JSON"),
        ('{"name": "jack"}'.encode("utf-16"), "the body is no JSON"),
        (b'{"name": "\xff\xff"}', "the body is no JSON"),
        (b'{"name": "jack", "age": ' + b"9" * 5000 + b"}", "the body is no JSON"),
        (b'{"name": "jack", "age": 1e400}', "a number is out of range"),
        (b'{"name": "jack", "age": -' + b"9" * 310 + b"}", "a number is out of range"),
        (b'{"name": "jack", "age": ' + b"9" * 300 + b"}", None),
        (rb'{"\ud800": 1}', "the body is no JSON"),
        (rb'{"name": "jack\uD83D"}', "the body is no JSON"),
        (rb'{"name": "\ud83d\ude00 jack"}', None),
        (b"[" * 100_000, "nested too deeply"),
        (b"[" * 900 + b"]" * 900, "$: "),
    ],
)
async def test_bodies(body: bytes, message: str | None) -> None:
    response = await answer({"body_schema": PERSON}, body)
    if message is None:
        assert response is None
    else:
        assert response is not None
        assert response.status == 400
        assert message in (await response.read()).decode()


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (b"name=jack", True),
        (b"name=j%c3%a4", True),
        (b"name=", False),
        (b"name=jack&name=jill", False),
        (b"name=jack&x=1", False),
        (b"name=%ff%ff", False),
        (b"name=\xc3\xa4", False),
        (b"&".join([b"x=1"] * 2000), False),
        (b'{"name": "jack"}', False),
    ],
)
@pytest.mark.parametrize("content_type", [FORM, f"{FORM.upper()}; charset=utf-8"])
async def test_forms(body: bytes, content_type: str, *, passes: bool) -> None:
    response = await answer({"body_schema": PERSON}, body, {"content-type": content_type})
    assert (response is None) is passes


async def test_two_content_types_are_two_ways_to_read_a_body() -> None:
    headers = [("content-type", "application/json"), ("content-type", FORM)]
    assert await answer({"body_schema": PERSON}, b'{"name": "jack"}', headers) is not None


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ([("x-version", "2")], True),
        ([("X-Version", "3")], False),
        ([], False),
        ([("x-version", "2"), ("x-version", "2")], False),
        ([("x-version", "2, 2")], False),
    ],
)
async def test_fields_have_their_names_in_any_case(headers: Any, *, passes: bool) -> None:
    schema = {"type": "object", "required": ["X-Version"], "properties": {"X-Version": {"enum": ["1", "2"]}}}
    assert (await answer({"header_schema": schema}, headers=headers) is None) is passes


async def test_the_answer_is_configured() -> None:
    response = await answer({"body_schema": PERSON, "rejected_code": 422, "rejected_msg": "no"}, b"{}")
    assert response is not None
    assert (response.status, response.body) == (422, b'{"message":"no"}')


async def test_the_reason_is_short() -> None:
    response = await answer({"body_schema": {"type": "object"}}, b'"' + b"x" * 3000 + b'"')
    assert response is not None
    assert len(await response.read()) < 250


@pytest.mark.parametrize(
    ("config", "body", "reason"),
    [
        ({"body_schema": {"properties": {"pin": {"pattern": "^[0-9]+$"}}}}, b'{"pin": "s3cret"}', "$.pin: pattern"),
        ({"header_schema": {"properties": {"x-token": {"maxLength": 3}}}}, b"", "$['x-token']: maxLength"),
        ({"body_schema": {}}, b"{s3cret", "the body is no JSON: "),
    ],
)
async def test_the_log_tells_what_rule_and_where_and_no_value(
    caplog: pytest.LogCaptureFixture, config: dict[str, Any], body: bytes, reason: str
) -> None:
    with caplog.at_level("INFO"):
        assert await answer(config, body, headers={"x-token": "s3cret"}) is not None
    (told,) = [record.reason for record in caplog.records]  # type: ignore[attr-defined]
    assert told.startswith(reason)
    assert "s3cret" not in told


async def test_a_longer_body_is_not_read() -> None:
    with pytest.raises(PayloadTooLarge):
        await answer({"body_schema": {}, "max_req_body": 5}, b'"1234"')


async def test_a_long_body_is_judged_beside_the_event_loop() -> None:
    plugin = make_plugin(RequestValidation, {"body_schema": {"items": {"type": "integer"}, "uniqueItems": True}})
    await plugin.open(make_services())
    body = ("[" + ",".join(map(str, range(30_000))) + "]").encode()
    judging = asyncio.create_task(run_phase(plugin, "access", make_exchange(make_request("POST", body=body))))
    turns = 0
    while not judging.done():
        await asyncio.sleep(0)
        turns += 1
    assert await judging is None
    assert turns > 10


@pytest.mark.parametrize(
    ("body", "unique"),
    [
        (b"[1, true, 0, false, null]", True),
        (b"[1, 1.0]", False),
        (b'[{"a": 1}, {"a": 1.0}]', False),
        (b"[[1], [2]]", True),
        (b'[{"a": 1, "b": [0]}, {"b": [-0.0], "a": 1}]', False),
        (b'["1", 1, "true", true, "null", null, "[]", [], "{}", {}, 1e308, 0.1]', True),
    ],
)
async def test_items_are_unique_as_json_says(body: bytes, *, unique: bool) -> None:
    assert (await answer({"body_schema": {"uniqueItems": True}}, body) is None) is unique


async def test_many_items_are_compared_in_time() -> None:
    began = time.process_time()
    assert await answer({"body_schema": {"uniqueItems": True}}, b"[" + b"{}," * 60_000 + b"{}]") is not None
    assert time.process_time() - began < 5


@pytest.mark.parametrize("form", ["%d", "[%d]"])
async def test_items_that_are_chosen_to_collide_are_compared_in_time(form: str) -> None:
    prime = sys.hash_info.modulus
    body = "[" + ",".join(form % (number * prime) for number in range(1, 10_000)) + "]"
    began = time.process_time()
    assert await answer({"body_schema": {"uniqueItems": True}}, body.encode()) is None
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("number", [b"1e308", b"9" * 300, b"1e-320"])
async def test_the_largest_numbers_are_judged(number: bytes) -> None:
    await answer({"body_schema": {"multipleOf": 0.01}}, number)
    await answer({"body_schema": {"multipleOf": 7}}, number)


async def test_a_schema_may_refer_to_itself() -> None:
    tree = {"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}}
    assert await answer({"body_schema": tree}, b"[[], [[]]]") is None
    assert await answer({"body_schema": tree}, b"[[], [1]]") is not None
    assert await answer({"body_schema": {"$ref": "#"}}, b"1") is not None


@pytest.mark.parametrize(
    ("schema", "body", "passes"),
    [
        ({"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"]}}, b'{"a": 1}', False),
        ({"dependentRequired": {"a": ["b"]}}, b'{"a": 1}', False),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "minimum": 1, "exclusiveMinimum": True}, b"1", False),
    ],
)
async def test_a_schema_is_of_the_draft_that_it_names(schema: Any, body: bytes, *, passes: bool) -> None:
    assert (await answer({"body_schema": schema}, body) is None) is passes


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "body_schema: is required"),
        ({"body_schema": {"type": "strng"}}, "body_schema: is no JSON Schema: .*type"),
        ({"body_schema": {"pattern": "("}}, "body_schema: is no JSON Schema: .*pattern"),
        ({"header_schema": {"required": "x"}}, "header_schema: is no JSON Schema"),
        ({"body_schema": {"$ref": "#/$defs/x"}}, r"body_schema.\$ref: refers to"),
        (
            {
                "body_schema": {
                    "items": [{"$ref": "http://127.0.0.1:1/x"}],
                    "$schema": "http://json-schema.org/draft-07/schema#",
                }
            },
            r"body_schema.items\[0\].\$ref: refers to",
        ),
        ({"body_schema": {"$ref": "file:///etc/passwd"}}, "refers to"),
        ({"body_schema": {}, "rejected_code": 199}, "rejected_code"),
        ({"body_schema": {}, "rejected_msg": ""}, "rejected_msg"),
        ({"body_schema": {}, "rejected_msg": "x" * 257}, "rejected_msg"),
        ({"body_schema": {}, "max_req_body": 0}, "max_req_body"),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plugin(RequestValidation, config)


def test_a_pattern_that_may_take_for_ever_is_a_warning() -> None:
    plugin = make_plugin(RequestValidation, {"body_schema": {"items": {"pattern": "^(a+)+$"}}})
    assert [(finding.path, finding.level) for finding in plugin.check()] == [("body_schema.items.pattern", "warning")]


async def test_on_a_gateway_a_good_body_goes_on_as_it_came(start_gateway: GatewayMaker, upstream: FakeUpstream) -> None:
    route = {
        "id": "r",
        "uri": "/",
        "plugins": {"request-validation": {"body_schema": PERSON}},
        "upstream": {"nodes": {upstream.address: 1}},
    }
    gateway = await start_gateway({"routes": [route]}, [RequestValidation])
    good = b'{ "age": 3, "name":"jack" }'
    async with httpx.AsyncClient() as client:
        assert (await client.post(gateway.url, content=b'{"name": 1}')).status_code == 400
        assert (await client.post(gateway.url, content=b"x" * 262_145)).status_code == 413
        assert (await client.post(gateway.url, content=good)).status_code == 200
    assert [received.body for received in upstream.received] == [good]
