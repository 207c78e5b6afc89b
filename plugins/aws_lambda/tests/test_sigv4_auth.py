"""`aws-sigv4-auth` against botocore's own signer."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from phasegate import ConfigError, Exchange, Outcome, PayloadTooLarge
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
from phasegate_aws_lambda.sigv4_auth import AwsSigV4Auth

ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CONSUMERS = {"jack": (AwsSigV4Auth, {"access_key_id": ACCESS, "secret_access_key": SECRET})}


def signed(
    target: str = "/a",
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    secret: str = SECRET,
    access: str = ACCESS,
    token: str | None = None,
    scope: tuple[str, str] = ("execute-api", "us-east-1"),
    host: str = "gateway.test",
    presigned: bool = False,
) -> AWSRequest:
    request = AWSRequest(method=method, url=f"http://{host}{target}", headers=headers or {}, data=body)
    keys = Credentials(access, secret, token)
    signer = SigV4QueryAuth(keys, *scope, expires=60) if presigned else SigV4Auth(keys, *scope)
    signer.add_auth(request)
    return request


def arrived(request: AWSRequest, *, body: bytes | None = None, target: str | None = None, **extra: str) -> Exchange:
    """Return an exchange whose request is the one that botocore signed, or one that was changed on its way."""
    parts = urlsplit(request.url)
    sent = target or parts.path + (f"?{parts.query}" if parts.query else "")
    fields = {
        "host": parts.netloc,
        **{name.lower(): value for name, value in request.headers.items()},
        **{name.replace("_", "-"): value for name, value in extra.items()},
    }
    return make_exchange(
        make_request(request.method, sent, headers=fields, body=request.data if body is None else body)
    )


async def opened(*, after_seconds: float = 0.0, consumers: Any = None, **config: Any) -> AwsSigV4Auth:
    plugin = make_plugin(AwsSigV4Auth, config)
    clock = FixedClock(datetime.now(UTC).timestamp() + after_seconds)
    await plugin.open(make_services(consumers=consumers or CONSUMERS, clock=clock))
    return plugin


async def judged(exchange: Exchange, **config: Any) -> Outcome:
    found = await run_phase(await opened(**config), "authenticate", exchange)
    assert isinstance(found, Outcome)
    return found


@pytest.mark.parametrize(
    ("target", "how"),
    [
        ("/", {}),
        ("/a/b%20c/~user/%2Fx", {}),
        ("/a/../b//c/", {}),
        ("/a?b=c&b=a&a=%20&empty=&%C3%A4=%C3%A4", {}),
        ("/a", {"method": "POST", "body": b"body"}),
        ("/a", {"headers": {"x-amz-meta": "  two   words ", "x-custom": "1"}}),
        ("/a", {"scope": ("execute-api", "eu-central-1")}),
    ],
)
async def test_what_botocore_signs_holds(target: str, how: dict[str, Any]) -> None:
    found = await judged(arrived(signed(target, **how)))
    assert found.consumer is not None
    assert found.consumer.username == "jack"


async def test_temporary_credentials_need_their_token() -> None:
    pair = {"access_key_id": ACCESS, "secret_access_key": SECRET, "session_token": "a+token/of=some&length"}
    people = {"jack": (AwsSigV4Auth, pair)}
    assert (await judged(arrived(signed(token="a+token/of=some&length")), consumers=people)).holds
    assert not (await judged(arrived(signed(token="another")), consumers=people)).holds
    assert not (await judged(arrived(signed()), consumers=people)).holds


async def test_a_rewritten_request_changes_nothing() -> None:
    exchange = arrived(signed())
    exchange.request.path, exchange.request.method = "/other", "PUT"
    assert (await judged(exchange)).holds


@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        (lambda: arrived(signed(secret="x" * 40)), "The request signature we calculated does not match"),
        (lambda: arrived(signed(access="AKIDNOBODY")), "The request signature we calculated does not match"),
        (lambda: arrived(signed(access="AKIDNOBODY", secret="0" * 40)), "no consumer has this access key"),
        (lambda: arrived(signed(), target="/b"), "The request signature we calculated does not match"),
        (lambda: arrived(signed("/a"), target="/%61"), "The request signature we calculated does not match"),
        (lambda: arrived(signed("/a"), target="/x/%2e%2e/a"), "The request signature we calculated does not match"),
        (lambda: arrived(signed("/a?b=c"), target="/a?b=c&d"), "The request signature we calculated does not match"),
        (lambda: arrived(signed(method="POST", body=b"a"), body=b"b"), "The request signature we calculated does not"),
        (lambda: arrived(signed(), host="other.test"), "The request signature we calculated does not match"),
        (lambda: arrived(signed(), x_amz_later="1"), "'x-amz-later' must be a 'SignedHeader'"),
        (lambda: arrived(signed(scope=("s3", "us-east-1"))), "Credential should be scoped to correct service"),
        (lambda: arrived(signed(), authorization="AWS4-HMAC-SHA256"), "Invalid key=value pair"),
        (lambda: arrived(signed(), authorization="AWS4-HMAC-SHA512 Credential=x"), "Authorization header requires"),
        (lambda: arrived(signed(presigned=True)), "the signature stands in the query"),
    ],
)
async def test_signatures_that_do_not_hold(exchange: Any, reason: str) -> None:
    found = await judged(exchange())
    assert (found.holds, found.present) == (False, True)
    assert found.reason.startswith(reason)
    assert "\n" not in found.reason
    assert (found.message, found.challenge) == (
        "Invalid AWS signature in request",
        'AWS4-HMAC-SHA256 realm="aws-sigv4"',
    )


@pytest.mark.parametrize("sent", ["/x//../a", "/x//%2e%2e/a", "/a/.", "/a/b/.."])
async def test_a_path_that_is_read_as_another_than_the_signed_one_is_refused(sent: str) -> None:
    """Signers merge slashes before they remove dot segments, and everybody else removes dot segments alone."""
    told = signed("/x/%2e%2e/a" if "%" in sent else "/a")
    found = await judged(arrived(told, target=sent))
    assert (found.holds, found.reason) == (False, "the path is read as another than the signed one")


@pytest.mark.parametrize("sent", ["/x//a", "//../x/a", "/x/./a", "/y/../x/a", "/y/%2e%2e/x/a"])
async def test_a_path_that_everybody_reads_as_the_signed_one_holds(sent: str) -> None:
    told = signed("/y/%2e%2e/x/a" if "%" in sent else "/x/a")
    assert (await judged(arrived(told, target=sent))).holds


@pytest.mark.parametrize(
    ("seconds", "holds"), [(0, True), (295, True), (310, False), (-295, True), (-310, False), (86_400, False)]
)
async def test_a_signature_holds_for_five_minutes(seconds: float, *, holds: bool) -> None:
    assert (await judged(arrived(signed()), after_seconds=seconds)).holds is holds


async def test_a_region_may_be_asked_for() -> None:
    assert (await judged(arrived(signed()), region="us-east-1")).holds
    assert not (await judged(arrived(signed()), region="eu-west-1")).holds


async def test_signatures_in_the_query_hold_where_they_are_taken_and_for_as_long_as_they_say() -> None:
    assert (await judged(arrived(signed("/a?b=c", presigned=True)), presigned=True)).holds
    assert not (await judged(arrived(signed("/a?b=c", presigned=True)), presigned=True, after_seconds=61)).holds


async def test_two_signatures_are_refused() -> None:
    request = signed("/a", presigned=True)
    exchange = arrived(request, authorization=signed().headers["Authorization"])
    assert not (await judged(exchange, presigned=True)).holds
    doubled = arrived(signed())
    doubled.original.headers.add("authorization", doubled.original.headers.get("authorization") or "")
    assert not (await judged(doubled)).holds


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic eDp5"}, {"x-amz-date": "20200101T000000Z"}])
async def test_without_a_signature_there_is_nothing_to_look_at(headers: dict[str, str]) -> None:
    found = await judged(make_exchange(make_request(headers=headers)))
    assert (found.present, found.message) == (False, "Missing AWS signature in request")


async def test_a_body_over_the_limit_is_too_large() -> None:
    with pytest.raises(PayloadTooLarge):
        await judged(arrived(signed(method="POST", body=b"body")), max_req_body=3)


async def test_the_signature_does_not_go_on() -> None:
    exchange = arrived(signed("/a?b=%20", token="t"))
    (await opened()).conceal(exchange.request)
    assert {name for name, _ in exchange.request.headers} == {"host"}
    presigned = arrived(signed("/a?b=%20", presigned=True))
    (await opened()).conceal(presigned.request)
    assert presigned.request.query.raw == "b=%20"


async def test_what_is_not_signed_goes_on_as_it_is() -> None:
    exchange = make_exchange(make_request(headers={"x-amz-date": "d", "authorization": "Basic x"}))
    (await opened()).conceal(exchange.request)
    assert dict(exchange.request.headers) == dict(exchange.original.headers)


@pytest.mark.parametrize("config", [{"region": "us east"}, {"service": ""}, {"realm": '"'}, {"max_req_body": -1}])
def test_what_can_not_be_configured(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        make_plugin(AwsSigV4Auth, config)


@pytest.mark.parametrize("http2", [False, True])
async def test_a_client_gets_in(start_gateway: GatewayMaker, upstream: FakeUpstream, *, http2: bool) -> None:
    route = {"id": "r", "uri": "/*", "plugins": {"aws-sigv4-auth": {}}, "upstream": {"nodes": {upstream.address: 1}}}
    pair = {"access_key_id": ACCESS, "secret_access_key": SECRET}
    consumer = {"username": "jack", "plugins": {"aws-sigv4-auth": pair}}
    gateway = await start_gateway({"routes": [route], "consumers": [consumer]}, [AwsSigV4Auth])
    request = signed("/x/a%20b?c=d", method="POST", body=b"body", host=f"127.0.0.1:{gateway.port}")
    async with httpx.AsyncClient(http1=not http2, http2=http2) as client:
        right = await client.post(request.url, headers=dict(request.headers), content=b"body")
        wrong = await client.post(request.url, headers=dict(request.headers), content=b"bodY")
    assert (right.status_code, wrong.status_code) == (200, 401)
    (received,) = upstream.received
    assert (received.get("authorization"), received.get("x-consumer-username")) == (None, "jack")
