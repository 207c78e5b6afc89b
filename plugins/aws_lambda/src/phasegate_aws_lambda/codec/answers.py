"""What a function returned, made the response that its format says it is."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from phasegate import Headers, Response

RawHeaders = list[tuple[bytes, bytes]]

# RFC 9110 section 5.6.2 (token) and 5.5 (no control characters in values).
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(r"[2-5][0-9]{2}")
_JSON_TYPE = (b"content-type", b"application/json")

# A connection's own, and the length, which whoever sends the response counts himself.
_FRAMING = frozenset(
    {
        *(
            "connection",
            "content-length",
            "keep-alive",
            "proxy-authenticate",
            "proxy-authorization",
            "proxy-connection",
        ),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)

# What an answer's head over HTTP may have, too: a client gives the whole HTTP/2 connection up over a longer one.
_FIELD_LIMIT_BYTES, _HEAD_LIMIT_BYTES = 32_768, 65_536


class MalformedAnswer(ValueError):
    """What a function returned is not of its format; the message says which part."""


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
    fields += [_field("set-cookie", cookie) for cookie in _list(document.get("cookies"), "cookies")]
    _check_sizes(fields)
    return _status(document.get("statusCode")), fields


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
        raise MalformedAnswer(f"it is {_kind(result)}, not an object with a statusCode")
    return result


def _status(code: object) -> int:
    if isinstance(code, bool) or not isinstance(code, int | str) or not _STATUS.fullmatch(str(code)):
        raise MalformedAnswer(f"statusCode must be a number from 200 to 599 (got {code!r:.40})")
    return int(code)


def _body(result: Mapping[str, Any], *, strict: bool) -> bytes:
    body, is_base64 = result.get("body"), result.get("isBase64Encoded")
    if not isinstance(is_base64, bool | None):
        raise MalformedAnswer(f"isBase64Encoded must be true or false, not {_kind(is_base64)}")
    if body is None:
        return b""
    if not isinstance(body, str):
        if strict or is_base64:
            raise MalformedAnswer(f"body must be a string, not {_kind(body)}")
        return _json(body)
    if not is_base64:
        return _text(body)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedAnswer(f"body is not base64: {error}") from error


def _text(text: str) -> bytes:
    return text.encode()


def _json(body: object) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        raise MalformedAnswer(f"body can't be written as JSON: {error}") from error


def _merged(result: Mapping[str, Any], *, strict: bool) -> RawHeaders:
    """Return the fields of `headers` and `multiValueHeaders`; of a name in both, the latter's values alone."""
    groups = _map(result.get("multiValueHeaders"), "multiValueHeaders")
    many = [_field(name, value) for name, values in groups.items() for value in _list(values, f"header {name!r}")]
    taken = {name for name, _ in many}
    single = _single(_map(result.get("headers"), "headers"), strict=strict)
    return [field for field in (*(field for field in single if field[0] not in taken), *many) if _passes(field)]


def _single(headers: Mapping[str, Any], *, strict: bool) -> Iterator[tuple[bytes, bytes]]:
    for name, value in headers.items():
        if value is None:
            continue
        if isinstance(value, list) and not strict:
            yield from (_field(name, item) for item in _list(value, f"header {name!r}"))
        else:
            yield _field(name, value)


def _check_sizes(fields: RawHeaders) -> None:
    sizes = [len(name) + len(value) for name, value in fields]
    if max(sizes, default=0) > _FIELD_LIMIT_BYTES or sum(sizes) > _HEAD_LIMIT_BYTES:
        raise MalformedAnswer(f"a header is over {_FIELD_LIMIT_BYTES} bytes, or all are over {_HEAD_LIMIT_BYTES}")


def _passes(field: tuple[bytes, bytes]) -> bool:
    return field[0].decode("latin-1") not in _FRAMING


def _field(name: str, value: object) -> tuple[bytes, bytes]:
    """Return a field, its value as UTF-8. Raise MalformedAnswer when HTTP can't carry it."""
    if not isinstance(value, str | int | float):
        raise MalformedAnswer(f"the value of header {name!r:.40} must be text, not {_kind(value)}")
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if not _TOKEN.fullmatch(name) or _UNSAFE_VALUE.search(text):
        raise MalformedAnswer(f"header {name!r:.40} holds a character that HTTP does not allow there")
    return name.lower().encode("ascii"), text.strip(" \t").encode()


def _map(value: object, what: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise MalformedAnswer(f"{what} must be an object, not {_kind(value)}")
    return value


def _list(values: object, what: str) -> list[Any]:
    """Return a list without its nulls, which say nothing."""
    if values is None:
        return []
    if not isinstance(values, list):
        raise MalformedAnswer(f"{what} must be a list, not {_kind(values)}")
    return [value for value in values if value is not None]


def _kind(value: object) -> str:
    """Return what JSON calls a value."""
    kinds = ((bool, "a boolean"), (int | float, "a number"), (str, "a string"), (list, "a list"), (dict, "an object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")
