import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from phasegate import ConfigError, Exchange, Outcome
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.snapshot import Snapshot
from phasegate.testing import FixedClock, make_exchange, make_plugin, make_request, make_services, run_phase
from phasegate_auth import JwtAuth

NOW = 1_700_000_000
SECRET = "a-secret-that-is-long-enough-for-hs512-since-it-has-seventy-bytes-or-so"
MAKERS: dict[str, Callable[[], Any]] = {
    "RS": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
    "Ed448": ed448.Ed448PrivateKey.generate,
}
PRIVATE = {name: make() for name, make in MAKERS.items()}
ASYMMETRIC = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RS"),
    "ES256": "ES256",
    "ES384": "ES384",
    "ES512": "ES512",
    "EdDSA": "EdDSA",
}


def private_pem(name: str) -> str:
    pem: bytes = PRIVATE[name].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def public_pem(name: str) -> str:
    pem: bytes = PRIVATE[name].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def credential(**config: Any) -> dict[str, Any]:
    return {
        "key": "jack-key",
        "algorithm": "HS256",
        "base64_secret": False,
        "lifetime_grace_period": 0,
        **({} if "public_key" in config else {"secret": SECRET}),
        **config,
    }


def token(signer: Any = SECRET, algorithm: str = "HS256", headers: dict[str, Any] | None = None, **claims: Any) -> str:
    given = {"key": "jack-key", "exp": NOW + 60, **claims}
    told = {name: value for name, value in given.items() if value is not None}
    return jwt.encode(told, signer, algorithm=algorithm, headers=headers)


async def judged(exchange: Exchange, config: dict[str, Any] | None = None, **entry: Any) -> Outcome:
    plugin = make_plugin(JwtAuth, config)
    services = make_services(consumers={"jack": (JwtAuth, credential(**entry))}, clock=FixedClock(NOW))
    await plugin.open(services)
    found = await run_phase(plugin, "authenticate", exchange)
    assert isinstance(found, Outcome)
    return found


def bearing(*tokens: str) -> Exchange:
    return make_exchange(make_request(headers=[("authorization", f"Bearer {text}") for text in tokens]))


async def outcome(text: str, config: dict[str, Any] | None = None, **entry: Any) -> Outcome:
    return await judged(bearing(text), config, **entry)


def raw(header: Any, payload: Any, signature: bytes | None = None) -> str:
    """Return a token of any header and payload, signed with the secret unless a signature is given."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    made = hmac.digest(SECRET.encode(), signed, "sha256") if signature is None else signature
    return (signed + b"." + base64.urlsafe_b64encode(made).rstrip(b"=")).decode()


GOOD_PAYLOAD = {"key": "jack-key", "exp": NOW + 60}


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_tokens_by_a_secret(algorithm: str) -> None:
    found = await outcome(token(algorithm=algorithm, sub="s"), algorithm=algorithm)
    assert found.consumer is not None
    assert (found.consumer.username, (found.claims or {})["sub"]) == ("jack", "s")


async def test_tokens_by_a_secret_in_base64() -> None:
    secret = bytes(range(100, 140))
    found = await outcome(token(secret), secret=base64.b64encode(secret).decode(), base64_secret=True)
    assert found.holds


@pytest.mark.parametrize(("algorithm", "key"), [*ASYMMETRIC.items(), ("EdDSA", "Ed448")])
async def test_tokens_by_a_private_key(algorithm: str, key: str) -> None:
    text = token(PRIVATE[key], algorithm)
    assert (await outcome(text, algorithm=algorithm, public_key=public_pem(key))).holds
    other = MAKERS[key]()
    assert not (await outcome(token(other, algorithm), algorithm=algorithm, public_key=public_pem(key))).holds


def confused() -> list[tuple[str, str, dict[str, Any]]]:
    """Return tokens that want to be checked by another algorithm, each with the credential that it is used against."""
    pem = public_pem("RS")
    signed = f"{raw({'alg': 'HS256', 'typ': 'JWT'}, GOOD_PAYLOAD).rpartition('.')[0]}"
    forged = base64.urlsafe_b64encode(hmac.digest(pem.encode(), signed.encode(), "sha256")).rstrip(b"=").decode()
    against = {"algorithm": "RS256", "public_key": pem}
    return [
        ("none", raw({"alg": "none"}, GOOD_PAYLOAD, b""), {}),
        ("None", raw({"alg": "None"}, GOOD_PAYLOAD, b""), {}),
        ("none with a signature", raw({"alg": "none"}, GOOD_PAYLOAD), {}),
        ("none against a public key", raw({"alg": "none"}, GOOD_PAYLOAD, b""), against),
        ("no algorithm", raw({"typ": "JWT"}, GOOD_PAYLOAD), {}),
        ("a list of algorithms", raw({"alg": ["HS256"]}, GOOD_PAYLOAD), {}),
        ("null", raw({"alg": None}, GOOD_PAYLOAD), {}),
        ("lower case", raw({"alg": "hs256"}, GOOD_PAYLOAD), {}),
        ("the public key as a secret", f"{signed}.{forged}", against),
        ("another of the family", token(algorithm="HS512"), {}),
        ("RS256 where PS256 is", token(PRIVATE["RS"], "RS256"), {"algorithm": "PS256", "public_key": pem}),
        ("ES256 where RS256 is", token(PRIVATE["ES256"], "ES256"), against),
        ("a key of its own", token(PRIVATE["ES256"], "ES256", {"jwk": {"kty": "EC"}}), against),
    ]


@pytest.mark.parametrize(("text", "entry"), [pytest.param(*case[1:], id=case[0]) for case in confused()])
async def test_no_token_chooses_its_algorithm(text: str, entry: dict[str, Any]) -> None:
    found = await outcome(text, **entry)
    assert (found.holds, found.present) == (False, True)
    assert found.message == "failed to verify jwt"


@pytest.mark.parametrize(
    "headers",
    [
        {"kid": "../../../../dev/null"},
        {"kid": "' or '1'='1"},
        {"kid": "http://127.0.0.1/key"},
        {"jku": "http://127.0.0.1/jwks"},
        {"x5u": "http://127.0.0.1/cert"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
    ],
)
async def test_hints_at_keys_count_for_nothing(headers: dict[str, Any]) -> None:
    assert (await outcome(token(headers=headers))).holds
    assert not (await outcome(token(b"\0" * 32, headers=headers))).holds


@pytest.mark.parametrize(
    "headers", [{"kid": 7}, {"kid": ["a"]}, {"crit": ["exp"], "exp": 1}, {"crit": []}, {"b64": False}]
)
async def test_headers_that_nobody_understands_are_refused(headers: dict[str, Any]) -> None:
    assert not (await outcome(raw({"alg": "HS256", **headers}, GOOD_PAYLOAD))).holds


@pytest.mark.parametrize(
    ("claims", "entry", "reason"),
    [
        ({"exp": NOW + 1}, {}, ""),
        ({"exp": NOW}, {}, "it is over"),
        ({"exp": NOW - 1}, {}, "it is over"),
        ({"exp": NOW - 9}, {"lifetime_grace_period": 10}, ""),
        ({"exp": NOW - 10}, {"lifetime_grace_period": 10}, "it is over"),
        ({"exp": None}, {}, "the claim exp is missing"),
        ({"exp": str(NOW + 60)}, {}, "the claim exp is no time"),
        ({"exp": True}, {}, "the claim exp is no time"),
        ({"exp": [NOW + 60]}, {}, "the claim exp is no time"),
        ({"exp": -1}, {}, "it is over"),
        ({"nbf": NOW}, {}, ""),
        ({"nbf": NOW + 1}, {}, "its time has not come"),
        ({"nbf": NOW + 10}, {"lifetime_grace_period": 10}, ""),
        ({"nbf": "soon"}, {}, "the claim nbf is no time"),
        ({"iat": NOW}, {}, ""),
        ({"iat": NOW + 1}, {}, "it is issued in the future"),
        ({"exp": NOW + 100}, {"exp": 100}, ""),
        ({"exp": NOW + 101}, {"exp": 100}, "it lasts longer than this consumer's tokens may"),
        ({"key": "jill-key"}, {}, "no consumer has the key that its claim key names"),
        ({"key": ["jack-key"]}, {}, "no consumer has the key that its claim key names"),
        ({"key": None}, {}, "no consumer has the key that its claim key names"),
    ],
)
async def test_claims_are_judged(claims: dict[str, Any], entry: dict[str, Any], reason: str) -> None:
    given = {"key": "jack-key", "exp": NOW + 60, **claims}
    text = raw({"alg": "HS256"}, {name: value for name, value in given.items() if value is not None})
    found = await outcome(text, **entry)
    assert (found.holds, found.reason) == (not reason, reason)


@pytest.mark.parametrize(
    ("claims", "config", "reason"),
    [
        ({"aud": "shop"}, {"audiences": ["shop"]}, ""),
        ({"aud": ["x", "shop"]}, {"audiences": ["shop", "y"]}, ""),
        ({"aud": "sho"}, {"audiences": ["shop"]}, "it is for another audience"),
        ({"aud": {"shop": 1}}, {"audiences": ["shop"]}, "it is for another audience"),
        ({}, {"audiences": ["shop"]}, "it is for another audience"),
        ({"aud": "any"}, {}, ""),
        ({"iss": "https://i"}, {"issuers": ["https://i"]}, ""),
        ({"iss": "https://i/"}, {"issuers": ["https://i"]}, "it is by another issuer"),
        ({"iss": ["https://i"]}, {"issuers": ["https://i"]}, "it is by another issuer"),
        ({}, {"issuers": ["https://i"]}, "it is by another issuer"),
        ({"exp": None}, {"claims_to_verify": []}, ""),
        ({"exp": NOW - 1}, {"claims_to_verify": []}, "it is over"),
        ({}, {"claims_to_verify": ["exp", "nbf"]}, "the claim nbf is missing"),
        ({"who": "jack-key", "key": "x"}, {"key_claim_name": "who"}, ""),
    ],
)
async def test_the_route_says_what_else_is_asked(claims: dict[str, Any], config: dict[str, Any], reason: str) -> None:
    given = {"key": "jack-key", "exp": NOW + 60, **claims}
    text = raw({"alg": "HS256"}, {name: value for name, value in given.items() if value is not None})
    found = await outcome(text, config)
    assert (found.holds, found.reason) == (not reason, reason)


def mangled() -> list[str]:
    good = token()
    header, payload, signature = good.split(".")
    other = base64.urlsafe_b64encode(json.dumps({**GOOD_PAYLOAD, "admin": True}).encode()).rstrip(b"=").decode()
    return [
        "",
        ".",
        "..",
        "a.b.c",
        "null",
        good[:-1],
        good + "A",
        good + ".",
        f"{header}.{payload}",
        f"{header}.{payload}.",
        f"{header}.{other}.{signature}",
        f"{header}..{signature}",
        f"{header}.{payload}!.{signature}",
        f"{header}.{payload}.{signature}.x.y",
        good + "\u00e4",
        good.replace(".", ". "),
        f"{good},{good}",
        raw(b"[]", GOOD_PAYLOAD),
        raw({"alg": "HS256"}, b"[]"),
        raw({"alg": "HS256"}, b"not json"),
        raw({"alg": "HS256"}, b"\xff\xfe"),
        raw({"alg": "HS256"}, b'{"key": "jack-key", "exp": NaN}'),
        raw({"alg": "HS256"}, b'{"key": "jack-key", "exp": 1e999}'),
        raw(b'{"alg": "HS256"' + b"[" * 5000, GOOD_PAYLOAD),
    ]


@pytest.mark.parametrize("text", mangled(), ids=range(len(mangled())))
async def test_mangled_tokens(text: str) -> None:
    found = await outcome(text)
    assert (found.holds, found.present) == (False, True)


async def test_a_signature_can_not_be_moved_between_consumers() -> None:
    plugin = make_plugin(JwtAuth)
    other = SECRET[::-1]
    people = {"jack": (JwtAuth, credential()), "jill": (JwtAuth, credential(key="jill-key", secret=other))}
    await plugin.open(make_services(consumers=people, clock=FixedClock(NOW)))
    assert (await run_phase(plugin, "authenticate", bearing(token(other, key="jill-key")))).holds
    assert not (await run_phase(plugin, "authenticate", bearing(token(SECRET, key="jill-key")))).holds


def standing(header: str | None = None, query: str = "", cookie: str | None = None) -> Exchange:
    fields = [("authorization", header)] if header is not None else []
    fields += [("cookie", cookie)] if cookie is not None else []
    return make_exchange(make_request("GET", f"/?{query}", headers=fields))


@pytest.mark.parametrize(
    ("exchange", "present", "holds"),
    [
        (lambda: standing(f"Bearer {token()}"), True, True),
        (lambda: standing(f"bearer  {token()}"), True, True),
        (lambda: standing(token()), True, True),
        (lambda: standing(query=f"jwt={token()}"), True, True),
        (lambda: standing(cookie=f"a=b; jwt={token()}"), True, True),
        (lambda: standing("Basic eDp5", query=f"jwt={token()}"), True, True),
        (lambda: standing(f"Bearer {token()}", "jwt=x", "jwt=y"), True, True),
        (lambda: standing("Bearer x", f"jwt={token()}", f"jwt={token()}"), True, False),
        (lambda: standing(query="jwt=x", cookie=f"jwt={token()}"), True, False),
        (lambda: standing(query=f"jwt={token()}&jwt={token()}"), True, False),
        (lambda: standing(cookie=f"jwt={token()}; jwt={token()}"), True, False),
        (lambda: bearing(token(), token()), True, False),
        (lambda: standing("Bearer"), True, False),
        (lambda: standing("Basic eDp5"), False, False),
        (lambda: standing(cookie="xjwt=x"), False, False),
        (standing, False, False),
    ],
)
async def test_where_a_token_may_stand(exchange: Callable[[], Exchange], *, present: bool, holds: bool) -> None:
    found = await judged(exchange())
    assert (found.present, found.holds) == (present, holds)


async def test_the_token_does_not_go_on() -> None:
    exchange = standing("Bearer x", "a=1&jwt=x&b=%20", "a=b; jwt=x; c=d")
    (await hiding()).conceal(exchange.request)
    request = exchange.request
    assert (request.headers.get("authorization"), request.query.raw) == (None, "a=1&b=%20")
    assert request.headers.get("cookie") == "a=b; c=d"


async def test_other_credentials_go_on() -> None:
    exchange = standing("Basic eDp5", "a=jwt", "ajwt=x")
    (await hiding()).conceal(exchange.request)
    assert dict(exchange.request.headers) == dict(exchange.original.headers)


async def hiding() -> JwtAuth:
    plugin = make_plugin(JwtAuth)
    await plugin.open(make_services())
    return plugin


async def test_claims_are_kept_for_plugins_where_that_is_wanted() -> None:
    exchange = bearing(token(sub="s"))
    await judged(exchange, {"store_in_ctx": True})
    assert exchange.state["jwt-auth"]["sub"] == "s"


def errors(**entry: Any) -> list[str]:
    consumer = {"username": "jack", "plugins": {"jwt-auth": {"key": "k", **entry}}}
    try:
        Snapshot({"consumers": [consumer]}, Schemas(Registry([JwtAuth])))
    except ConfigError as error:
        return [str(finding).removeprefix("consumers[0].plugins.jwt-auth.") for finding in error.findings]
    return []


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"secret": SECRET}, ""),
        ({"secret": SECRET, "algorithm": "HS512"}, ""),
        ({"algorithm": "RS256", "public_key": public_pem("RS")}, ""),
        ({}, "secret: is required for HS256"),
        ({"secret": "short"}, "secret: must have at least 32 bytes for HS256 (RFC 7518 section 3.2)"),
        ({"secret": "x" * 63, "algorithm": "HS512"}, "secret: must have at least 64 bytes"),
        ({"secret": "*" * 44, "base64_secret": True}, "secret: is not base64, as base64_secret says"),
        ({"secret": base64.b64encode(b"x" * 24).decode(), "base64_secret": True}, "secret: must have at least 32"),
        ({"algorithm": "RS256"}, "public_key: is required for RS256"),
        ({"algorithm": "RS256", "public_key": "x"}, "public_key: is no public key in PEM's form"),
        ({"algorithm": "RS256", "public_key": private_pem("RS")}, "public_key: is no public key in PEM's form"),
        ({"algorithm": "RS256", "public_key": public_pem("ES256")}, "public_key: is no key for RS256"),
        ({"algorithm": "ES256", "public_key": public_pem("ES384")}, "public_key: is no key for ES256"),
        ({"algorithm": "EdDSA", "public_key": public_pem("RS")}, "public_key: is no key for EdDSA"),
        ({"algorithm": "none", "secret": SECRET}, "algorithm: must be one of"),
        ({"algorithm": "ES256K", "secret": SECRET}, "algorithm: must be one of"),
        ({"secret": SECRET, "public_key": public_pem("RS")}, "public_key: has no meaning for HS256"),
    ],
)
def test_credentials_without_a_fitting_key_are_refused(entry: dict[str, Any], message: str) -> None:
    found = errors(**entry)
    assert (not found) if not message else found[0].startswith(message)


def test_a_weak_rsa_key_is_refused() -> None:
    weak = rsa.generate_private_key(65537, 1024).public_key()
    pem = weak.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert errors(algorithm="RS256", public_key=pem) == ["public_key: must have 2048 to 8192 bits"]


def test_no_finding_holds_a_secret() -> None:
    assert "short-and-secret" not in "".join(errors(secret="short-and-secret"))
