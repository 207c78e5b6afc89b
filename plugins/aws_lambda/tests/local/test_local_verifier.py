"""The verifier against botocore's signer: what that signs holds, and nothing that was changed on the way does."""

from __future__ import annotations

import time
from dataclasses import replace
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from phasegate_aws_lambda.local.keys import Credentials
from phasegate_aws_lambda.local.received import Received
from phasegate_aws_lambda.local.signature import SignatureError, signature_of
from phasegate_aws_lambda.local.verifier import Verifier

ACCESS, SECRET, TOKEN = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "a+token/of=some&length"
HOST = "abc.lambda-url.us-east-1.on.aws"
VERIFIER = Verifier(Credentials(ACCESS, SECRET), region="us-east-1")

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
SEGMENTS = st.one_of(
    st.sampled_from(["", ".", "..", "~user", "a%2Fb", "a%20b", "%2E%2E", "(x):@!$&'*+,;="]), TEXT.map(quote)
)
PATHS = st.lists(SEGMENTS, max_size=5).map(lambda segments: "/" + "/".join(segments))
PAIRS = st.lists(st.tuples(TEXT.filter(bool), TEXT), max_size=4)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
HEADERS = st.dictionaries(st.sampled_from(["x-amz-meta", "X-Custom", "Accept", "content-type", "x-api-key"]), VALUES)


def encoded(pairs: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


def signed(
    method: str = "GET",
    target: str = "/",
    headers: dict[str, str] | None = None,
    *,
    body: bytes = b"",
    token: str | None = None,
    signer: type[SigV4Auth] = SigV4Auth,
) -> Received:
    """Return a request as it comes from the wire after botocore has signed it."""
    request = AWSRequest(method=method, url=f"https://{HOST}{target}", headers=dict(headers or {}), data=body)
    signer(BotoCredentials(ACCESS, SECRET, token), "lambda", "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    sent = [("Host", HOST), *request.headers.items()]
    fields = tuple((name.encode(), value.encode("latin-1")) for name, value in sent)
    whole = target if signer is SigV4Auth else f"{parts.path}?{parts.query}"
    return Received(method=method, target=whole.encode(), headers=fields, body=body)


def changed(text: bytes, index: int) -> bytes:
    """Return text with one letter or digit made another one; which of them is up to `index`."""
    places = [place for place, byte in enumerate(text) if chr(byte).isalnum()]
    assume(bool(places))
    place = places[index % len(places)]
    return text[:place] + (b"1" if text[place : place + 1] != b"1" else b"2") + text[place + 1 :]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(["GET", "POST", "DELETE"]), PATHS, PAIRS, HEADERS, st.binary(max_size=40))
def test_what_botocore_signs_verifies(
    method: str, path: str, pairs: list[tuple[str, str]], headers: dict[str, str], body: bytes
) -> None:
    target = f"{path}?{encoded(pairs)}" if pairs else path
    assert VERIFIER.verify(signed(method, target, headers, body=body)) == ACCESS


@settings(max_examples=100, deadline=None)
@given(PATHS, PAIRS, HEADERS, st.integers(0, 200))
def test_a_changed_byte_of_path_or_query_does_not_verify(
    path: str, pairs: list[tuple[str, str]], headers: dict[str, str], index: int
) -> None:
    request = signed("GET", f"{path}?{encoded(pairs)}" if pairs else path, headers)
    other = replace(request, target=changed(request.target, index))
    assume(_meaning(other.target) != _meaning(request.target))
    with pytest.raises(SignatureError):
        VERIFIER.verify(other)


def _meaning(target: bytes) -> tuple[list[bytes], list[bytes]]:
    """Return what of a target AWS does not fold away: the segments that dot segments leave, and the query's pairs."""
    path, _, query = target.partition(b"?")
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(segment)
    return kept, sorted(query.split(b"&"))


@settings(max_examples=60, deadline=None)
@given(HEADERS.filter(bool), st.integers(0, 200), st.integers(0, 20))
def test_a_changed_byte_of_a_signed_header_does_not_verify(headers: dict[str, str], which: int, index: int) -> None:
    request = signed("GET", "/x", headers)
    names = [name for name, _ in request.headers if name.lower() not in (b"authorization", b"x-amz-date")]
    name = names[which % len(names)]
    fields = tuple((other, changed(value, index) if other == name else value) for other, value in request.headers)
    with pytest.raises(SignatureError, match="does not match"):
        VERIFIER.verify(replace(request, headers=fields))


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=1, max_size=40), st.integers(0, 39), st.integers(1, 255))
def test_a_changed_byte_of_the_body_does_not_verify(body: bytes, index: int, by: int) -> None:
    request = signed("POST", "/", body=body)
    place = index % len(body)
    other = body[:place] + bytes([body[place] ^ by]) + body[place + 1 :]
    with pytest.raises(SignatureError, match="does not match"):
        VERIFIER.verify(replace(request, body=other))


@settings(max_examples=60, deadline=None)
@given(PATHS, PAIRS)
def test_a_query_that_botocore_signs_verifies(path: str, pairs: list[tuple[str, str]]) -> None:
    target = f"{path}?{encoded(pairs)}" if pairs else path
    assert VERIFIER.verify(signed("GET", target, signer=SigV4QueryAuth)) == ACCESS


def test_a_signed_query_with_a_session_token_verifies() -> None:
    verifier = Verifier(Credentials(ACCESS, SECRET, TOKEN), region="us-east-1")
    assert verifier.verify(signed(target="/x", token=TOKEN, signer=SigV4QueryAuth)) == ACCESS


def test_a_session_token_verifies() -> None:
    verifier = Verifier(Credentials(ACCESS, SECRET, TOKEN), region="us-east-1")
    assert verifier.verify(signed(token=TOKEN)) == ACCESS


def test_the_test_suite_of_aws_verifies() -> None:
    # "get-vanilla" of the Signature Version 4 test suite.
    authorization = (
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        b"SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )
    fields = (
        (b"Host", b"example.amazonaws.com"),
        (b"X-Amz-Date", b"20150830T123600Z"),
        (b"Authorization", authorization),
    )
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    verifier = Verifier(credentials, region="us-east-1", service="service", clock=lambda: 1_440_938_160)
    assert verifier.verify(Received(method="GET", target=b"/", headers=fields)) == "AKIDEXAMPLE"


def test_repeated_headers_are_joined_in_sent_order() -> None:
    joined = signed(headers={"x-amz-meta": "one,two  three"})
    fields = [field for field in joined.headers if field[0] != b"x-amz-meta"]
    apart = [(b"X-Amz-Meta", b" one"), (b"x-amz-meta", b"two three ")]
    assert VERIFIER.verify(replace(joined, headers=(*fields, *apart))) == ACCESS


def test_a_path_is_normalised_before_it_is_compared() -> None:
    request = signed(target="/p/y/")
    assert VERIFIER.verify(replace(request, target=b"/p//x/../y/")) == ACCESS


def test_a_plus_in_a_query_is_a_space() -> None:
    request = signed(target="/?a=b%20c")
    assert VERIFIER.verify(replace(request, target=b"/?a=b+c")) == ACCESS


def test_the_order_of_a_query_does_not_matter() -> None:
    request = signed(target="/?b=2&a=1&a=0")
    assert VERIFIER.verify(replace(request, target=b"/?a=0&b=2&a=1")) == ACCESS


def test_a_date_without_a_zone_is_in_utc_wherever_this_machine_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    field = b"AWS4-HMAC-SHA256 Credential=a/20150830/b/c/aws4_request, SignedHeaders=date;host, Signature=d"
    headers = ((b"Authorization", field), (b"Date", b"Sun, 30 Aug 2015 12:36:00"))
    monkeypatch.setenv("TZ", "EAST-9")
    time.tzset()
    try:
        found = signature_of(Received(method="GET", target=b"/", headers=headers))
    finally:
        monkeypatch.undo()
        time.tzset()
    assert found.timestamp == "20150830T123600Z"
