"""`openid-connect` against a provider that runs here, with keys that rotate."""

import base64
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from phasegate import ConfigError, Exchange, Outcome, ServiceUnavailable, UpstreamClient
from phasegate.testing import (
    FakeUpstream,
    FixedClock,
    make_exchange,
    make_plugin,
    make_request,
    make_services,
    run_phase,
)
from phasegate.testing.fixtures import GatewayMaker
from phasegate_auth import OpenidConnect

KEYS: dict[str, Any] = {
    "one": rsa.generate_private_key(65537, 2048),
    "two": rsa.generate_private_key(65537, 2048),
    "curve": ec.generate_private_key(ec.SECP256R1()),
}
CONSUMERS = {"jack": (OpenidConnect, {"subject": "jack-sub"})}


class OpenIdProvider:
    """A provider on a free port: what it says of itself, its keys, and tokens by them."""

    def __init__(self) -> None:
        self.issuer = ""
        self.names = ["one", "curve"]
        self.extra: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.status = 200
        self.document: dict[str, Any] = {}
        self.clock = FixedClock(time.time())

    async def start(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/.well-known/openid-configuration", self._describe)
        app.router.add_get("/keys", self._keys)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self.document = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"}
        return runner

    async def _describe(self, request: web.Request) -> web.Response:
        self.asked.append("description")
        return web.json_response(self.document, status=self.status)

    async def _keys(self, request: web.Request) -> web.Response:
        self.asked.append("keys")
        return web.json_response({"keys": [*self.extra, *(self._jwk(name) for name in self.names)]}, status=self.status)

    @staticmethod
    def _jwk(name: str) -> dict[str, Any]:
        to_jwk = ECAlgorithm.to_jwk if name == "curve" else RSAAlgorithm.to_jwk
        return {**json.loads(to_jwk(KEYS[name].public_key())), "kid": name, "use": "sig"}

    def token(self, key: str = "one", algorithm: str = "RS256", kid: str | None = "", **claims: Any) -> str:
        given = {"iss": self.issuer, "sub": "someone", "exp": self.clock.time() + 60, **claims}
        told = {name: value for name, value in given.items() if value is not None}
        headers = {} if kid is None else {"kid": kid or key}
        return jwt.encode(told, KEYS[key], algorithm=algorithm, headers=headers)

    async def opened(self, **config: Any) -> OpenidConnect:
        settings = {"client_id": "shop", "discovery": f"{self.issuer}/.well-known/openid-configuration", **config}
        plugin = make_plugin(OpenidConnect, settings)
        self.client = UpstreamClient()
        await plugin.open(make_services(client=self.client, consumers=CONSUMERS, clock=self.clock))
        return plugin


@pytest.fixture
async def provider() -> AsyncIterator[OpenIdProvider]:
    made = OpenIdProvider()
    runner = await made.start()
    yield made
    if hasattr(made, "client"):
        await made.client.close()
    await runner.cleanup()


def bearing(*tokens: str) -> Exchange:
    return make_exchange(make_request(headers=[("authorization", f"Bearer {token}") for token in tokens]))


async def judged(plugin: OpenidConnect, *tokens: str) -> Outcome:
    found = await run_phase(plugin, "authenticate", bearing(*tokens))
    assert isinstance(found, Outcome)
    return found


@pytest.mark.parametrize(
    ("key", "algorithm", "kid"),
    [("one", "RS256", "one"), ("one", "PS384", "one"), ("curve", "ES256", "curve"), ("one", "RS256", None)],
)
async def test_tokens_of_the_provider_hold(provider: OpenIdProvider, key: str, algorithm: str, kid: str | None) -> None:
    found = await judged(await provider.opened(), provider.token(key, algorithm, kid))
    assert (found.holds, found.consumer, (found.claims or {})["sub"]) == (True, None, "someone")


async def test_a_subject_names_its_consumer(provider: OpenIdProvider) -> None:
    plugin = await provider.opened(consumer_required=True)
    found = await judged(plugin, provider.token(sub="jack-sub"))
    assert found.consumer is not None
    assert found.consumer.username == "jack"
    stranger = await judged(plugin, provider.token())
    assert (stranger.holds, stranger.reason) == (False, "no consumer has the subject that its claim sub names")


async def test_another_issuers_subject_is_somebody_else(provider: OpenIdProvider) -> None:
    plugin = await provider.opened()
    people = {"jack": (OpenidConnect, {"subject": "jack-sub", "issuer": "https://other.example"})}
    await plugin.open(make_services(client=provider.client, consumers=people, clock=provider.clock))
    found = await judged(plugin, provider.token(sub="jack-sub"))
    assert (found.holds, found.consumer) == (True, None)


async def test_keys_are_fetched_once_and_anew_for_one_that_is_new(provider: OpenIdProvider) -> None:
    plugin = await provider.opened()
    for _ in range(3):
        assert (await judged(plugin, provider.token())).holds
    assert provider.asked == ["description", "keys"]
    provider.names = ["two"]
    provider.clock.advance(11)
    assert (await judged(plugin, provider.token("two"))).holds
    assert provider.asked == ["description", "keys"] * 2
    assert not (await judged(plugin, provider.token("one"))).holds


async def test_keys_without_names_are_fetched_anew_for_a_token_that_none_holds(provider: OpenIdProvider) -> None:
    plugin = await provider.opened()
    assert (await judged(plugin, provider.token(kid=None))).holds
    provider.names = ["two"]
    provider.clock.advance(11)
    assert (await judged(plugin, provider.token("two", kid=None))).holds
    for _ in range(20):
        assert not (await judged(plugin, provider.token("one", kid=None))).holds
    assert provider.asked == ["description", "keys"] * 2


async def test_made_up_keys_do_not_have_the_provider_asked_again_and_again(provider: OpenIdProvider) -> None:
    plugin = await provider.opened()
    for number in range(20):
        found = await judged(plugin, provider.token(kid=f"made-up-{number}"))
        assert (found.holds, found.reason) == (False, "no key of the provider holds its signature")
    assert len(provider.asked) == 2


async def test_keys_are_looked_at_again_after_an_hour_and_kept_while_nobody_answers(provider: OpenIdProvider) -> None:
    plugin = await provider.opened()
    assert (await judged(plugin, provider.token())).holds
    provider.clock.advance(3601)
    provider.status = 500
    assert (await judged(plugin, provider.token())).holds
    provider.status, provider.names = 200, ["two"]
    provider.clock.advance(11)
    assert not (await judged(plugin, provider.token("one"))).holds


@pytest.mark.parametrize(
    "document",
    [{}, {"issuer": "x"}, {"issuer": "x", "jwks_uri": "file:///etc/passwd"}, {"issuer": 1, "jwks_uri": "http://x"}],
)
async def test_without_keys_nobody_can_say(
    provider: OpenIdProvider, document: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    plugin, token = await provider.opened(), provider.token()
    provider.document = document
    with pytest.raises(ServiceUnavailable):
        await judged(plugin, token)
    assert "OpenID provider can't be asked" in caplog.messages


@pytest.mark.parametrize("status", [200, 500])
async def test_no_query_of_the_providers_address_is_logged(
    provider: OpenIdProvider, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    plugin = await provider.opened(discovery=f"{provider.issuer}/.well-known/openid-configuration?key=hidden")
    provider.status, provider.document = (
        status,
        {"issuer": provider.issuer, "jwks_uri": f"{provider.issuer}/no?key=hidden"},
    )
    with pytest.raises(ServiceUnavailable):
        await judged(plugin, provider.token())
    told = [f"{record.discovery} {record.cause}" for record in caplog.records]  # type: ignore[attr-defined]
    assert len(told) == 1
    assert "hidden" not in told[0]


async def test_a_provider_that_is_not_there_is_no_fault_of_the_token(provider: OpenIdProvider) -> None:
    plugin = await provider.opened(discovery="http://127.0.0.1:1/x", timeout=1)
    with pytest.raises(ServiceUnavailable):
        await judged(plugin, provider.token())


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(provider: OpenIdProvider) -> dict[str, str]:
    known = json.dumps(OpenIdProvider._jwk("one")).encode()
    claims = {"iss": provider.issuer, "sub": "x", "exp": provider.clock.time() + 60}
    head, body, _ = jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": "one"}).split(".")
    none = encoded(json.dumps({"alg": "none", "kid": "one"}).encode())
    return {
        "none": f"{none}.{body}.",
        "none without a signature": f"{none}.{body}",
        "a secret made of the key": f"{head}.{body}.{encoded(hmac.digest(known, f'{head}.{body}'.encode(), 'sha256'))}",
        "a secret of the key set": jwt.encode(claims, "s" * 32, algorithm="HS256", headers={"kid": "oct"}),
        "another's key": provider.token("two", kid="one"),
        "another kind of key": provider.token("curve", "ES256", "one"),
        "a key for encrypting": provider.token("two", kid="enc"),
        "a key of its own": jwt.encode(
            claims, KEYS["two"], algorithm="RS256", headers={"jwk": OpenIdProvider._jwk("two"), "kid": "two"}
        ),
        "keys from elsewhere": jwt.encode(
            claims, KEYS["two"], algorithm="RS256", headers={"jku": "http://127.0.0.1:1/keys", "kid": "two"}
        ),
        "mangled": f"{head}.{body}.x",
        "no token": "x",
        "empty": "",
    }


@pytest.mark.parametrize("attack", list(forged(OpenIdProvider())))
async def test_forged_tokens(provider: OpenIdProvider, attack: str) -> None:
    secret = encoded(b"s" * 32)
    provider.extra = [
        {"kty": "oct", "k": secret, "kid": "oct", "alg": "HS256"},
        {**OpenIdProvider._jwk("two"), "kid": "enc", "use": "enc"},
        {"kty": "RSA", "kid": "broken", "n": "x"},
    ]
    found = await judged(await provider.opened(), forged(provider)[attack])
    assert (found.holds, found.present) == (False, True)
    assert found.challenge == 'Bearer realm="openid-connect", error="invalid_token"'


AUDIENCE = {"claim_validator": {"audience": {"match_with_client_id": True}}}


@pytest.mark.parametrize(
    ("claims", "config", "reason"),
    [
        ({"exp": 11}, {}, ""),
        ({"exp": -9}, {}, ""),
        ({"exp": -10}, {}, "it is over"),
        ({"exp": None}, {}, "the claim exp is missing"),
        ({"nbf": 10}, {}, ""),
        ({"nbf": 11}, {}, "its time has not come"),
        ({"iss": "https://other.example"}, {}, "it is by another issuer"),
        ({"iss": None}, {}, "it is by another issuer"),
        (
            {"iss": "https://other.example"},
            {"claim_validator": {"issuer": {"valid_issuers": ["https://other.example"]}}},
            "",
        ),
        ({"aud": "shop"}, AUDIENCE, ""),
        ({"aud": ["x", "shop"]}, AUDIENCE, ""),
        ({"aud": "shopping"}, AUDIENCE, "it is for another client"),
        ({}, AUDIENCE, "it is for another client"),
        ({}, {"claim_validator": {"audience": {"required": True}}}, "the claim aud is missing"),
        ({"azp": "a"}, {"claim_validator": {"audience": {"claim": "azp", "valid_audiences": ["a"]}}}, ""),
        ({"aud": "b"}, {"claim_validator": {"audience": {"valid_audiences": ["a"]}}}, "it is for another audience"),
        ({}, {"token_signing_alg_values_expected": "RS256"}, ""),
        ({}, {"token_signing_alg_values_expected": "PS256"}, "its algorithm is not allowed here"),
    ],
)
async def test_claims_are_judged(
    provider: OpenIdProvider, claims: dict[str, Any], config: dict[str, Any], reason: str
) -> None:
    now = provider.clock.time()
    moved: dict[str, Any] = {name: now + value if isinstance(value, int) else value for name, value in claims.items()}
    found = await judged(await provider.opened(**config), provider.token(**moved))
    assert (found.holds, found.reason) == (not reason, reason)


@pytest.mark.parametrize("value", [None, "Basic eDp5", "x.y.z"])
async def test_what_is_no_bearer_token_is_nothing_to_look_at(provider: OpenIdProvider, value: str | None) -> None:
    headers = {} if value is None else {"authorization": value}
    plugin = await provider.opened()
    found = await run_phase(plugin, "authenticate", make_exchange(make_request(headers=headers)))
    assert (found.present, found.challenge) == (False, 'Bearer realm="openid-connect"')


async def test_two_tokens_are_refused(provider: OpenIdProvider) -> None:
    token = provider.token()
    assert (await judged(await provider.opened(), token, token)).reason == "2 tokens in one place"


@pytest.mark.parametrize(
    ("claims", "status"),
    [({"scope": "read write"}, 200), ({"scp": ["write", "read"]}, 200), ({"scope": "readwrite"}, 403), ({}, 403)],
)
async def test_scopes_upstream_headers_and_credentials_on_a_gateway(
    provider: OpenIdProvider,
    start_gateway: GatewayMaker,
    upstream: FakeUpstream,
    claims: dict[str, Any],
    status: int,
) -> None:
    config = {
        "client_id": "shop",
        "discovery": f"{provider.issuer}/.well-known/openid-configuration",
        "required_scopes": ["read", "write"],
        "set_access_token_header": True,
    }
    route = {
        "id": "r",
        "uri": "/*",
        "plugins": {"openid-connect": config},
        "upstream": {"nodes": {upstream.address: 1}},
    }
    gateway = await start_gateway({"routes": [route]}, [OpenidConnect])
    token = provider.token(**claims)
    headers = {"authorization": f"Bearer {token}", "x-userinfo": "forged", "x-access-token": "forged"}
    async with httpx.AsyncClient() as client:
        answer = await client.get(gateway.url, headers=headers)
        without = await client.get(gateway.url)
    assert (answer.status_code, without.status_code) == (status, 401)
    if status == 403:
        challenge = 'Bearer realm="openid-connect", error="insufficient_scope"'
        assert answer.headers["www-authenticate"] == challenge
        return
    (received,) = upstream.received
    told = json.loads(base64.b64decode(received.get("x-userinfo") or ""))
    assert (told["sub"], received.get("x-access-token"), received.get("authorization")) == ("someone", token, None)


@pytest.mark.parametrize("client_side", ["x-userinfo", "x-access-token", "x_userinfo", "x-access_token"])
async def test_what_a_client_says_of_its_token_never_goes_on(provider: OpenIdProvider, client_side: str) -> None:
    exchange = make_exchange(make_request(headers={client_side: "forged"}))
    await run_phase(await provider.opened(), "access", exchange)
    assert client_side not in exchange.request.headers


@pytest.mark.parametrize(
    "config",
    [
        {"discovery": "http://a"},
        {"client_id": "a"},
        {"client_id": "a", "discovery": "a"},
        {"client_id": "a", "discovery": "https://a", "bearer_only": False},
        {"client_id": "a", "discovery": "https://a", "token_signing_alg_values_expected": "HS256"},
        {"client_id": "a", "discovery": "https://a", "introspection_endpoint": "https://a"},
    ],
)
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(OpenidConnect, config)


@pytest.mark.parametrize(
    ("config", "warned"),
    [
        ({"discovery": "http://a.example", **AUDIENCE}, ["discovery"]),
        ({"discovery": "https://a.example", "ssl_verify": False, **AUDIENCE}, ["ssl_verify"]),
        ({"discovery": "https://a.example"}, ["claim_validator.audience"]),
        ({"discovery": "https://a.example", **AUDIENCE}, []),
    ],
)
def test_what_is_doubtful_is_warned_of(config: dict[str, Any], warned: list[str]) -> None:
    findings = make_plugin(OpenidConnect, {"client_id": "a", **config}).check()
    assert [finding.path for finding in findings] == warned


def test_the_doctor_is_told_where_the_provider_is() -> None:
    plugin = make_plugin(OpenidConnect, {"client_id": "c", "discovery": "https://id.test/.well-known/x"})
    assert [(origin.scheme, origin.address) for origin in plugin.connects_to()] == [("https", "id.test")]
