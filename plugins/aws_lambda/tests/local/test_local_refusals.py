"""Each way in which a signature can be wrong, with AWS's name and text for it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from phasegate_aws_lambda.local.keys import Credentials
from phasegate_aws_lambda.local.received import Received
from phasegate_aws_lambda.local.signature import SignatureError
from phasegate_aws_lambda.local.verifier import Verifier

ACCESS, SECRET, TOKEN = "AKIDEXAMPLE", "a-secret-that-nobody-sees", "a-session-token"
HOST = "localhost:9002"
NOW = 1_640_995_200.0  # 2022-01-01T00:00:00Z


def signed(
    headers: Mapping[str, str] | None = None,
    *,
    key: tuple[str, str] = (ACCESS, SECRET),
    token: str | None = None,
    region: str = "us-east-1",
    service: str = "lambda",
    body: bytes = b"",
) -> Received:
    request = AWSRequest(method="POST", url=f"http://{HOST}/p?q=1", headers=dict(headers or {}), data=body)
    SigV4Auth(BotoCredentials(*key, token), service, region).add_auth(request)
    fields = tuple((name.encode(), value.encode()) for name, value in [("Host", HOST), *request.headers.items()])
    return Received(method="POST", target=b"/p?q=1", headers=fields, body=body)


def presigned(expires: int) -> Received:
    request = AWSRequest(method="GET", url=f"http://{HOST}/p")
    SigV4QueryAuth(BotoCredentials(ACCESS, SECRET), "lambda", "us-east-1", expires=expires).add_auth(request)
    target = request.url.partition(HOST)[2].encode()
    return Received(method="GET", target=target, headers=((b"Host", HOST.encode()),))


def refusal(request: Received, *, token: str | None = None, after_seconds: float = 0.0) -> tuple[str, str]:
    """Return name and text of the error that a request gets."""
    credentials = Credentials(ACCESS, SECRET, token)
    verifier = Verifier(credentials, region="us-east-1", clock=lambda: time.time() + after_seconds)
    with pytest.raises(SignatureError) as caught:
        verifier.verify(request)
    return caught.value.error_type, caught.value.message


def with_headers(request: Received, **values: str | None) -> Received:
    """Return the request with headers replaced, `_` for `-`; None removes one."""
    new = {name.replace("_", "-").encode(): value for name, value in values.items()}
    kept = [(name, value) for name, value in request.headers if name.lower() not in new]
    return replace(
        request, headers=(*kept, *((name, value.encode()) for name, value in new.items() if value is not None))
    )


def authorization(request: Received) -> str:
    return request.header("authorization")


def test_unsigned_request_lacks_a_token() -> None:
    error = refusal(with_headers(signed(), authorization=None))
    assert error == ("MissingAuthenticationTokenException", "Missing Authentication Token")


def test_unknown_key_is_unrecognized() -> None:
    name, text = refusal(signed(key=("AKIDOTHER", SECRET)))
    assert (name, text) == ("UnrecognizedClientException", "The security token included in the request is invalid.")


def test_wrong_secret_is_a_mismatch_that_shows_the_canonical_request() -> None:
    name, text = refusal(signed(key=(ACCESS, "another-secret")))
    assert name == "InvalidSignatureException"
    assert text.startswith("The request signature we calculated does not match the signature you provided. Check your ")
    assert "The Canonical String for this request should have been\n'POST\n/p\nq=1\nhost:localhost:9002\n" in text
    assert "The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n" in text


def test_mismatch_shows_no_secret() -> None:
    assert SECRET not in refusal(signed(key=(ACCESS, "another-secret")))[1]


def test_wrong_region_is_out_of_scope() -> None:
    error = refusal(signed(region="eu-west-1"))
    assert error == ("InvalidSignatureException", "Credential should be scoped to a valid region. ")


def test_wrong_service_is_out_of_scope() -> None:
    error = refusal(signed(service="execute-api"))
    assert error == ("InvalidSignatureException", "Credential should be scoped to correct service: 'lambda'. ")


def test_wrong_terminator_is_out_of_scope() -> None:
    request = signed()
    other = with_headers(request, authorization=authorization(request).replace("/aws4_request", "/aws5_request"))
    assert "valid terminator: 'aws4_request'" in refusal(other)[1]


def test_scope_of_another_day_is_refused() -> None:
    request = signed()
    day = authorization(request).split("/")[1]
    other = with_headers(request, authorization=authorization(request).replace(f"/{day}/", "/20200101/"))
    assert refusal(other)[1].startswith("Date in Credential scope does not match YYYYMMDD")


def test_five_minutes_old_is_still_good() -> None:
    verifier = Verifier(Credentials(ACCESS, SECRET), region="us-east-1", clock=lambda: time.time() + 298)
    assert verifier.verify(signed()) == ACCESS


@pytest.mark.parametrize(
    ("date", "text"),
    [
        ("20211231T235459Z", "Signature expired: {} is now earlier than 20211231T235500Z (20220101T000000Z - 5 min.)"),
        (
            "20220101T000501Z",
            "Signature not yet current: {} is still later than 20220101T000500Z (20220101T000000Z + 5 min.)",
        ),
    ],
)
def test_outside_the_window_is_refused_with_the_times(date: str, text: str) -> None:
    request = with_headers(signed(), x_amz_date=date)
    verifier = Verifier(Credentials(ACCESS, SECRET), region="us-east-1", clock=lambda: NOW)
    with pytest.raises(SignatureError) as caught:
        verifier.verify(request)
    assert (caught.value.error_type, caught.value.message) == ("InvalidSignatureException", text.format(date))


def test_query_lives_as_long_as_it_says() -> None:
    request = presigned(600)
    verifier = Verifier(Credentials(ACCESS, SECRET), region="us-east-1", clock=lambda: time.time() + 590)
    assert verifier.verify(request) == ACCESS
    assert refusal(request, after_seconds=602)[1].startswith("Signature expired: ")


def test_query_with_a_changed_lifetime_is_a_mismatch() -> None:
    request = presigned(60)
    longer = replace(request, target=request.target.replace(b"Expires=60", b"Expires=90"))
    assert "does not match" in refusal(longer)[1]


def test_query_without_a_field_says_which() -> None:
    request = presigned(60)
    other = replace(request, target=request.target.replace(b"X-Amz-SignedHeaders=", b"X-Amz-Else="))
    name, text = refusal(other)
    assert name == "IncompleteSignatureException"
    assert text.startswith("AWS query-string parameters must include 'X-Amz-SignedHeaders'.")


@pytest.mark.parametrize("expires", [b"0", b"604801", b"-5", b"x", b"9" * 5000])
def test_query_with_an_impossible_lifetime_is_refused(expires: bytes) -> None:
    request = presigned(60)
    other = replace(request, target=request.target.replace(b"Expires=60", b"Expires=" + expires))
    assert refusal(other)[0] == "IncompleteSignatureException"


def test_header_and_query_together_are_refused() -> None:
    both = with_headers(presigned(60), authorization=authorization(signed()))
    assert refusal(both)[1].startswith("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization'")


def test_payload_hash_that_is_not_the_bodys_is_a_mismatch() -> None:
    request = signed({"X-Amz-Content-SHA256": "0" * 64}, body=b"body")
    assert "does not match" in refusal(request)[1]


def test_unsigned_payload_is_for_s3_alone() -> None:
    assert "does not match" in refusal(signed({"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}, body=b"body"))[1]


def test_payload_hash_of_the_body_is_good() -> None:
    hashed = "230d8358dc8e8890b4c58deeb62912ee2f20357ae92a5cc861b98e68fe31acb5"
    verifier = Verifier(Credentials(ACCESS, SECRET), region="us-east-1")
    assert verifier.verify(signed({"X-Amz-Content-SHA256": hashed}, body=b"body")) == ACCESS


def test_unsigned_amz_header_is_refused() -> None:
    request = with_headers(signed(), x_amz_meta="late")
    assert refusal(request)[1] == "'x-amz-meta' must be a 'SignedHeader' in the AWS Authorization."


def test_host_must_be_signed() -> None:
    request = signed()
    other = with_headers(request, authorization=authorization(request).replace("=host;", "="))
    assert refusal(other)[1] == "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."


def test_signed_header_that_is_gone_is_a_mismatch() -> None:
    assert "does not match" in refusal(with_headers(signed({"x-custom": ""}), x_custom=None))[1]


def test_missing_session_token_is_unrecognized() -> None:
    assert refusal(signed(), token=TOKEN)[0] == "UnrecognizedClientException"


def test_wrong_session_token_is_unrecognized() -> None:
    assert refusal(signed(token="another"), token=TOKEN)[0] == "UnrecognizedClientException"


def test_session_token_that_nobody_configured_is_unrecognized() -> None:
    assert refusal(signed(token=TOKEN))[0] == "UnrecognizedClientException"


def test_authorization_without_parameters_is_incomplete_and_hashed() -> None:
    name, text = refusal(with_headers(signed(), authorization="Bearer eyJhbGciOi"))
    assert name == "IncompleteSignatureException"
    assert text.startswith("Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 ")
    assert "eyJhbGciOi" not in text


def test_authorization_says_everything_that_it_lacks() -> None:
    name, text = refusal(with_headers(signed(), authorization="Basic dXNlcjpwYXNz=", x_amz_date=None))
    assert name == "IncompleteSignatureException"
    assert text.startswith(
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. (Hashed with SHA-256 "
    )


def test_unreadable_date_is_incomplete() -> None:
    name, text = refusal(with_headers(signed(), x_amz_date="20220101"))
    assert name == "IncompleteSignatureException"
    assert text.startswith("Date must be in ISO-8601 'basic format'. Got '20220101'.")


def test_other_algorithm_is_incomplete() -> None:
    request = signed()
    other = with_headers(request, authorization=authorization(request).replace("SHA256", "SHA512", 1))
    assert refusal(other)[1] == "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512' (only AWS4-HMAC-SHA256 for now). "


def test_short_credential_is_incomplete() -> None:
    request = signed()
    other = with_headers(request, authorization=authorization(request).replace("/aws4_request", ""))
    assert refusal(other)[1].startswith("Credential must have exactly 5 slash-delimited elements")
