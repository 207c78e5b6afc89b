"""Auth plugins and restrictions on one gateway: composed, spoofed at, and what upstreams are told."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest

from phasegate import Plugin
from phasegate.multi_auth import MultiAuth
from phasegate.testing import FakeUpstream
from phasegate.testing.fixtures import GatewayMaker
from phasegate.testing.gateway import RunningGateway
from phasegate_auth import BasicAuth, ConsumerRestriction, JwtAuth, KeyAuth

SECRET = "a-secret-that-is-long-enough-for-hs256"
PLUGINS: list[type[Plugin]] = [MultiAuth, BasicAuth, ConsumerRestriction, JwtAuth, KeyAuth]
IDENTITY = {
    "x-consumer-username",
    "x-consumer-id",
    "x-consumer-custom-id",
    "x-consumer-groups",
    "x-credential-identifier",
    "x-anonymous-consumer",
}


def document(upstream: FakeUpstream) -> dict[str, Any]:
    def route(id_: str, **plugins: Any) -> dict[str, Any]:
        return {"id": id_, "uri": f"/{id_}/*", "plugins": plugins, "upstream": {"nodes": {upstream.address: 1}}}

    any_of: list[dict[str, Any]] = [{"key-auth": {}}, {"jwt-auth": {}}]
    return {
        "routes": [
            route("open"),
            route("any", **{"key-auth": {}, "basic-auth": {}, "jwt-auth": {}}),
            route("all", **{"multi-auth": {"policy": "all"}, "key-auth": {}, "jwt-auth": {}}),
            route("next", **{"multi-auth": {"try_next": True, "auth_plugins": any_of}}),
            route(
                "gold", **{"key-auth": {}, "consumer-restriction": {"type": "consumer_group_id", "whitelist": ["gold"]}}
            ),
            route("guests", **{"key-auth": {"anonymous_consumer": "guest"}}),
            route(
                "members",
                **{"key-auth": {"anonymous_consumer": "guest"}, "consumer-restriction": {"blacklist": ["guest"]}},
            ),
        ],
        "consumer_groups": [{"id": "gold", "plugins": {}}],
        "consumers": [
            {
                "username": "jack",
                "group_id": "gold",
                "labels": {"custom_id": "4711"},
                "plugins": {
                    "key-auth": {"key": "jacks-key"},
                    "basic-auth": {"username": "jack", "password": "jacks-password"},
                    "jwt-auth": {"key": "jacks-jwt", "secret": SECRET},
                },
            },
            {"username": "jill", "plugins": {"key-auth": {"key": "jills-key"}}},
            {"username": "guest"},
        ],
    }


def bearer(key: str = "jacks-jwt", secret: str = SECRET) -> dict[str, str]:
    token = jwt.encode({"key": key, "exp": time.time() + 3600}, secret, algorithm="HS256")
    return {"authorization": f"Bearer {token}"}


KEY = {"apikey": "jacks-key"}
BASIC = {"authorization": httpx.BasicAuth("jack", "jacks-password")._auth_header}


@pytest.fixture
async def gateway(start_gateway: GatewayMaker, upstream: FakeUpstream) -> RunningGateway:
    return await start_gateway(document(upstream), PLUGINS)


@pytest.fixture
async def client(gateway: RunningGateway) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=gateway.url) as made:
        yield made


@pytest.mark.parametrize("headers", [KEY, BASIC, bearer()])
async def test_any_credential_will_do_and_none_goes_on(
    client: httpx.AsyncClient, upstream: FakeUpstream, headers: dict[str, str]
) -> None:
    assert (await client.get("/any/x", headers=headers)).status_code == 200
    (received,) = upstream.received
    assert not {"apikey", "authorization"} & dict(received.headers).keys()
    told = {name: value for name, value in received.headers if name in IDENTITY}
    assert told == {
        "x-consumer-username": "jack",
        "x-consumer-id": "jack",
        "x-consumer-custom-id": "4711",
        "x-consumer-groups": "gold",
    }


async def test_without_a_credential_every_way_to_be_known_is_told(client: httpx.AsyncClient) -> None:
    answer = await client.get("/any/x")
    assert answer.status_code == 401
    assert answer.headers.get_list("www-authenticate") == [
        'Basic realm="basic", charset="UTF-8"',
        'Bearer realm="jwt"',
        'apikey realm="key"',
    ]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/any/x", {**KEY, "authorization": "Basic eDp5"}, 401),
        ("/any/x", {**BASIC, "apikey": "wrong"}, 200),
        ("/all/x", KEY, 401),
        ("/all/x", bearer(), 401),
        ("/all/x", {**KEY, **bearer()}, 200),
        ("/all/x", {"apikey": "jills-key", **bearer()}, 401),
        ("/all/x", {"apikey": "wrong", **bearer()}, 401),
        ("/next/x", {"apikey": "wrong", **bearer()}, 200),
        ("/next/x", {**KEY, **bearer(secret="x" * 32)}, 200),
        ("/next/x", {"apikey": "wrong", **bearer(secret="x" * 32)}, 401),
        ("/gold/x", KEY, 200),
        ("/gold/x", {"apikey": "jills-key"}, 403),
        ("/gold/x", {}, 401),
        ("/guests/x", {}, 200),
        ("/guests/x", {"apikey": "wrong"}, 401),
        ("/members/x", {}, 403),
        ("/members/x", KEY, 200),
        ("/open/../gold/x", {"apikey": "jills-key"}, 403),
        ("/open/%2e%2e/gold/x", {"apikey": "jills-key"}, 403),
        ("/%67old/x", {"apikey": "jills-key"}, 403),
    ],
)
async def test_who_gets_in(client: httpx.AsyncClient, path: str, headers: dict[str, str], status: int) -> None:
    answer = await client.get(path, headers=headers)
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)


async def test_an_anonymous_caller_is_told_as_such(client: httpx.AsyncClient, upstream: FakeUpstream) -> None:
    await client.get("/guests/x")
    (received,) = upstream.received
    assert received.get("x-consumer-username") == "guest"
    assert received.get("x-anonymous-consumer") == "true"


SPOOFED = [
    spelling
    for name in sorted(IDENTITY)
    for spelling in (
        name,
        name.upper(),
        name.replace("-", "_"),
        name.replace("-", "_", 1),
        name.title().replace("-", "_"),
    )
]


@pytest.mark.parametrize("path", ["/open/x", "/any/x", "/guests/x"])
async def test_nobody_says_who_they_are_by_themselves(
    gateway: RunningGateway, upstream: FakeUpstream, path: str
) -> None:
    lines = "".join(f"{name}: root\r\n" for name in SPOOFED)
    head = f"GET {path} HTTP/1.1\r\nhost: h\r\n{lines}apikey: jacks-key\r\nconnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as sock:
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, head.encode())
        answer = b""
        while block := await loop.sock_recv(sock, 65536):
            answer += block
    assert answer.startswith(b"HTTP/1.1 200")
    (received,) = upstream.received
    assert "root" not in [value for _, value in received.headers]


@pytest.mark.parametrize("name", sorted(IDENTITY))
async def test_nor_over_http2(gateway: RunningGateway, upstream: FakeUpstream, name: str) -> None:
    headers = {name: "root", name.replace("-", "_"): "root"}
    async with httpx.AsyncClient(http1=False, http2=True) as client:
        assert (await client.get(f"{gateway.url}/open/x", headers=headers)).status_code == 200
    assert "root" not in [value for _, value in upstream.received[0].headers]


async def test_a_preflight_passes_and_names_nobody(client: httpx.AsyncClient, upstream: FakeUpstream) -> None:
    headers = {"origin": "https://a.example", "access-control-request-method": "PUT"}
    assert (await client.options("/any/x", headers=headers)).status_code == 200
    assert (await client.options("/any/x", headers={"origin": "https://a.example"})).status_code == 401
    assert (await client.get("/any/x", headers=headers)).status_code == 401
    (received,) = upstream.received
    assert not IDENTITY & dict(received.headers).keys()


async def test_a_global_rules_credential_is_asked_for_besides(
    start_gateway: GatewayMaker, upstream: FakeUpstream
) -> None:
    guarded = {**document(upstream), "global_rules": [{"id": "g", "plugins": {"key-auth": {"header": "x-edge"}}}]}
    gateway = await start_gateway(guarded, PLUGINS)
    async with httpx.AsyncClient(base_url=gateway.url) as client:
        assert (await client.get("/any/x", headers=KEY)).status_code == 401
        assert (await client.get("/any/x", headers={"x-edge": "jills-key"})).status_code == 401
        assert (await client.get("/any/x", headers={"x-edge": "jills-key", **KEY})).status_code == 200
        assert (await client.get("/nowhere", headers={})).status_code == 401
    assert upstream.received[0].get("x-consumer-username") == "jack"


async def test_the_log_says_why_and_the_answer_does_not(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        unknown = await client.get("/any/x", auth=("nobody", "guess"))
        wrong = await client.get("/any/x", auth=("jack", "guess"))
    assert unknown.content == wrong.content == b'{"message":"Invalid user authorization"}'
    causes = [record.cause for record in caplog.records if record.message == "request failed"]  # type: ignore[attr-defined]
    assert causes == ["basic-auth: no consumer has this username", "basic-auth: the password is another"]
    assert "guess" not in caplog.text
