"""Planted secrets in everything that an explanation looks at: none of them is in it."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
import jwt
import pytest

from phasegate import Exchange, Plugin, Response, Secret, Services, hookimpl
from phasegate.cli.explanation_text import explanation_text
from phasegate.environment import FromEnvironment
from phasegate.registry import Registry
from phasegate.testing import FakeUpstream, Reply
from tests.desk import Node, running_node

pytestmark = pytest.mark.long

SECRET = "pl4nted-s3cret"
META = "m3tadata-of-all"
DOOR = "only-the-route-knows"
HASH = "h4sh-of-the-function"
OTHER = "pr3sented-by-nobody-we-know"
BUNDLED = ["aws-lambda", "key-auth", "basic-auth", "jwt-auth", "hmac-auth", "aws-sigv4-auth", "csrf", "forward-auth"]
BUNDLED += ["azure-functions", "openwhisk", "openfunction", "proxy-rewrite", "redirect", "request-validation"]


@dataclass(kw_only=True)
class Leaks(Plugin):
    """Writes its own secret, and what the caller presents, wherever it can."""

    name: ClassVar[str] = "leaks"
    priority: ClassVar[int] = 3000
    schema: ClassVar = {"word": {"type": "string", "secret": True, "required": True}, "raises": {"type": "boolean"}}
    metadata_schema: ClassVar = {"other": {"type": "string", "secret": True}}
    word: Secret
    raises: bool = False

    async def open(self, services: Services) -> None:
        self._metadata = services.metadata

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        request, word = exchange.request, self.word.value
        request.headers["x-plain"] = word
        request.headers["x-derived"] = base64.b64encode(f"u:{word}".encode()).decode()
        request.path = f"/seen/{word}/{(self._metadata(self.name) or {})['other'].value}"
        if self.raises:
            raise RuntimeError(f"can't do anything with {word} or {exchange.original.headers.get('apikey')}")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        response.headers["x-word"] = self.word.value
        response.headers["location"] = f"https://h.test/cb?code={self.word.value}"
        return None


@dataclass(kw_only=True)
class Copies(Plugin):
    """Has no secret, and copies what the caller presents."""

    name: ClassVar[str] = "copies"
    priority: ClassVar[int] = 3001

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        headers = exchange.request.headers
        for name in ("authorization", "apikey", "cookie", "x-door"):
            headers[f"x-was-{name[:2]}"] = headers.get(name) or ""
        headers["x-argument"] = exchange.request.query.get("access_token") or ""
        headers.remove("x-door")
        return None


def document(upstream: FakeUpstream) -> dict[str, Any]:
    function = f"{upstream.url}/fn?code={SECRET}&h={HASH}"
    iam = {"accesskey": f"{SECRET}-a", "secretkey": f"{SECRET}-s", "session_token": f"{SECRET}-t"}

    def route(id_: str, **more: Any) -> dict[str, Any]:
        return {"id": id_, "uri": f"/{id_}", "upstream": {"nodes": {upstream.address: 1}}, **more}

    def lambda_(**config: Any) -> dict[str, Any]:
        return {"aws-lambda": {"function_uri": function, **config}}

    whisk = {"api_host": upstream.url, "namespace": "_", "action": "a"}
    copied = {
        "uri": "/copied/$http_apikey/$http_x_other",
        "headers": {"x-copy": "$http_authorization", "x-too": "$args"},
    }
    auth: dict[str, Any] = {name: {} for name in ("basic-auth", "jwt-auth", "hmac-auth", "aws-sigv4-auth")}
    return {
        "routes": [
            route("key", plugins=lambda_(authorization={"apikey": SECRET})),
            route("iam", plugins=lambda_(authorization={"iam": iam})),
            route("query", plugins=lambda_(authorization={"iam": iam}, sign_location="query")),
            route("away", plugins={"aws-lambda": {"function_uri": f"http://127.0.0.1:1/?code={SECRET}"}}),
            route(
                "azure", plugins={"azure-functions": {"function_uri": function, "authorization": {"apikey": SECRET}}}
            ),
            route("masters", plugins={"azure-functions": {"function_uri": f"{upstream.url}/fn"}}),
            route("whisk", plugins={"openwhisk": {**whisk, "service_token": f"u:{SECRET}"}}),
            route("open", plugins={"openfunction": {"function_uri": function, "authorization": {"bearer": SECRET}}}),
            route("copied", plugins={"proxy-rewrite": copied}),
            route("moved", plugins={"redirect": {"uri": "/new/$http_apikey?code=$http_x_other&$args"}}),
            route(
                "judged",
                plugins={"request-validation": {"header_schema": {"properties": {"apikey": {"maxLength": 1}}}}},
            ),
            route("door", plugins={"key-auth": {"header": "x-door", "query": "door"}}),
            route("callers", plugins={**auth, "key-auth": {}, "csrf": {"key": SECRET}, "copies": {}}),
            route("leaks", plugins={"leaks": {"word": SECRET}, "copies": {}}),
            route("raises", plugins={"leaks": {"word": SECRET, "raises": True}}),
            route("filled", plugins={"forward-auth": {"uri": FromEnvironment(f"http://127.0.0.1:1/{SECRET}")}}),
            route(
                "vars", vars=[["http_x_api_key", "==", SECRET], ["cookie_id", "==", SECRET], ["arg_code", "==", SECRET]]
            ),
            route("envvars", vars=[["http_x_other", "==", FromEnvironment(SECRET)]]),
            route("logic", vars=["OR", ["http_authorization", "==", SECRET], ["arg_token", "==", SECRET]]),
        ],
        "consumers": [
            {
                "username": "jack",
                "plugins": {
                    "key-auth": {"key": SECRET},
                    "basic-auth": {"username": "jack", "password": SECRET},
                    "jwt-auth": {"key": "jack", "secret": SECRET * 3},
                    "hmac-auth": {"key_id": "jack", "secret_key": SECRET},
                },
            }
        ],
        "plugin_metadata": [{"id": "leaks", "other": META}, {"id": "azure-functions", "master_apikey": META}],
    }


TOKEN = jwt.encode({"key": "jack", "exp": 4_000_000_000, "x": SECRET}, SECRET * 3, algorithm="HS256")
BASIC = base64.b64encode(f"jack:{SECRET}".encode()).decode()
PRESENTED: list[dict[str, str]] = [
    {},
    {"apikey": SECRET},
    {"apikey": OTHER},
    {"x-door": SECRET},
    {"x-door": OTHER},
    {"authorization": f"Basic {OTHER}", "cookie": OTHER},
    {"authorization": f"Bearer {OTHER}", "cookie": f"a={OTHER}; b=1"},
    {"authorization": OTHER, "x-other": OTHER},
    {"authorization": f"Basic {BASIC}"},
    {"authorization": f"Bearer {TOKEN}"},
    {"authorization": f"Bearer {TOKEN}{SECRET}"},
    {"authorization": SECRET},
    {"authorization": f'Signature keyId="jack",algorithm="hmac-sha256",headers="@request-target",signature="{SECRET}"'},
    {"authorization": f"AWS4-HMAC-SHA256 Credential={SECRET}/1/2/3/4, SignedHeaders=host, Signature={SECRET}"},
    {"cookie": f"session={SECRET}; id={SECRET}", "x-api-key": SECRET, "x-other": SECRET},
]
PATHS = [route["id"] for route in document(FakeUpstream(1, "http"))["routes"]] + ["nowhere", "kex"]
# What is made of the secret, too.
HIDDEN = (
    DOOR,
    SECRET,
    OTHER,
    HASH,
    META,
    BASIC,
    TOKEN,
    base64.b64encode(f"u:{SECRET}".encode()).decode(),
    quote(SECRET, safe=""),
)


@pytest.fixture
async def node(upstream: FakeUpstream) -> AsyncIterator[Node]:
    upstream.reply(Reply(headers=[("set-cookie", f"s={SECRET}"), ("x-session-token", SECRET)]))
    plugins = [*Registry.load(BUNDLED).classes.values(), Leaks, Copies]
    async with running_node(document(upstream), plugins) as node:
        yield node


def shown_in(text: str) -> list[str]:
    return [secret for secret in HIDDEN if secret in text]


@pytest.mark.parametrize("path", PATHS)
async def test_no_explanation_shows_one(node: Node, path: str) -> None:
    for headers in PRESENTED:
        for word in (SECRET, OTHER):
            # Only its own route knows what `door` is; without a route anything may be anything.
            own = {"door": f"door={DOOR}", "nowhere": f"door={DOOR}&{DOOR}"}.get(path, "y=2")
            query = f"x=1&access_token={word}&key={word}&code={word}&{own}"
            response = await node.admin.post("/explain", json={"url": f"/{path}?{query}", "headers": headers})
            assert response.status_code == 200, response.text
            assert shown_in(response.text) == [], (headers, response.text)
            assert shown_in(explanation_text(response.json())) == []


async def test_nor_does_that_of_a_real_request(node: Node) -> None:
    token = (await node.admin.post("/explain/tokens", json={})).json()
    for number, path in enumerate(PATHS):
        id_ = f"request-{number:04}"
        headers = {token["header"]: token["token"], "x-request-id": id_, "apikey": SECRET, "authorization": OTHER}
        await node.client.get(f"/{path}?token={SECRET}&door={SECRET}", headers=headers)
        response = await _fetched(node, id_)
        if response is not None:
            assert shown_in(response.text) == [], path


async def _fetched(node: Node, id_: str) -> httpx.Response | None:
    """Return the explanation; with many in a second some requests go without one."""
    for _ in range(100):
        response = await node.admin.get(f"/explain/requests/{id_}")
        if response.status_code == 200:
            return response
    return None


async def test_what_is_not_secret_is_shown_all_the_same(node: Node) -> None:
    """The others would be content with explanations that show nothing."""
    told = (await node.admin.post("/explain", json={"url": "/callers?x=1", "headers": {"apikey": SECRET}})).json()
    assert told["request"]["query"] == "x=1"
    assert told["consumer"] == "jack"
    assert '"header x-consumer-username"' in json.dumps(told)
    leaks = (await node.admin.post("/explain", json={"url": "/leaks?x=1"})).json()
    (step,) = [step for step in leaks["steps"] if (step["phase"], step["plugin"]) == ("rewrite", "leaks")]
    assert {change["what"]: change["after"] for change in step["changes"]} == {
        "path": "/seen/***/***",
        "header x-plain": "***",
        "header x-derived": "***",
    }
