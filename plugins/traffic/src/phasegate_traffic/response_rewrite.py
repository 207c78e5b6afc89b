"""`response-rewrite`: another status, other fields, another body, or a body with something in it replaced."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Conditions, Exchange, Finding, Plugin, Response, Services, UpstreamError, hookimpl

from . import header_changes, pattern
from .altered import forget_body, has_body
from .header_changes import HeaderChanges
from .pattern import Substitution

_FILTERED_BYTES = 1_048_576
_GIVEN = ("status",)


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What is replaced in a body: the first find or every one."""

    regex: str
    replace: str
    scope: str
    options: str


@dataclass(kw_only=True)
class ResponseRewrite(Plugin):
    """Rewrites answers, the gateway's own among them, where all of `vars` hold; `status` there is the answer's.

    Filters have to see the whole body, so it is read before the head leaves, and one that can't be read as text, or is too
    long, is answered with 502: what a filter takes out must not get through.
    """

    name: ClassVar[str] = "response-rewrite"
    priority: ClassVar[int] = 899
    schema: ClassVar = {
        "status_code": {"type": "integer", "min": 200, "max": 598, "about": "The new status."},
        "body": {"type": "string", "about": "The new body."},
        "body_base64": {"type": "boolean", "default": False, "about": "Take `body` as base64."},
        "headers": header_changes.RULES,
        "vars": {
            "type": "list",
            "minlength": 1,
            "about": "Conditions that must hold; `status` in them is the answer's.",
        },
        "filters": {
            "type": "list",
            "minlength": 1,
            "about": "What is replaced in the body, one after the other.",
            "schema": {
                "type": "dict",
                "schema": {
                    "regex": {
                        "type": "string",
                        "required": True,
                        "empty": False,
                        "about": "The pattern that is looked for.",
                    },
                    "replace": {"type": "string", "required": True, "about": "What takes the place of what is found."},
                    "scope": {
                        "type": "string",
                        "allowed": ["once", "global"],
                        "default": "once",
                        "about": "Whether the first find is replaced, or every one.",
                    },
                    "options": {
                        "type": "string",
                        "default": "jo",
                        "about": "Letters that say how the pattern is read.",
                    },
                },
            },
        },
    }

    status_code: int | None = None
    body: str | None = None
    body_base64: bool
    headers: Mapping[str, Any] | None = None
    vars: tuple[object, ...] = ()
    filters: tuple[Filter, ...] = ()

    def check(self) -> Iterable[Finding]:
        """Refuse bodies, conditions, fields and patterns that are none."""
        if self.body is not None and self.filters:
            yield Finding("filters", "stands beside body, which leaves nothing to filter: remove one of them")
        if self.body_base64:
            try:
                self._new_body()
            except binascii.Error as error:
                yield Finding("body", f"is no base64: {error}")
        yield from Conditions.wrong(self.vars, "vars", _GIVEN)
        yield from header_changes.wrong(self.headers, "headers", ())
        yield from self._wrong_filters()

    async def open(self, services: Services) -> None:
        """Decide whatever does not depend on answers."""
        self._conditions = Conditions(self.vars, _GIVEN)
        self._changes = HeaderChanges.of(self.headers)
        self._body = None if self.body is None else self._new_body()
        self._filters = [
            (Substitution(one.regex, one.replace, one.options), one.scope == "once") for one in self.filters
        ]

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Ask for a body that can be read, where it is filtered."""
        if self._filters:
            exchange.request.headers.remove("accept-encoding")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Rewrite the answer."""
        if response.status == 101 or not self._conditions.hold(exchange, status=str(response.status)):
            return None
        if self._filters and has_body(exchange.original, response):
            response.body = self._filtered(await _text(response))
            forget_body(response.headers)
        if self.status_code is not None:
            response.status = self.status_code
        if self._body is not None:
            response.body = self._body if has_body(exchange.original, response) else b""
            forget_body(response.headers)
        self._changes.apply(response.headers, exchange)
        return None

    def _filtered(self, text: str) -> bytes:
        for substitution, once in self._filters:
            text = substitution.replaced(text, once=once)
        return text.encode("utf-8", "surrogateescape")

    def _new_body(self) -> bytes:
        body = self.body or ""
        return base64.b64decode(body, validate=True) if self.body_base64 else body.encode()

    def _wrong_filters(self) -> Iterator[Finding]:
        for index, one in enumerate(self.filters):
            path = f"filters[{index}].regex"
            try:
                Substitution(one.regex, one.replace, one.options)
            except ValueError as error:
                yield Finding(path, str(error))
            else:
                yield from pattern.doubts(one.regex, path)


async def _text(response: Response) -> str:
    """Return an answer's body as text, bytes that are no UTF-8 kept as they are. Raise UpstreamError where it is none."""
    coding = response.headers.get("content-encoding")
    if coding not in (None, "", "identity"):
        raise UpstreamError(f"an answer in the coding {coding!r} can't be filtered")
    whole = bytearray()
    async for block in response.stream():
        whole += block
        if len(whole) > _FILTERED_BYTES:
            raise UpstreamError(f"an answer of over {_FILTERED_BYTES} bytes can't be filtered")
    return whole.decode("utf-8", "surrogateescape")
