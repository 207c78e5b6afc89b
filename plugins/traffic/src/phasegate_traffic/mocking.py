"""`mocking`: answers in the upstream's place, by an example or by what a JSON Schema makes up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from phasegate import Exchange, Finding, Plugin, Response, Services, hookimpl

from . import header_changes, json_schema, template
from .header_changes import HeaderChanges
from .made_up import made_up, xml
from .template import Template, in_body

_TYPES = ("application/json", "application/xml", "text/plain", "text/html", "text/xml")


@dataclass(kw_only=True)
class Mocking(Plugin):
    """Answers once the caller is known, so that a mock needs the credentials that the real thing will."""

    name: ClassVar[str] = "mocking"
    priority: ClassVar[int] = 10900
    schema: ClassVar = {
        "delay": {"type": "number", "min": 0, "max": 600, "default": 0, "about": "Seconds to wait before the answer."},
        "response_status": {"type": "integer", "min": 200, "max": 599, "default": 200, "about": "The answer's status."},
        "content_type": {
            "type": "string",
            "format": "header-value",
            "default": "application/json;charset=utf8",
            "about": "The answer's type: JSON, XML, plain text or HTML.",
        },
        "response_example": {"type": "string", "about": "The answer's body, with variables."},
        "response_schema": {
            "type": "dict",
            "about": "The JSON Schema by which a body is made up where there is no example.",
        },
        "response_headers": header_changes.RULES,
        "with_mock_header": {"type": "boolean", "default": True, "about": "Mark the answer by X-Mock-By."},
    }

    delay: float
    response_status: int
    content_type: str
    response_example: str | None = None
    response_schema: Mapping[str, Any] | None = None
    response_headers: Mapping[str, Any] | None = None
    with_mock_header: bool

    def check(self) -> Iterable[Finding]:
        """Refuse a mock with nothing to answer, and texts, fields and schemas that are none."""
        if self.response_example is None and self.response_schema is None:
            yield Finding("response_example", "is required (or response_schema)")
        if self._type() not in _TYPES:
            yield Finding("content_type", f"must be one of {', '.join(_TYPES)}, with or without a charset")
        if self.response_example is not None:
            yield from template.wrong(self.response_example, "response_example")
        yield from json_schema.wrong(self.response_schema, "response_schema")
        yield from header_changes.wrong(self.response_headers, "response_headers", ())

    async def open(self, services: Services) -> None:
        """Take the example apart."""
        self._example = None if self.response_example is None else Template(self.response_example)
        self._fields = HeaderChanges.of(self.response_headers)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Answer the request, after a while if that is wanted."""
        if self.delay:
            await asyncio.sleep(self.delay)
        response = Response(self.response_status, {"content-type": self.content_type}, self._body(exchange))
        if self.with_mock_header:
            response.headers["x-mock-by"] = "Phasegate"
        self._fields.apply(response.headers, exchange)
        return response

    def _body(self, exchange: Exchange) -> bytes:
        if self._example is not None:
            return self._example.fill(exchange, in_body(self._type())).encode()
        value = made_up(self.response_schema or {})
        return xml(value).encode() if self._type().endswith("/xml") else orjson.dumps(value)

    def _type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()
