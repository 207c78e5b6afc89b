"""What a function returned, made the response that its format says it is."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

import orjson

from phasegate import Headers, Response
from phasegate.faas import (
    MalformedAnswer,
    answer_field,
    answer_fields,
    answer_status,
    hold_to_limits,
    json_bytes,
    json_kind,
    json_object,
)

RawHeaders = list[tuple[bytes, bytes]]

_JSON_TYPE = (b"content-type", b"application/json")


def rest_answer(payload: bytes, *, strict: bool) -> Response:
    """Return the response of format 1.0: an object with `statusCode`. Raise MalformedAnswer for all else."""
    return _structured(_object(payload), strict=strict, default_type=_JSON_TYPE)


def load_balancer_answer(payload: bytes, *, strict: bool) -> Response:
    """Return the response to a load balancer, which adds no type of its own. Raise MalformedAnswer."""
    return _structured(_object(payload), strict=strict, default_type=None)


def http_api_answer(payload: bytes, *, strict: bool) -> Response:
    """Return the response of format 2.0: structured where there is a `statusCode`, else a 200 with the payload as JSON.

    A bare string is the body itself. `multiValueHeaders` are none of this format. Raise MalformedAnswer.
    """
    result = _parsed(payload)
    if isinstance(result, str):
        return _response(200, [_JSON_TYPE], _text(result))
    if not isinstance(result, dict) or "statusCode" not in result:
        return _response(200, [_JSON_TYPE], payload)
    single = {name: value for name, value in result.items() if name != "multiValueHeaders"}
    return _structured(single, strict=strict, default_type=_JSON_TYPE)


def raw_answer(payload: bytes, *, strict: bool) -> Response:  # noqa: ARG001 (JSON is JSON)
    """Return a 200 with the payload as it is, whatever it says. Raise MalformedAnswer where it is no JSON."""
    _parsed(payload)
    return _response(200, [_JSON_TYPE], payload)


def answer_head(document: Mapping[str, Any], *, strict: bool) -> tuple[int, RawHeaders]:
    """Return status and fields of a structured answer. Raise MalformedAnswer."""
    fields = _merged(document, strict=strict)
    fields += [answer_field("set-cookie", cookie) for cookie in _list(document.get("cookies"), "cookies")]
    hold_to_limits(fields)
    return answer_status(document.get("statusCode")), fields


def _structured(result: dict[str, Any], *, strict: bool, default_type: tuple[bytes, bytes] | None) -> Response:
    status, fields = answer_head(result, strict=strict)
    body = _body(result, strict=strict)
    if body and default_type is not None and not any(name == b"content-type" for name, _ in fields):
        fields.append(default_type)
    return _response(status, fields, body)


def _response(status: int, fields: RawHeaders, body: bytes) -> Response:
    return Response(status, Headers.from_raw(fields), body)


def _parsed(payload: bytes) -> Any:
    if not payload:
        return None
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        try:
            return orjson.loads(_without_half_characters(payload))
        except (ValueError, RecursionError):
            raise MalformedAnswer(f"it is no JSON: {error}") from error


def _without_half_characters(payload: bytes) -> bytes:
    """Return JSON with a question mark for each half of a surrogate pair: a string that JavaScript cut may end with one."""
    return json.dumps(json.loads(payload.decode()), ensure_ascii=False).encode("utf-8", "replace")


def _object(payload: bytes) -> dict[str, Any]:
    result = _parsed(payload)
    if not isinstance(result, dict):
        raise MalformedAnswer(f"it is {json_kind(result)}, not an object with a statusCode")
    return result


def _body(result: Mapping[str, Any], *, strict: bool) -> bytes:
    body, is_base64 = result.get("body"), result.get("isBase64Encoded")
    if not isinstance(is_base64, bool | None):
        raise MalformedAnswer(f"isBase64Encoded must be true or false, not {json_kind(is_base64)}")
    if body is None:
        return b""
    if not isinstance(body, str):
        if strict or is_base64:
            raise MalformedAnswer(f"body must be a string, not {json_kind(body)}")
        return json_bytes(body)
    if not is_base64:
        return _text(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedAnswer(f"body is not base64: {error}") from error


def _text(text: str) -> bytes:
    return text.encode()


def _merged(result: Mapping[str, Any], *, strict: bool) -> RawHeaders:
    """Return the fields of `headers` and `multiValueHeaders`; of a name in both, the latter's values alone."""
    groups = json_object(result.get("multiValueHeaders"), "multiValueHeaders")
    lists = {name: _list(values, f"header {name!r}") for name, values in groups.items()}
    many = answer_fields(lists)
    taken = {name for name, _ in many}
    single = answer_fields(result.get("headers"), lists=not strict)
    return [*(field for field in single if field[0] not in taken), *many]


def _list(values: object, what: str) -> list[Any]:
    """Return a list without its nulls, which say nothing."""
    if values is None:
        return []
    if not isinstance(values, list):
        raise MalformedAnswer(f"{what} must be a list, not {json_kind(values)}")
    return [value for value in values if value is not None]
