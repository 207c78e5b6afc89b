import base64
import hashlib
import hmac
import time
from collections.abc import Iterator, Sequence
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from phasegate import ConfigError, Exchange, Outcome, PayloadTooLarge, ServiceUnavailable
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
from phasegate_auth import HmacAuth
from phasegate_auth.nonces import Nonces

NOW = 1_700_000_000
KEY_ID, SECRET = "jack-id", "jack-secret"
CONSUMERS = {"jack": (HmacAuth, {"key_id": KEY_ID, "secret_key": SECRET})}
Pairs = Sequence[tuple[str, str]]


def digest_of(body: bytes) -> str:
    return "SHA-256=" + base64.b64encode(hashlib.sha256(body).digest()).decode()


def authorization(
    lines: Sequence[str], names: str, *, algorithm: str = "hmac-sha256", key_id: str = KEY_ID, secret: str = SECRET
) -> str:
    """Return the field that a client makes of the lines that it signs."""
    text = "".join(f"{line}\n" for line in (key_id, *lines))
    made = hmac.digest(secret.encode(), text.encode(), algorithm.removeprefix("hmac-"))
    value = base64.b64encode(made).decode()
    return f'Signature keyId="{key_id}",algorithm="{algorithm}",headers="{names}",signature="{value}"'


def signed(
    target: str = "/a?b=c",
    *,
    method: str = "GET",
    at: float = NOW,
    extra: Pairs = (),
    body: bytes = b"",
    sent: str | None = None,
    **how: Any,
) -> Exchange:
    """Return an exchange whose request a client signed; `sent` is the target that arrives, where it is another."""
    date = formatdate(at, usegmt=True)
    lines = [f"{method} {target}", f"date: {date}", *(f"{name}: {value}" for name, value in extra)]
    names = " ".join(["@request-target", "date", *(name for name, _ in extra)])
    fields = [("authorization", authorization(lines, names, **how)), ("date", date), *extra]
    return make_exchange(make_request(method, sent or target, headers=fields, body=body))


@pytest.fixture
def somewhere_else(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this machine stand nine hours east of Greenwich."""
    monkeypatch.setenv("TZ", "EAST-9")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def opened(**config: Any) -> HmacAuth:
    plugin = make_plugin(HmacAuth, config)
    await plugin.open(make_services(consumers=CONSUMERS, clock=FixedClock(NOW)))
    return plugin


async def judged(exchange: Exchange, **config: Any) -> Outcome:
    found = await run_phase(await opened(**config), "authenticate", exchange)
    assert isinstance(found, Outcome)
    return found


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha512"])
@pytest.mark.parametrize("target", ["/", "/a?b=c", "/%7e/../x//y?", "/a?b=%2F&b="])
async def test_a_signature_over_the_target_as_received_holds(algorithm: str, target: str) -> None:
    found = await judged(signed(target, algorithm=algorithm))
    assert found.consumer is not None
    assert found.consumer.username == "jack"


async def test_a_rewritten_path_changes_nothing() -> None:
    exchange = signed("/a?b=c")
    exchange.request.path = "/other"
    exchange.request.method = "POST"
    assert (await judged(exchange)).holds


@pytest.mark.parametrize("sent", ["/a?b=d", "/a", "/b?b=c", "/%61?b=c", "/A?b=c", "/a?b=c&x=1", "/x/../a?b=c"])
async def test_another_spelling_of_the_target_is_another_target(sent: str) -> None:
    found = await judged(signed("/a?b=c", sent=sent))
    assert (found.holds, found.reason) == (False, "the signature is another")


@pytest.mark.parametrize(
    ("away", "holds"), [(0, True), (300, True), (-300, True), (301, False), (-301, False), (86_400, False)]
)
async def test_the_clock_may_be_wrong_by_as_much_as_is_allowed(away: int, *, holds: bool) -> None:
    found = await judged(signed(at=NOW + away))
    assert (found.holds, found.reason) == (holds, "" if holds else "its date is more than 300 s away")


@pytest.mark.parametrize("zone", ["", " -0000", " +0000", " GMT"])
async def test_a_date_is_in_utc_wherever_the_gateway_stands(zone: str, somewhere_else: None) -> None:
    date = formatdate(NOW, usegmt=True).removesuffix(" GMT") + zone
    fields = [("authorization", authorization(["GET /", f"date: {date}"], "@request-target date")), ("date", date)]
    assert (await judged(make_exchange(make_request(headers=fields)))).holds


@pytest.mark.parametrize("date", ["", "yesterday", "1700000000", "Tue, 99 Nov 2023 22:13:20 GMT"])
async def test_a_date_that_is_none(date: str) -> None:
    names, lines = "@request-target date", ["GET /", f"date: {date}"]
    fields = [("authorization", authorization(lines, names)), ("date", date)]
    assert (await judged(make_exchange(make_request(headers=fields)))).reason == "its date is none"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"secret": "other"}, "the signature is another"),
        ({"key_id": "nobody"}, "no consumer has this key id"),
        ({"key_id": ""}, "no consumer has this key id"),
        ({"algorithm": "hmac-sha1"}, "its algorithm is not allowed here"),
    ],
)
async def test_signatures_that_do_not_hold(how: dict[str, Any], reason: str) -> None:
    found = await judged(signed(**how))
    assert (found.holds, found.present, found.reason) == (False, True, reason)
    assert (found.message, found.challenge) == ("client request can't be validated", 'hmac realm="hmac"')


async def test_sha1_where_it_is_allowed() -> None:
    assert (await judged(signed(algorithm="hmac-sha1"), allowed_algorithms=["hmac-sha1"])).holds


GOOD = signed().original.headers.get("authorization") or ""


@pytest.mark.parametrize(
    "value",
    [
        "Signature",
        "Signature ",
        "Signature x",
        GOOD[:-2],
        GOOD + ",",
        GOOD + ',keyId="jack-id"',
        GOOD + ',extra="x"',
        GOOD.replace('algorithm="hmac-sha256",', ""),
        GOOD.replace("hmac-sha256", "none"),
        GOOD.replace("hmac-sha256", ""),
        GOOD.replace("hmac-sha256", "HMAC-SHA256"),
        GOOD.replace("@request-target ", ""),
        GOOD.replace("@request-target", "@Request-Target"),
        GOOD.replace(" date", ""),
        GOOD.replace(" date", " date date"),
        GOOD.replace(" date", "  date"),
        GOOD.replace(" date", " date x-not-there"),
        GOOD.replace('signature="', 'signature="*'),
        GOOD.replace('signature="', 'signature="AAAA'),
        GOOD.replace(GOOD.partition('signature="')[2], '"'),
        GOOD.replace("jack-id", "jack\u00e4"),
    ],
)
async def test_signatures_that_can_not_be_read(value: str) -> None:
    exchange = signed()
    exchange.original.headers["authorization"] = value
    found = await judged(exchange)
    assert (found.holds, found.present) == (False, True)


@pytest.mark.parametrize("values", [[], ["Basic x"], ["Signatures x"], ["Bearer Signature"]])
async def test_without_a_signature_there_is_nothing_to_look_at(values: list[str]) -> None:
    exchange = make_exchange(make_request(headers=[("authorization", value) for value in values]))
    assert not (await judged(exchange)).present


async def test_two_signatures_are_refused() -> None:
    exchange = signed()
    exchange.original.headers.add("authorization", GOOD)
    assert (await judged(exchange)).reason == "2 Authorization fields in one request"


async def test_a_signed_header_that_stands_twice_is_refused() -> None:
    exchange = signed(extra=[("x-user", "jack")])
    assert (await judged(exchange)).holds
    exchange.original.headers.add("x-user", "root")
    assert (await judged(exchange)).reason == "a signed header stands 2 times in the request"


async def test_headers_that_have_to_be_signed() -> None:
    assert (await judged(signed(), signed_headers=["X-User"])).reason == "it is not over x-user"
    assert (await judged(signed(extra=[("X-User", "jack")]), signed_headers=["x-user"])).holds


async def test_the_body_is_checked_where_that_is_wanted() -> None:
    extra = [("digest", digest_of(b"body"))]
    assert (await judged(signed(extra=extra, body=b"body"), validate_request_body=True)).holds


@pytest.mark.parametrize(
    ("extra", "body", "reason"),
    [
        ([], b"body", "it is not over digest"),
        ([("digest", digest_of(b"body"))], b"Body", "the digest is not the body's"),
        ([("digest", digest_of(b"body"))], b"", "the digest is not the body's"),
        ([("digest", digest_of(b""))], b"body", "the digest is not the body's"),
        ([("digest", "SHA-1=x")], b"body", "the digest is not the body's"),
        ([("digest", "")], b"body", "the digest is not the body's"),
        ([("digest", f"{digest_of(b'body')},{digest_of(b'x')}")], b"body", "the digest is not the body's"),
    ],
)
async def test_a_body_that_is_not_what_was_signed(extra: Pairs, body: bytes, reason: str) -> None:
    found = await judged(signed(extra=extra, body=body), validate_request_body=True)
    assert (found.holds, found.reason) == (False, reason)


async def test_a_body_over_the_limit_is_too_large_once_the_signature_holds() -> None:
    extra = [("digest", digest_of(b"body"))]
    with pytest.raises(PayloadTooLarge):
        await judged(signed(extra=extra, body=b"body"), validate_request_body=True, max_req_body=3)
    wrong = signed(extra=extra, body=b"body", secret="other")
    assert not (await judged(wrong, validate_request_body=True, max_req_body=3)).holds


async def test_a_replayed_request_is_refused_where_nonces_are_asked_for() -> None:
    plugin = await opened(nonce_header="X-Nonce")
    first = await run_phase(plugin, "authenticate", signed(extra=[("x-nonce", "one")]))
    again = await run_phase(plugin, "authenticate", signed(extra=[("x-nonce", "one")]))
    other = await run_phase(plugin, "authenticate", signed(extra=[("x-nonce", "two")]))
    assert (first.holds, again.holds, again.reason, other.holds) == (True, False, "its nonce was used before", True)


@pytest.mark.parametrize("nonce", ["", "x" * 129])
async def test_a_nonce_that_is_none(nonce: str) -> None:
    assert (await judged(signed(extra=[("x-nonce", nonce)]), nonce_header="x-nonce")).reason == "its nonce is none"


async def test_a_nonce_has_to_be_signed() -> None:
    exchange = signed()
    exchange.original.headers.add("x-nonce", "one")
    assert (await judged(exchange, nonce_header="x-nonce")).reason == "it is not over x-nonce"


def test_nonces_are_forgotten_once_their_date_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phasegate_auth.nonces._MOST", 2)
    clock = FixedClock(NOW)
    nonces = Nonces(clock, 10.0)
    assert nonces.is_new("k", "1")
    assert nonces.is_new("other", "1")
    with pytest.raises(ServiceUnavailable):
        nonces.is_new("k", "2")
    clock.advance(10)
    assert not nonces.is_new("k", "1")
    clock.advance(0.1)
    assert nonces.is_new("k", "1")


@pytest.mark.parametrize(
    "config",
    [{"clock_skew": 0}, {"allowed_algorithms": []}, {"allowed_algorithms": ["hmac-md5"]}, {"signed_headers": ["a b"]}],
)
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(HmacAuth, config)


def test_a_weak_algorithm_is_warned_of() -> None:
    findings = make_plugin(HmacAuth, {"allowed_algorithms": ["hmac-sha1"]}).check()
    assert [finding.level for finding in findings] == ["warning"]


async def test_the_signature_does_not_go_on() -> None:
    exchange = signed()
    (await opened()).conceal(exchange.request)
    assert exchange.request.headers.get_all("authorization") == []
    assert "date" in exchange.request.headers


@pytest.mark.parametrize("http2", [False, True])
async def test_a_client_gets_in(start_gateway: GatewayMaker, upstream: FakeUpstream, *, http2: bool) -> None:
    config = {"validate_request_body": True}
    route = {"id": "r", "uri": "/*", "plugins": {"hmac-auth": config}, "upstream": {"nodes": {upstream.address: 1}}}
    consumer = {"username": "jack", "plugins": {"hmac-auth": {"key_id": KEY_ID, "secret_key": SECRET}}}
    gateway = await start_gateway({"routes": [route], "consumers": [consumer]}, [HmacAuth])
    date, digest = formatdate(usegmt=True), digest_of(b"body")
    lines = ["POST /x/%7e?a=b", f"date: {date}", f"digest: {digest}"]
    fields = {"authorization": authorization(lines, "@request-target date digest"), "date": date, "digest": digest}
    async with httpx.AsyncClient(http1=not http2, http2=http2) as client:
        right = await client.post(f"{gateway.url}/x/%7e?a=b", headers=fields, content=b"body")
        wrong = await client.post(f"{gateway.url}/x/%7e?a=b", headers=fields, content=b"bodY")
    assert (right.status_code, wrong.status_code) == (200, 401)
    assert wrong.json() == {"message": "client request can't be validated"}
    (received,) = upstream.received
    assert (received.target, received.body, received.get("authorization")) == ("/x/~?a=b", b"body", None)
