import asyncio
import json
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest
from jsonschema import Draft202012Validator

from phasegate import ConfigError, Response
from phasegate.testing import make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate.testing.fixtures import GatewayMaker
from phasegate_traffic import Mocking
from phasegate_traffic.made_up import made_up, xml

SCHEMA = {
    "type": "object",
    "required": ["name", "age", "tags", "on", "price", "kind", "note"],
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 5},
        "age": {"type": "integer", "minimum": 7, "maximum": 9},
        "price": {"type": "number"},
        "on": {"type": "boolean"},
        "tags": {"items": {"properties": {"t": {"type": ["string", "null"]}}}, "type": "array", "minItems": 1},
        "kind": {"enum": ["a", "b"]},
        "note": {"type": "string", "example": "as written"},
    },
}


async def answer(config: dict[str, Any], target: str = "/") -> Response:
    plugin = make_plugin(Mocking, config)
    await plugin.open(make_services())
    response: Response = await run_phase(plugin, "access", make_exchange(make_request("GET", target)))
    return response


async def test_an_example_is_answered() -> None:
    response = await answer({"response_example": '{"q": "$arg_q"}'}, "/?q=%22%7d")
    assert (response.status, response.body) == (200, b'{"q": "\\"}"}')
    assert dict(response.headers) == {"content-type": "application/json;charset=utf8", "x-mock-by": "Phasegate"}


async def test_status_type_and_fields_are_configured() -> None:
    config = {
        "response_example": "<p>$arg_q</p>",
        "response_status": 418,
        "content_type": "text/html; charset=utf-8",
        "response_headers": {"x-a": "$arg_q"},
        "with_mock_header": False,
    }
    response = await answer(config, "/?q=%3Cscript%3E%0a")
    assert (response.status, response.body) == (418, b"<p>&lt;script&gt;\n</p>")
    assert dict(response.headers) == {"content-type": "text/html; charset=utf-8", "x-a": "<script>%0A"}


async def test_a_schema_makes_something_up_that_it_takes() -> None:
    for _ in range(50):
        value = json.loads(await (await answer({"response_schema": SCHEMA})).read())
        Draft202012Validator(SCHEMA).validate(value)
        assert value["note"] == "as written"


async def test_what_is_made_up_may_be_xml() -> None:
    body = await (await answer({"response_schema": SCHEMA, "content_type": "text/xml"})).read()
    root = ET.fromstring(body)
    assert (root.tag, root.findtext("note")) == ("data", "as written")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a b": "<&>"}, '<data><field name="a b">&lt;&amp;&gt;</field></data>'),
        ({"a": [1, None, True]}, "<data><a>1</a><a></a><a>true</a></data>"),
        ({'"><x': 1}, "<data><field name='\"&gt;&lt;x'>1</field></data>"),
    ],
)
def test_xml_is_escaped(value: object, text: str) -> None:
    assert xml(value) == text


def test_a_schema_that_says_nothing_makes_nothing() -> None:
    schemas: list[dict[str, Any]] = [{}, {"type": "null"}, {"type": []}, {"type": "array"}]
    assert [made_up(schema) for schema in schemas] == [None, None, None, []]


async def test_the_example_comes_before_the_schema() -> None:
    assert (await answer({"response_example": "e", "response_schema": SCHEMA})).body == b"e"


async def test_it_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await answer({"response_example": "e", "delay": 2})
    assert slept == [2]


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "response_example: is required"),
        ({"response_example": "$none"}, "response_example: has no variable"),
        ({"response_example": "", "content_type": "image/png"}, "content_type: must be one of"),
        ({"response_example": "", "content_type": "text/plain\r\nx: y"}, "content_type"),
        ({"response_example": "", "response_status": 100}, "response_status"),
        ({"response_example": "", "delay": -1}, "delay"),
        ({"response_example": "", "delay": 601}, "delay"),
        ({"response_example": "", "response_headers": {"a": "b\nc"}}, "response_headers.set.a"),
        ({"response_schema": {"type": "strng"}}, "response_schema: is no JSON Schema"),
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plugin(Mocking, config)


async def test_on_a_gateway_a_route_needs_no_upstream(start_gateway: GatewayMaker) -> None:
    route = {"id": "r", "uri": "/user/:id", "plugins": {"mocking": {"response_example": '{"id": "$uri_param_id"}'}}}
    gateway = await start_gateway({"routes": [route]}, [Mocking])
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{gateway.url}/user/7")).json() == {"id": "7"}
