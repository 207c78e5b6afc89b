"""Requests into events: the golden samples of every format, and which bodies are text."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate_aws_lambda.codec import FORMATS, Binary, Incoming, NotJSONError, NotTextError

SAMPLES = Path(__file__).with_name("samples")
EVENTS = [name for name, format_ in FORMATS.items() if format_.event is not None]


def sample(name: str) -> tuple[Incoming, dict[str, Any]]:
    loaded = json.loads((SAMPLES / f"{name}.json").read_text())
    request = loaded["request"]
    request["fields"] = [tuple(field) for field in request["fields"]]
    request["body"] = request["body"].encode()
    return Incoming(**request), loaded["events"]


BARE = sample("nothing")[0]


def body_of(body: bytes, fields: list[tuple[str, str]] | None = None, binary: Binary = "auto") -> tuple[str, bool]:
    incoming = dataclasses.replace(BARE, body=body, fields=fields or [])
    event = json.loads(FORMATS["2.0"].encode(incoming, binary))
    return event["body"], event["isBase64Encoded"]


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("which", ["everything", "nothing"])
def test_an_event_is_the_one_that_aws_documents(name: str, which: str) -> None:
    incoming, events = sample(which)
    told = events[name]["requestContext"].get("authorizer")
    incoming = dataclasses.replace(incoming, authorizer=told)
    assert json.loads(FORMATS[name].encode(incoming, "auto")) == events[name]


@pytest.mark.parametrize(
    ("content_type", "is_text"),
    [
        ("text/plain", True),
        ("TEXT/HTML; charset=utf-8", True),
        ("application/json", True),
        ("application/problem+json", True),
        ("image/svg+xml", True),
        ("application/javascript", True),
        ("application/x-www-form-urlencoded", True),
        ("", True),
        ("application/octet-stream", False),
        ("image/png", False),
        ("multipart/form-data; boundary=x", False),
    ],
)
def test_a_body_is_text_by_its_type(content_type: str, is_text: bool) -> None:
    fields = [("content-type", content_type)] if content_type else []
    assert body_of(b"abc", fields) == (("abc", False) if is_text else ("YWJj", True))


def test_text_in_another_charset_and_encoded_text_are_base64() -> None:
    assert body_of(b"\xfc", [("content-type", "text/plain")]) == ("/A==", True)
    assert body_of(b"abc", [("content-type", "text/plain"), ("content-encoding", "gzip")]) == ("YWJj", True)


def test_what_is_base64_can_be_said_for_all() -> None:
    assert body_of(b"abc", binary="always") == ("YWJj", True)
    assert body_of(b"abc", [("content-type", "image/png")], binary="never") == ("abc", False)
    with pytest.raises(NotTextError, match="at byte 1"):
        body_of(b"a\xff", binary="never")


@given(st.binary(min_size=1), st.sampled_from(["text/plain", "image/png", ""]))
def test_no_byte_of_a_body_is_lost(body: bytes, content_type: str) -> None:
    text, is_base64 = body_of(body, [("content-type", content_type)])
    assert (base64.b64decode(text) if is_base64 else text.encode()) == body


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n")), st.sampled_from(EVENTS))
def test_every_value_that_http_carries_can_be_written(value: str, name: str) -> None:
    incoming = dataclasses.replace(BARE, fields=[("x-odd", value)], query="a=%FF&%zz")
    event = json.loads(FORMATS[name].encode(incoming, "auto"))
    assert "x-odd" in (event.get("headers") or event.get("multiValueHeaders"))


def test_a_raw_body_is_the_event_byte_for_byte() -> None:
    body = b'{ "a" : 1.0 }'
    assert FORMATS["raw"].encode(dataclasses.replace(BARE, body=body), "auto") == body
    assert FORMATS["raw"].encode(BARE, "auto") == b"{}"
    with pytest.raises(NotJSONError):
        FORMATS["raw"].encode(dataclasses.replace(BARE, body=b"a=1"), "auto")


@pytest.mark.parametrize(
    ("route", "resource"),
    [("/", "/"), ("/a/:id", "/a/{id}"), ("/a/*", "/a/{proxy+}"), ("/a/:b/c*", "/a/{b}/c{proxy+}")],
)
def test_a_route_is_written_as_api_gateway_does(route: str, resource: str) -> None:
    assert dataclasses.replace(BARE, route=route).resource == resource


@pytest.mark.parametrize(
    ("host", "domain", "prefix"),
    [("a.b.test:81", "a.b.test", "a"), ("[::1]:81", "[::1]", "[::1]"), ("localhost", "localhost", "localhost")],
)
def test_a_domain_is_the_host_without_its_port(host: str, domain: str, prefix: str) -> None:
    incoming = dataclasses.replace(BARE, host=host)
    assert (incoming.domain, incoming.prefix) == (domain, prefix)
