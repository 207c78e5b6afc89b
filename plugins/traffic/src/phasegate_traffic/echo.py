"""`echo`: fixed text in place of an answer's body, before it and after it; the smallest plugin that wraps a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Exchange, Finding, Plugin, Response, Services, hookimpl

from . import header_changes
from .altered import forget_body, has_body
from .header_changes import HeaderChanges


@dataclass(kw_only=True)
class Echo(Plugin):
    """For trying things out. What streams goes on streaming, between the text before it and the text after it."""

    name: ClassVar[str] = "echo"
    priority: ClassVar[int] = 412
    schema: ClassVar = {
        "before_body": {"type": "string", "about": "The text that comes before the body."},
        "body": {"type": "string", "about": "The text that comes in its place."},
        "after_body": {"type": "string", "about": "The text that comes after it."},
        "headers": header_changes.RULES,
    }

    before_body: str | None = None
    body: str | None = None
    after_body: str | None = None
    headers: Mapping[str, Any] | None = None

    def check(self) -> Iterable[Finding]:
        """Refuse what echoes nothing, and fields that are none."""
        if self.before_body is None and self.body is None and self.after_body is None:
            yield Finding("body", "is required (or before_body, or after_body)")
        yield from header_changes.wrong(self.headers, "headers", ())

    async def open(self, services: Services) -> None:
        """Encode the texts."""
        self._before, self._after = ((text or "").encode() for text in (self.before_body, self.after_body))
        self._body = None if self.body is None else self.body.encode()
        self._fields = HeaderChanges.of(self.headers)

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Change body and fields."""
        if response.status == 101:
            return None
        if has_body(exchange.original, response):
            self._change(response)
        forget_body(response.headers)
        self._fields.apply(response.headers, exchange)
        return None

    def _change(self, response: Response) -> None:
        if self._body is not None:
            response.body = self._body
        if isinstance(response.body, bytes):
            response.body = self._before + response.body + self._after
        else:
            response.body = self._around(response.stream())

    async def _around(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        yield self._before
        async for block in blocks:
            yield block
        yield self._after
