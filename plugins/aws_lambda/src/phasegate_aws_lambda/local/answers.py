"""Handler result to HTTP, for both payload formats."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Fields = list[tuple[str, str]]

# RFC 9110 section 5.6.2 (token) and 5.5 (no control characters in values); a lone surrogate has no bytes at all.
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_UNSAFE_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")

_STATUS = re.compile(r"[2-5][0-9]{2}")
_DEFAULT_TYPE = ("Content-Type", "application/json")
_STREAM_TYPE = ("Content-Type", "application/octet-stream")
_HEAD_KEYS = frozenset({"statusCode", "headers", "multiValueHeaders"})
_REST_KEYS = _HEAD_KEYS | {"body", "isBase64Encoded"}
_REST_STREAM_KEYS = _HEAD_KEYS | {"cookies"}

# Written anew by whoever sends the response.
_FRAMING = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding"})

# "The following headers may be remapped to x-amzn-Remapped-HEADER when [...] sent back by your integration endpoint":
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html. Of that list these are the
# ones that LocalStack's project saw renamed on AWS; transfer-encoding it saw dropped, the others passed.
_REMAPPED = frozenset(
    {
        *("authorization", "connection", "content-length", "content-md5", "date", "expect", "host", "max-forwards"),
        *("proxy-authenticate", "server", "trailer", "upgrade", "user-agent", "www-authenticate"),
    }
)


class MalformedError(ValueError):
    """What the handler returned is not of its format; the message says which part."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A body on its way. `close` must be called, whether or not anything was taken."""

    blocks: AsyncIterator[bytes]
    close: Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response. Names of header fields stay as the handler wrote them. With `parts` these are the body."""

    status: int
    fields: Fields = field(default_factory=list, repr=False)
    body: bytes = field(default=b"", repr=False)
    parts: Parts | None = field(default=None, repr=False)


def error_answer(status: int, message: str, error_type: str | None = None) -> Answer:
    """Return an error as AWS's front ends write it: the message as JSON, the type in a header."""
    fields = [_DEFAULT_TYPE]
    if error_type:
        fields.append(("x-amzn-ErrorType", error_type))
    return Answer(status, fields, json.dumps({"message": message}).encode())


def rest_answer(result: Any) -> Answer:
    """Return the response to a REST API's client. Raise MalformedError on all but the documented form.

    Strict as AWS is: an object, with a status code, and with none but the five known keys. See
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html.
    """
    known = _known(result, _REST_KEYS)
    return Answer(_status(known.get("statusCode")), _with_type(_rest_fields(known)), _body(known))


def rest_head(head: Any) -> Answer:
    """Return the response to a REST API's client, but for its body, of a stream's head. Raise MalformedError as above.

    Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/response-transfer-mode-lambda.html.
    """
    known = _known(head, _REST_STREAM_KEYS)
    fields = _with_type(_rest_fields(known), _STREAM_TYPE)
    return Answer(_status(known.get("statusCode", 200)), fields + _cookies(known))


def url_answer(result: Any) -> Answer:
    """Return the response to a function URL's client. Raise MalformedError when a structured result is not well formed.

    An object with `statusCode` says everything itself; anything else is the body of a 200. See
    https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html. That page shows a bare string in its quotes; AWS
    sends the text alone, as https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    says of the same format and LocalStack's tests saw of function URLs.
    """
    if isinstance(result, str):
        return Answer(200, [_DEFAULT_TYPE], _text(result))
    if not isinstance(result, dict) or "statusCode" not in result:
        return Answer(200, [_DEFAULT_TYPE], _json(result))
    fields = _with_type(_url_fields(result)) + _cookies(result)
    return Answer(_status(result["statusCode"]), fields, _body(result))


def url_head(head: Any) -> Answer:
    """Return the response to a function URL's client, but for its body, of a stream's head. Raise MalformedError."""
    if not isinstance(head, dict):
        raise MalformedError(f"the head of the stream is {_kind(head)}, not an object")
    fields = _with_type(_url_fields(head), _STREAM_TYPE) + _cookies(head)
    return Answer(_status(head.get("statusCode", 200)), fields)


def bare_answer(content_type: str, body: bytes = b"") -> Answer:
    """Return the response of a stream without a head, or of a result that is no stream: the body of a 200."""
    return Answer(200, [_checked("Content-Type", content_type)], body)


def _known(result: Any, keys: frozenset[str]) -> dict[str, Any]:
    """Return an object as it is. Raise MalformedError for what is none, or has more than these keys."""
    if not isinstance(result, dict):
        raise MalformedError(f"it is {_kind(result)}, not an object")
    unknown = sorted(result.keys() - keys)
    if unknown:
        raise MalformedError(f"a REST API knows no {unknown[0]!r}")
    return result


def _rest_fields(result: Mapping[str, Any]) -> Fields:
    return [(_renamed(name), value) for name, value in _merged(result) if name.lower() != "transfer-encoding"]


def _url_fields(result: Mapping[str, Any]) -> Fields:
    return [(name, value) for name, value in _single(result.get("headers")) if name.lower() not in _FRAMING]


def _cookies(result: Mapping[str, Any]) -> Fields:
    return [_checked("set-cookie", cookie) for cookie in _list(result.get("cookies"), "cookies")]


def _status(code: object) -> int:
    """Return a status code: a number, or digits. AWS takes no interim one from a function."""
    if isinstance(code, bool) or not isinstance(code, int | str) or not _STATUS.fullmatch(str(code)):
        raise MalformedError(f"statusCode must be a number from 200 to 599 (got {code!r})")
    return int(code)


def _body(result: Mapping[str, Any]) -> bytes:
    body, is_base64 = result.get("body"), result.get("isBase64Encoded")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedError(f"body must be a string, not {_kind(body)}: encode it with json.dumps")
    if not isinstance(is_base64, bool | None):
        raise MalformedError(f"isBase64Encoded must be true or false, not {_kind(is_base64)}")
    try:
        return base64.b64decode(body, validate=True) if is_base64 else _text(body)
    except binascii.Error as error:
        raise MalformedError(f"body is not base64: {error}") from error


def _text(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise MalformedError(f"the text can't be written as UTF-8: {error.reason}") from error


def _merged(result: Mapping[str, Any]) -> Fields:
    """Return the fields of `headers` and `multiValueHeaders`; of a name in both, the latter's values alone."""
    groups = result.get("multiValueHeaders") or {}
    if not isinstance(groups, dict):
        raise MalformedError(f"multiValueHeaders must be an object, not {_kind(groups)}")
    many = [_checked(name, value) for name, values in groups.items() for value in _list(values, f"header {name!r}")]
    taken = {name.lower() for name, _ in many}
    return [pair for pair in _single(result.get("headers")) if pair[0].lower() not in taken] + many


def _single(headers: object) -> Iterator[tuple[str, str]]:
    if headers is None:
        return
    if not isinstance(headers, dict):
        raise MalformedError(f"headers must be an object, not {_kind(headers)}")
    for name, value in headers.items():
        if value is not None:
            yield _checked(name, value)


def _checked(name: str, value: object) -> tuple[str, str]:
    """Return a field as text. Raise MalformedError when HTTP can't carry it."""
    if not isinstance(value, str | int | float):
        raise MalformedError(f"the value of header {name!r} must be text, not {_kind(value)}")
    text = value if isinstance(value, str) else json.dumps(value)
    if not _TOKEN.fullmatch(name) or _UNSAFE_VALUE.search(text):
        raise MalformedError(f"header {name!r} can't be sent: it holds a character that HTTP does not allow there")
    return name, text


def _list(values: object, what: str) -> list[Any]:
    if values is None:
        return []
    if not isinstance(values, list):
        raise MalformedError(f"{what} must be a list, not {_kind(values)}")
    return values


def _renamed(name: str) -> str:
    return f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name


def _with_type(fields: Fields, default: tuple[str, str] = _DEFAULT_TYPE) -> Fields:
    named = any(name.lower() == "content-type" for name, _ in fields)
    return fields if named else [default, *fields]


def _json(result: object) -> bytes:
    return _text(json.dumps(result, separators=(",", ":"), ensure_ascii=False))


def _kind(value: object) -> str:
    """Return what JSON calls a value."""
    kinds = ((bool, "a boolean"), (int | float, "a number"), (str, "a string"), (list, "a list"), (dict, "an object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "null")
