"""`request-validation`: lets requests through whose body and fields are as a JSON Schema says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from jsonschema.protocols import Validator

from phasegate import Exchange, Finding, Headers, Plugin, Response, Services, hookimpl

from . import strict_json
from .json_schema import Fault, by_lower_case, first_error, validator, wrong

# What takes longer than a millisecond or so to judge is judged beside the event loop.
_INLINE_BYTES = 4096
_MOST_FIELDS = 1000
_SHOWN = 200
_FORM = "application/x-www-form-urlencoded"


@dataclass(kw_only=True)
class RequestValidation(Plugin):
    """Judges what the upstream would get, once it is known who asks, and answers what is not as it should be.

    The body goes on byte for byte. It is refused where two readers could take it for different values, so that none gets
    through that was judged as one and is read as another.
    """

    name: ClassVar[str] = "request-validation"
    priority: ClassVar[int] = 2800
    schema: ClassVar = {
        "header_schema": {"type": "dict", "about": "The JSON Schema of the fields, an object of text by name."},
        "body_schema": {"type": "dict", "about": "The JSON Schema of the body."},
        "rejected_code": {
            "type": "integer",
            "min": 200,
            "max": 599,
            "default": 400,
            "about": "The status of a refusal.",
        },
        "rejected_msg": {
            "type": "string",
            "minlength": 1,
            "maxlength": 256,
            "about": "What a refusal says in place of the reason.",
        },
        "max_req_body": {
            "type": "integer",
            "min": 1,
            "default": 262_144,
            "about": "Bytes of a body that is judged; over it the answer is 413.",
        },
    }

    header_schema: Mapping[str, Any] | None = None
    body_schema: Mapping[str, Any] | None = None
    rejected_code: int
    rejected_msg: str | None = None
    max_req_body: int

    def check(self) -> Iterable[Finding]:
        """Refuse schemas that are none, or refer to something that is not in them."""
        if self.header_schema is None and self.body_schema is None:
            yield Finding("body_schema", "is required (or header_schema)")
        for key in ("header_schema", "body_schema"):
            yield from wrong(getattr(self, key), key)

    async def open(self, services: Services) -> None:
        """Compile the schemas."""
        self.logger = services.logger
        self._body = None if self.body_schema is None else validator(self.body_schema)
        self._headers = None if self.header_schema is None else validator(by_lower_case(self.header_schema))

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through, or answer what is wrong with it."""
        fault = None
        if self._headers is not None:
            fault = first_error(self._headers, _object_of(exchange.request.headers))
        if fault is None and self._body is not None:
            fault = await self._wrong_body(self._body, exchange)
        return None if fault is None else self._rejected(fault, exchange)

    async def _wrong_body(self, judge: Validator, exchange: Exchange) -> Fault | None:
        body = await exchange.request.body.read(self.max_req_body)
        content_types = exchange.request.headers.get_all("content-type")
        if len(content_types) > 1:
            return _unread("the request has more than one Content-Type")
        content_type = content_types[0] if content_types else ""
        is_form = content_type.partition(";")[0].strip().lower() == _FORM
        if len(body) > _INLINE_BYTES:
            return await asyncio.to_thread(_judged, judge, body, is_form=is_form)
        return _judged(judge, body, is_form=is_form)

    def _rejected(self, fault: Fault, exchange: Exchange) -> Response:
        fields = {"plugin": self.name, "reason": fault.rule, "request_id": exchange.request_id}
        self.logger.info("request refused", extra=fields)
        return Response.json({"message": self.rejected_msg or fault.text}, self.rejected_code)


def _judged(judge: Validator, body: bytes, *, is_form: bool) -> Fault | None:
    """Return what is wrong with a body, None where it is as it should be."""
    try:
        value = _form(body) if is_form else strict_json.loads(body)
    except ValueError as error:
        return _unread(f"the body is no {'form' if is_form else 'JSON'}: {error}"[:_SHOWN])
    return first_error(judge, value)


def _unread(reason: str) -> Fault:
    return Fault(reason, reason)


def _form(body: bytes) -> dict[str, Any]:
    """Return a form's fields as text, those that stand there several times as lists."""
    found: dict[str, Any] = {}
    pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    for name, value in pairs:
        if name in found:
            kept = found[name]
            found[name] = [*kept, value] if isinstance(kept, list) else [kept, value]
        else:
            found[name] = value
    return found


def _object_of(headers: Headers) -> dict[str, str]:
    """Return fields by their lower-case names, those of one name joined (RFC 9110 section 5.2)."""
    found: dict[str, str] = {}
    for name, value in headers:
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
