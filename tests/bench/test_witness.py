"""Signatures are taken apart, and made again as botocore makes them."""

import pytest

from bench.credentials import SECRET_KEY
from bench.errors import WrongRequest
from bench.peers.direct import SHOWN
from bench.witness import authorization, signature

VALUE = "AWS4-HMAC-SHA256 Credential=A/20150830/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=5d"


def test_an_authorization_has_three_parts() -> None:
    assert authorization(VALUE) == {
        "Credential": "A/20150830/us-east-1/iam/aws4_request",
        "SignedHeaders": "host;x-amz-date",
        "Signature": "5d",
    }


@pytest.mark.parametrize("value", ["", "Basic abc", VALUE.partition(", Signature")[0], VALUE.replace("AWS4", "AWS3")])
def test_anything_else_is_no_signature(value: str) -> None:
    with pytest.raises(WrongRequest, match="is no signature"):
        authorization(value)


def test_a_signature_depends_on_body_path_and_headers() -> None:
    seen = dict.fromkeys(SHOWN, "") | {
        "request_method": "POST",
        "request_uri": "/sigv4",
        "http_host": "127.0.0.1:1",
        "http_x_amz_date": "20260101T000000Z",
    }
    sent = authorization(VALUE)
    made = {
        signature(seen, sent, "{}"),
        signature(seen, sent, ""),
        signature(seen | {"request_uri": "/"}, sent, "{}"),
        signature(seen | {"http_host": "127.0.0.1:2"}, sent, "{}"),
    }
    assert len(made) == 4
    assert SECRET_KEY not in "".join(made)
