"""The explanation of a signature that does not match, against the verifier of the local Lambda, which explains as AWS does."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from phasegate import Body, Secret
from phasegate.faas import FunctionRequest
from phasegate_aws_lambda.credentials import Keys
from phasegate_aws_lambda.endpoint import Endpoint
from phasegate_aws_lambda.local.keys import Credentials
from phasegate_aws_lambda.local.received import Received
from phasegate_aws_lambda.local.signature import SignatureError
from phasegate_aws_lambda.local.verifier import Verifier
from phasegate_aws_lambda.mismatch import Mismatch, mismatch
from phasegate_aws_lambda.signer import Signer

BODY = b'{"a": 1}'
HASH = hashlib.sha256(BODY).hexdigest()
TOKEN = "t0ken/secret"
VERIFIER = Verifier(Credentials("AKID", "s3cret", TOKEN), region="eu-west-1")


def signed(secret: str = "s3cret", *, in_query: bool = False) -> tuple[Signer, FunctionRequest]:
    signer = Signer(
        endpoint=Endpoint("eu-west-1", "lambda"),
        extra=frozenset({b"x-key"}),
        location="query" if in_query else "header",
    )
    request = FunctionRequest(
        method="POST",
        host="abc.lambda-url.eu-west-1.on.aws",
        path="/a%20b",
        query="q=s3cret-query&z=1",
        headers=[(b"content-type", b"application/json"), (b"x-key", b"s3cret-header")],
        body=Body(BODY),
    )
    signer.sign(request, HASH, time.time(), Keys("AKID", Secret(secret), Secret(TOKEN)))
    return signer, request


def refusal(request: FunctionRequest, change: Callable[[Received], Received]) -> bytes:
    fields = ((b"host", request.host.encode()), *request.headers)
    received = Received(method=request.method, target=request.target.encode(), headers=fields, body=BODY)
    with pytest.raises(SignatureError) as caught:
        VERIFIER.verify(change(received))
    return json.dumps({"message": caught.value.message}).encode()


def with_field(name: bytes, value: bytes) -> Callable[[Received], Received]:
    def change(received: Received) -> Received:
        fields = tuple((field, value if field == name else text) for field, text in received.headers)
        return replace(received, headers=fields)

    return change


@pytest.mark.parametrize("in_query", [False, True])
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda received: replace(received, method="PUT"), Mismatch("method", "POST", "PUT")),
        (
            lambda received: replace(received, target=received.target.replace(b"/a%20b", b"/ab")),
            Mismatch("path", "/a%2520b", "/ab"),
        ),
        (
            lambda received: replace(received, target=received.target.replace(b"z=1", b"z=2")),
            Mismatch("query"),
        ),
        (
            with_field(b"content-type", b"text/plain"),
            Mismatch("header content-type", "content-type:application/json", "content-type:text/plain"),
        ),
        (with_field(b"x-key", b"other"), Mismatch("header x-key")),
        (
            lambda received: replace(received, body=b"other"),
            Mismatch("payload hash", HASH, hashlib.sha256(b"other").hexdigest()),
        ),
    ],
)
def test_the_first_line_that_differs_is_named_without_secrets(
    change: Callable[[Received], Received], found: Mismatch, in_query: bool
) -> None:
    signer, request = signed(in_query=in_query)
    assert mismatch(refusal(request, change), signer.account(request, HASH)) == found


@pytest.mark.parametrize("in_query", [False, True])
def test_where_all_lines_agree_it_is_the_secret_key(in_query: bool) -> None:
    signer, request = signed("another", in_query=in_query)
    found = mismatch(refusal(request, lambda received: received), signer.account(request, HASH))
    assert found == Mismatch("none: the secret key is not the one of this access key")


@pytest.mark.parametrize(
    "answer", [b"", b"{}", b"[]", b"<Error/>", b'{"message": 5}', b'{"message": "Forbidden"}', b"\xff"]
)
def test_an_answer_that_explains_nothing_is_left_alone(answer: bytes) -> None:
    signer, request = signed()
    assert mismatch(answer, signer.account(request, HASH)) is None
