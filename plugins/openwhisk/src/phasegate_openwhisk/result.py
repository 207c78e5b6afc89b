"""What an action returned, made a response: status, headers and body where it names them, else JSON.

Source: "Web Actions" (OpenWhisk documentation), whose form of a result holds for actions behind a gateway, too.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import orjson

from phasegate import Headers, Response
from phasegate.faas import MalformedAnswer, answer_fields, answer_status, json_bytes

_PARTS = frozenset({"statusCode", "headers", "body"})
_JSON = "application/json"
_HTML = "text/html; charset=utf-8"
# Types of which a string may be the text itself, or base64 of it.
_TEXTUAL = ("json", "xml", "javascript", "x-www-form-urlencoded")


def response_of(result: object) -> Response:
    """Return the response that a result describes; a result that describes none is the JSON body of a 200.

    Raise MalformedAnswer for parts that HTTP can't carry.
    """
    if not isinstance(result, dict) or not _PARTS & result.keys():
        return Response(200, {"content-type": _JSON}, json_bytes(result))
    headers = Headers.from_raw(answer_fields(result.get("headers")))
    body, default_type = _body(result.get("body"), headers.get("content-type"))
    if body and "content-type" not in headers:
        headers["content-type"] = default_type
    return Response(answer_status(result.get("statusCode", 200)), headers, body)


def _body(body: Any, content_type: str | None) -> tuple[bytes, str]:
    """Return a body's bytes, and the type of one that says nothing of it."""
    if body is None:
        return b"", _JSON
    if not isinstance(body, str):
        return json_bytes(body), _JSON
    kind = (content_type or "text/html").partition(";")[0].strip().lower()
    if kind.startswith("text/"):
        return body.encode(), _HTML
    if kind.endswith(_TEXTUAL):
        return _text_or_base64(body), _JSON
    try:
        return base64.b64decode(body, validate=True), _HTML
    except (binascii.Error, ValueError) as error:
        raise MalformedAnswer(f"a body of type {kind} must be base64: {error}") from error


def _text_or_base64(text: str) -> bytes:
    """Return the bytes of a text that may be base64: it is where it is nothing else."""
    data = text.encode()
    try:
        orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            return data
    return data
