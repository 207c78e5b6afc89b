"""What a signer keeps from one request to the next never outlives its day or its keys."""

import hmac
import re
from hashlib import sha256
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Body, Secret
from phasegate.faas import FunctionRequest
from phasegate_aws_lambda.canonical import canonical_query, joined, path_forms, query_forms, wire_query
from phasegate_aws_lambda.credentials import Keys
from phasegate_aws_lambda.endpoint import Endpoint
from phasegate_aws_lambda.signed_fields import content_type_place, look_at
from phasegate_aws_lambda.signer import Signer

FIRST, SECOND = Keys("AKIDFIRST", Secret("one")), Keys("AKIDSECOND", Secret("two"), Secret("t0ken"))
MIDNIGHT = 1_700_006_400.0


def signature(signer: Signer, keys: Keys, now: float, host: str = "h.example") -> bytes | None:
    request = FunctionRequest(method="GET", host=host, path="/", query="", headers=[], body=Body(b""))
    signer.sign(request, "e3b0", now, keys)
    return request.get(b"authorization")


def fresh() -> Signer:
    return Signer(endpoint=Endpoint("eu-west-1", "lambda"))


def test_a_signer_that_was_used_signs_as_a_new_one() -> None:
    signer = fresh()
    for keys, now in ((FIRST, MIDNIGHT - 1), (SECOND, MIDNIGHT - 1), (SECOND, MIDNIGHT), (FIRST, MIDNIGHT)):
        assert signature(signer, keys, now) == signature(fresh(), keys, now)


def test_a_signer_that_signed_for_another_host_or_within_the_second_signs_as_a_new_one() -> None:
    signer = fresh()
    for host, now in (("a.example", MIDNIGHT), ("b.example", MIDNIGHT + 0.9), ("a.example", MIDNIGHT - 0.1)):
        assert signature(signer, FIRST, now, host) == signature(fresh(), FIRST, now, host)


@given(st.text("ab&=+%2f/-", max_size=12), st.sampled_from((1, 40)))
def test_a_query_that_came_before_is_signed_as_it_was_then(raw: str, times: int) -> None:
    query = "&".join([raw] * times)
    pairs = wire_query(query)
    assert [query_forms(query), query_forms(query)] == [(joined(pairs), canonical_query(pairs))] * 2


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)


@given(texts, texts)
def test_a_query_is_taken_for_plain_where_encoding_it_changes_nothing(name: str, value: str) -> None:
    for raw in (f"{name}={value}", name, f"{name}={value}&", f"={value}"):
        pairs = wire_query(raw)
        assert query_forms(raw) == (joined(pairs), canonical_query(pairs))


@given(st.text("ab/%2f~:é", max_size=12), st.sampled_from((1, 40)))
def test_a_path_that_came_before_is_signed_as_it_was_then(raw: str, times: int) -> None:
    path = raw * times
    wire = re.sub("//+", "/", path)
    assert [path_forms(path), path_forms(path)] == [(wire, quote(wire, safe="/-_.~"))] * 2


@given(
    st.sampled_from(("GET", "POST")),
    st.text("a/%2f~", max_size=8),
    st.text("ab&=+%2f/-", max_size=8),
    st.none() | st.text("a/; \té", max_size=8).map(lambda text: text.encode("latin-1")),
    st.sampled_from((b"", b"{}")),
    st.sampled_from((FIRST, SECOND)),
    st.booleans(),
)
def test_what_has_no_header_of_its_own_to_sign_is_signed_as_its_account_says(
    method: str, path: str, query: str, content_type: bytes | None, body: bytes, keys: Keys, looked_at: bool
) -> None:
    fields = [(b"user-agent", b"u"), *([] if content_type is None else [(b"content-type", content_type)])]
    names, payload = tuple(name for name, _ in fields), sha256(body).hexdigest()
    request = FunctionRequest(method, "h.example", f"/{path}", query, fields, Body(body))
    signer = fresh()
    signer.sign(request, payload, MIDNIGHT, keys, content_type_place(names, frozenset()) if looked_at else None)
    account = signer.account(request, payload)
    listed, signature = account.canonical.split("\n")[-2], signed(keys, account.to_sign)
    expected = f"SignedHeaders={listed}, Signature={signature}"
    assert (request.get(b"authorization") or b"").decode().partition(", ")[2] == expected
    assert request.get(b"x-amz-content-sha256") == payload.encode()


def signed(keys: Keys, to_sign: str) -> str:
    key = f"AWS4{keys.secret_key.value}".encode()
    for part in ("20231115", "eu-west-1", "lambda", "aws4_request", to_sign):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


@pytest.mark.parametrize("name", [b"x-api-key", b"traceparent", b"authorization", b"x-amz-date", b"x-amzn-oidc-data"])
def test_credentials_traces_and_what_is_for_aws_are_not_ordinary(name: bytes) -> None:
    assert look_at((b"accept", b"content-type", name), frozenset()) == (False, None)


def test_of_ordinary_fields_the_place_of_the_content_type_is_known() -> None:
    names = (b"accept", b"content-type", b"x-amzn-trace-id", b"x-extra")
    assert look_at(names, frozenset()) == (True, 1)
    assert look_at(names[:1], frozenset()) == (True, -1)
    assert look_at(names, frozenset({b"x-extra"})) == (True, None)


def test_each_day_and_each_key_pair_signs_otherwise() -> None:
    made = [signature(fresh(), keys, now) for keys in (FIRST, SECOND) for now in (MIDNIGHT - 1, MIDNIGHT)]
    assert [b"/20231114/" in (value or b"") for value in made] == [True, False, True, False]
    assert len(set(made)) == 4
