"""`fault-injection`: answers some requests with a failure, or lets them wait, to see what clients make of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Conditions, Exchange, Finding, Plugin, Response, Services, hookimpl

from . import header_changes, template
from .header_changes import HeaderChanges
from .template import Template, in_body

_TEXT = "text/plain; charset=utf-8"
_PERCENTAGE = {
    "type": "integer",
    "min": 0,
    "max": 100,
    "default": 100,
    "about": "How many of a hundred requests are hit.",
}
_VARS = {
    "type": "list",
    "minlength": 1,
    "maxlength": 20,
    "schema": {"type": "list", "minlength": 1},
    "about": "Conditions, or lists of them that hold together, of which one must.",
}


@dataclass(frozen=True, kw_only=True)
class Abort:
    """An answer in the upstream's place."""

    http_status: int
    body: str = ""
    headers: Mapping[str, Any] | None = None
    percentage: int
    vars: tuple[tuple[object, ...], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Delay:
    """A wait, in seconds."""

    duration: float
    percentage: int
    vars: tuple[tuple[object, ...], ...] = ()


@dataclass(kw_only=True)
class FaultInjection(Plugin):
    """Delays first, then aborts, each where one of its `vars` holds and, of those requests, for a share of them."""

    name: ClassVar[str] = "fault-injection"
    priority: ClassVar[int] = 11000
    schema: ClassVar = {
        "abort": {
            "type": "dict",
            "about": "An answer in the upstream's place.",
            "schema": {
                "http_status": {
                    "type": "integer",
                    "min": 200,
                    "max": 599,
                    "required": True,
                    "about": "The answer's status.",
                },
                "body": {"type": "string", "about": "The answer's body, with variables."},
                "headers": header_changes.RULES,
                "percentage": _PERCENTAGE,
                "vars": _VARS,
            },
        },
        "delay": {
            "type": "dict",
            "about": "A wait before the request goes on.",
            "schema": {
                "duration": {"type": "number", "min": 0, "max": 600, "required": True, "about": "Seconds to wait."},
                "percentage": _PERCENTAGE,
                "vars": _VARS,
            },
        },
    }

    abort: Abort | None = None
    delay: Delay | None = None

    def check(self) -> Iterable[Finding]:
        """Refuse what injects nothing, and conditions and texts that are none."""
        if self.abort is None and self.delay is None:
            yield Finding("abort", "is required (or delay)")
        if self.abort is not None:
            yield from template.wrong(self.abort.body, "abort.body")
            yield from header_changes.wrong(self.abort.headers, "abort.headers", ())
            yield from _wrong_vars(self.abort.vars, "abort.vars")
        if self.delay is not None:
            yield from _wrong_vars(self.delay.vars, "delay.vars")

    async def open(self, services: Services) -> None:
        """Compile conditions and texts."""
        self._chance = random.Random()  # noqa: S311 (nobody gains by guessing it)
        if self.abort is not None:
            self._abort_when = [Conditions(one) for one in self.abort.vars]
            self._body, self._fields = Template(self.abort.body), HeaderChanges.of(self.abort.headers)
        if self.delay is not None:
            self._delay_when = [Conditions(one) for one in self.delay.vars]

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Let the request wait, then answer it, where it is its turn."""
        delay, abort = self.delay, self.abort
        if delay is not None and self._hits(delay.percentage, self._delay_when, exchange):
            await asyncio.sleep(delay.duration)
        if abort is not None and self._hits(abort.percentage, self._abort_when, exchange):
            return self._answer(abort, exchange)
        return None

    def _hits(self, percentage: int, when: list[Conditions], exchange: Exchange) -> bool:
        if when and not any(one.hold(exchange) for one in when):
            return False
        return self._chance.random() * 100 < percentage

    def _answer(self, abort: Abort, exchange: Exchange) -> Response:
        response = Response(abort.http_status, {"content-type": _TEXT})
        self._fields.apply(response.headers, exchange)
        escape = in_body(response.headers.get("content-type") or _TEXT)
        response.body = self._body.fill(exchange, escape).encode()
        return response


def _wrong_vars(alternatives: tuple[tuple[object, ...], ...], path: str) -> Iterator[Finding]:
    for index, one in enumerate(alternatives):
        yield from Conditions.wrong(one, f"{path}[{index}]")
