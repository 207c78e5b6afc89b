"""HTTP requests as the events of both payload formats."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate_aws_lambda.local.events import log_time
from phasegate_aws_lambda.local.received import Received
from phasegate_aws_lambda.local.rest_event import RestCall, rest_event, stage_of
from phasegate_aws_lambda.local.url_event import url_event

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0"
CALL = RestCall("request-id", "apigw-id=", TRACE)


def received(target: str = "/", *headers: tuple[str, str], method: str = "GET", body: bytes = b"") -> Received:
    fields = (("Host", "abc.example:9001"), *headers)
    return Received(
        method=method,
        target=target.encode(),
        headers=tuple((name.encode(), value.encode("latin-1")) for name, value in fields),
        body=body,
        peer="192.0.2.7",
        port=9001,
        time=1_583_348_638.39,
    )


def rest(request: Received, call: RestCall = CALL) -> dict[str, Any]:
    place = stage_of(request)
    assert place is not None
    return rest_event(request, *place, call)


def url(request: Received, access_key: str | None = None) -> dict[str, Any]:
    return url_event(request, "request-id", TRACE, access_key)


def test_rest_path_leaves_the_stage_out_and_the_context_keeps_it() -> None:
    event = rest(received("/prod/a%20b/c/"))
    assert (event["path"], event["requestContext"]["path"]) == ("/a%20b/c/", "/prod/a%20b/c/")
    assert (event["resource"], event["pathParameters"]) == ("/{proxy+}", {"proxy": "a%20b/c"})
    assert event["requestContext"]["stage"] == "prod"


@pytest.mark.parametrize("target", ["/prod", "/prod/", "//prod/"])
def test_rest_stage_alone_is_the_root_resource(target: str) -> None:
    event = rest(received(target))
    assert (event["path"], event["resource"], event["pathParameters"]) == ("/", "/", None)


@pytest.mark.parametrize("target", ["/", "/a.b/c", "/%41/c", "/" + "s" * 129, "*"])
def test_rest_path_without_a_stage_is_none(target: str) -> None:
    assert stage_of(received(target)) is None


def test_rest_maps_hold_the_last_value_and_all_values() -> None:
    event = rest(received("/s?a=1&a=2+3&b", ("X-Many", "one"), ("X-Many", "two")))
    assert event["queryStringParameters"] == {"a": "2 3", "b": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2 3"], "b": [""]}
    assert event["headers"]["X-Many"] == "two"
    assert event["multiValueHeaders"]["X-Many"] == ["one", "two"]


def test_rest_absent_maps_and_body_are_null() -> None:
    event = rest(received("/s"))
    names = ("queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables", "body")
    assert {event[name] for name in names} == {None}
    assert event["isBase64Encoded"] is False


def test_rest_context_tells_of_the_request() -> None:
    event = rest(received("/s/x", ("User-Agent", "curl")), RestCall("id", "apigw=", TRACE, "the-key"))
    context = event["requestContext"]
    assert (context["requestTime"], context["requestTimeEpoch"]) == ("04/Mar/2020:19:03:58 +0000", 1583348638390)
    assert (context["requestId"], context["extendedRequestId"]) == ("id", "apigw=")
    assert (context["domainName"], context["domainPrefix"], context["apiId"]) == ("abc.example", "abc", "abc")
    assert (context["httpMethod"], context["protocol"], context["resourcePath"]) == ("GET", "HTTP/1.1", "/{proxy+}")
    identity = context["identity"]
    assert (identity["sourceIp"], identity["userAgent"], identity["apiKey"]) == ("192.0.2.7", "curl", "the-key")
    assert identity["cognitoIdentityId"] is None


def test_rest_header_names_stay_as_sent() -> None:
    names = rest(received("/s", ("tEsT-HEADeR", "aValUE"), ("Cookie", "a=1")))["headers"]
    assert (names["tEsT-HEADeR"], names["Cookie"]) == ("aValUE", "a=1")


def test_url_event_has_the_documented_shape() -> None:
    event = url(received("/my/path?parameter1=value1&parameter1=value2&parameter2=value", ("User-Agent", "agent")))
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/my/path")
    assert event["rawQueryString"] == "parameter1=value1&parameter1=value2&parameter2=value"
    assert event["queryStringParameters"] == {"parameter1": "value1,value2", "parameter2": "value"}
    http = {"method": "GET", "path": "/my/path", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.7", "userAgent": "agent"}
    assert event["requestContext"]["http"] == http
    assert (event["requestContext"]["time"], event["requestContext"]["timeEpoch"]) == (
        "04/Mar/2020:19:03:58 +0000",
        1583348638390,
    )
    assert (event["requestContext"]["stage"], event["requestContext"]["authorizer"]) == ("$default", None)


def test_url_event_leaves_absent_fields_out() -> None:
    event = url(received("/"))
    absent = ("body", "cookies", "queryStringParameters", "pathParameters", "stageVariables")
    assert not any(name in event for name in absent)


def test_url_headers_are_lower_case_and_joined() -> None:
    headers = url(received("/", ("X-Many", "one"), ("x-many", "two")))["headers"]
    assert headers["x-many"] == "one,two"
    assert headers["x-amzn-trace-id"] == TRACE


def test_url_cookies_are_a_list_and_no_header() -> None:
    event = url(received("/", ("Cookie", "a=1; b=2"), ("Cookie", "c=3")))
    assert event["cookies"] == ["a=1", "b=2", "c=3"]
    assert "cookie" not in event["headers"]


def test_url_raw_parts_keep_every_byte() -> None:
    event = url(received("/a%2Fb%20c//d?x=%7E+y&&z"))
    assert (event["rawPath"], event["rawQueryString"]) == ("/a%2Fb%20c//d", "x=%7E+y&&z")


def test_url_caller_is_who_signed_and_the_signature_is_left_out() -> None:
    event = url(received("/", ("Authorization", "AWS4-HMAC-SHA256 ...")), "AKIDEXAMPLE")
    assert event["requestContext"]["authorizer"]["iam"]["accessKey"] == "AKIDEXAMPLE"
    assert "authorization" not in event["headers"]


def test_url_authorization_of_an_open_url_passes() -> None:
    assert url(received("/", ("Authorization", "Basic x")))["headers"]["authorization"] == "Basic x"


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ([("Content-Type", "application/json")], b'{"a": 1}', ('{"a": 1}', False)),
        ([("Content-Type", "text/plain; charset=utf-8")], "grüße".encode(), ("grüße", False)),
        ([("Content-Type", "application/problem+json")], b"{}", ("{}", False)),
        ([("Content-Type", "image/svg+xml")], b"<svg/>", ("<svg/>", False)),
        ([("Content-Type", "application/x-www-form-urlencoded")], b"a=1", ("a=1", False)),
        ([], b"{}", ("{}", False)),
        ([("Content-Type", "image/png")], b"\x89PNG", ("iVBORw==", True)),
        ([("Content-Type", "text/plain")], b"\xff\xfe", ("//4=", True)),
        ([("Content-Type", "text/plain"), ("Content-Encoding", "gzip")], b"abc", ("YWJj", True)),
    ],
)
def test_bodies_are_text_or_base64(headers: list[tuple[str, str]], body: bytes, expected: tuple[str, bool]) -> None:
    request = received("/s", *headers, method="POST", body=body)
    for event in (rest(request), url(request)):
        assert (event["body"], event["isBase64Encoded"]) == expected


def test_connection_headers_never_enter_an_event() -> None:
    hop = [
        ("Connection", "keep-alive"),
        ("Transfer-Encoding", "chunked"),
        ("TE", "trailers"),
        ("Expect", "100-continue"),
    ]
    request = received("/s", *hop, method="POST", body=b"four")
    for event in (rest(request), url(request)):
        names = {name.lower() for name in event["headers"]}
        assert not names & {"connection", "transfer-encoding", "te", "expect"}
    assert url(request)["headers"]["content-length"] == "4"


def test_forwarded_headers_tell_of_the_connection() -> None:
    event = url(received("/", ("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-Port", "1")))
    headers = event["headers"]
    assert (headers["x-forwarded-for"], headers["x-forwarded-port"]) == ("198.51.100.1, 192.0.2.7", "9001")


def test_log_time_is_utc() -> None:
    assert log_time(0) == "01/Jan/1970:00:00:00 +0000"


@given(st.binary(max_size=40).map(lambda raw: b"/s/" + raw), st.binary(max_size=20), st.binary(max_size=20))
def test_any_bytes_make_an_event_that_is_json(target: bytes, value: bytes, body: bytes) -> None:
    request = Received(method="GET", target=target, headers=((b"X-Any", value), (b"Cookie", value)), body=body)
    assert json.loads(json.dumps(rest(request)))["httpMethod"] == "GET"
    assert json.loads(json.dumps(url(request)))["version"] == "2.0"
