"""`cors`: which pages of other origins may read answers (Fetch standard, section 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Exchange, Finding, Headers, Plugin, Request, Response, Services, hookimpl, is_preflight

from .origins import ANY, WHATEVER, Origins, is_origin, listed

_METHODS = "GET,POST,PUT,DELETE,PATCH,HEAD,OPTIONS,CONNECT,TRACE"
_TEXT = {"type": "string", "regex": r"[!-~]([ -~]*[!-~])?"}
_PATTERNS = {"type": "list", "minlength": 1, "schema": {"type": "string", "minlength": 1, "maxlength": 4096}}


@dataclass(kw_only=True)
class Cors(Plugin):
    """Answers preflights, and tells browsers which pages may read an answer, on error answers too.

    What an upstream says itself is replaced: there is one place that decides.
    """

    name: ClassVar[str] = "cors"
    priority: ClassVar[int] = 4000
    schema: ClassVar = {
        "allow_origins": {
            **_TEXT,
            "default": ANY,
            "about": "The origins whose pages may read, with commas between; `*` is any, `**` any by its name.",
        },
        "allow_origins_by_regex": {**_PATTERNS, "about": "Patterns that match whole origins."},
        "allow_origins_by_metadata": {
            "type": "list",
            "minlength": 1,
            "schema": {"type": "string", "empty": False},
            "about": "Names of lists of origins in the plugin's metadata.",
        },
        "allow_methods": {
            **_TEXT,
            "default": ANY,
            "about": "The methods that pages may use, with commas between; `**` is all that there are.",
        },
        "allow_headers": {
            **_TEXT,
            "default": ANY,
            "about": "The headers that pages may send, with commas between; `**` is all that are asked for.",
        },
        "expose_headers": {**_TEXT, "about": "The headers of an answer that pages may read, with commas between."},
        "max_age": {
            "type": "integer",
            "min": -1,
            "default": 5,
            "about": "Seconds that browsers keep a preflight's answer; -1 is not at all.",
        },
        "allow_credential": {
            "type": "boolean",
            "default": False,
            "about": "Let pages send cookies and credentials; nothing may be `*` then.",
        },
        "timing_allow_origins": {**_TEXT, "about": "The origins whose pages may read timings, with commas between."},
        "timing_allow_origins_by_regex": {
            **_PATTERNS,
            "about": "Patterns that match whole origins whose pages may read timings.",
        },
    }
    metadata_schema: ClassVar = {
        "allow_origins": {
            "type": "dict",
            "valuesrules": _TEXT,
            "default": {},
            "about": "Lists of origins by name, each a text with commas between.",
        }
    }

    allow_origins: str
    allow_origins_by_regex: tuple[str, ...] = ()
    allow_origins_by_metadata: tuple[str, ...] = ()
    allow_methods: str
    allow_headers: str
    expose_headers: str | None = None
    max_age: int
    allow_credential: bool
    timing_allow_origins: str | None = None
    timing_allow_origins_by_regex: tuple[str, ...] = ()

    def check(self) -> Iterable[Finding]:
        """Refuse origins and patterns that are none, and `*` where credentials are allowed, which no browser takes."""
        yield from _wrong_origins("allow_origins", self.allow_origins)
        yield from _wrong_origins("timing_allow_origins", self.timing_allow_origins or "")
        yield from _wrong_patterns("allow_origins_by_regex", self.allow_origins_by_regex)
        yield from _wrong_patterns("timing_allow_origins_by_regex", self.timing_allow_origins_by_regex)
        if not self.allow_credential:
            return
        for key in ("allow_origins", "allow_methods", "allow_headers", "expose_headers"):
            if getattr(self, key) == ANY and not (key == "allow_origins" and self._lists_more()):
                yield Finding(key, "can't be * where allow_credential is true: list what is allowed")
        if self.allow_origins == WHATEVER:
            message = "is ** with allow_credential: pages of any origin can read what their visitors may read"
            yield Finding("allow_origins", message, "warning")

    async def open(self, services: Services) -> None:
        """Decide whatever does not depend on requests."""
        self._metadata = services.metadata
        names = "" if self.allow_origins == ANY and self._lists_more() else self.allow_origins
        self._origins = Origins.of(names, self.allow_origins_by_regex)
        timing = self.timing_allow_origins is not None or self.timing_allow_origins_by_regex
        self._timing = (
            Origins.of(self.timing_allow_origins or "", self.timing_allow_origins_by_regex) if timing else None
        )

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Answer a preflight, before anybody asks for a credential: browsers send none with it."""
        return Response(200) if is_preflight(exchange.original) else None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Write what the page's browser has to know."""
        request, headers = exchange.original, response.headers
        headers.raw = [field for field in headers.raw if not field[0].startswith(b"access-control-")]
        origins = self._allowed_origins()
        if not origins.answer_alike:
            _vary(headers, "Origin")
        allowed = origins.allowed(_origin(request))
        if allowed is not None:
            headers["access-control-allow-origin"] = allowed
            self._write(headers, request)
        self._write_timing(headers, request)
        return None

    def _lists_more(self) -> bool:
        return bool(self.allow_origins_by_regex or self.allow_origins_by_metadata)

    def _allowed_origins(self) -> Origins:
        if not self.allow_origins_by_metadata:
            return self._origins
        told: dict[str, Any] = dict((self._metadata(self.name) or {}).get("allow_origins", {}))
        names = {name for key in self.allow_origins_by_metadata for name in listed(told.get(key, ""))}
        if self.allow_credential:
            names.discard(ANY)
        return Origins(self._origins.names | names, self._origins.patterns)

    def _write(self, headers: Headers, request: Request) -> None:
        if self.allow_credential:
            headers["access-control-allow-credentials"] = "true"
        if self.expose_headers is not None:
            headers["access-control-expose-headers"] = self.expose_headers
        if not is_preflight(request):
            return
        headers["access-control-allow-methods"] = _METHODS if self.allow_methods == WHATEVER else self.allow_methods
        headers["access-control-max-age"] = str(self.max_age)
        if self.allow_headers != WHATEVER:
            headers["access-control-allow-headers"] = self.allow_headers
            return
        _vary(headers, "Access-Control-Request-Headers")
        asked = request.headers.get("access-control-request-headers")
        if asked:
            headers["access-control-allow-headers"] = asked

    def _write_timing(self, headers: Headers, request: Request) -> None:
        if self._timing is not None:
            headers.remove("timing-allow-origin")
            allowed = self._timing.allowed(_origin(request))
            if allowed is not None:
                headers["timing-allow-origin"] = allowed
            if not self._timing.answer_alike:
                _vary(headers, "Origin")


def _origin(request: Request) -> str | None:
    told = request.headers.get_all("origin")
    return told[0] if len(told) == 1 else None


def _vary(headers: Headers, name: str) -> None:
    """Tell caches that an answer depends on a header, unless they know."""
    known = [item.strip().lower() for value in headers.get_all("vary") for item in value.split(",")]
    if name.lower() not in known and "*" not in known:
        headers.add("vary", name)


def _wrong_origins(key: str, text: str) -> Iterator[Finding]:
    names = listed(text)
    for name in names:
        if name in (ANY, WHATEVER):
            if len(names) > 1:
                yield Finding(key, f"has {name} beside others: leave the others out")
        elif not is_origin(name):
            yield Finding(key, f"must hold origins such as https://example.com:8443 (got {name!r})")


def _wrong_patterns(key: str, patterns: Iterable[str]) -> Iterator[Finding]:
    for index, pattern in enumerate(patterns):
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            yield Finding(f"{key}[{index}]", f"is no regular expression: {error}")
