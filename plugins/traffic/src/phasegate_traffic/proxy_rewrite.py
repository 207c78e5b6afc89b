"""`proxy-rewrite`: another path, method, host and other fields for the upstream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import BadRequest, Exchange, Finding, Plugin, Response, Services, hookimpl

from . import header_changes, pattern, template
from .header_changes import TOLD, HeaderChanges
from .pattern import Substitution
from .template import Template

_METHODS = ("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "TRACE")
_OF_WEBDAV = ("MKCOL", "COPY", "MOVE", "PROPFIND", "LOCK", "UNLOCK")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2[eE]){1,2}(?:/|$)")


@dataclass(kw_only=True)
class ProxyRewrite(Plugin):
    """Changes what the upstream gets. What was matched and authorised, conditions and the log see what was received.

    The new path is brought into the one form that all paths have. Nothing that a client sent can lead out of the path that
    stands in the configuration: values are escaped, and dot segments are refused.
    """

    name: ClassVar[str] = "proxy-rewrite"
    priority: ClassVar[int] = 1008
    schema: ClassVar = {
        "uri": {
            "type": "string",
            "regex": "/.*",
            "maxlength": 4096,
            "about": "The new path, with variables; a query in it comes before the client's.",
        },
        "method": {"type": "string", "allowed": [*_METHODS, *_OF_WEBDAV], "about": "The new method."},
        "regex_uri": {
            "type": "list",
            "minlength": 2,
            "schema": {"type": "string"},
            "about": "Pairs of a pattern and what takes the place of its first find in the path.",
        },
        "host": {
            "type": "string",
            "regex": "[0-9a-zA-Z.-]+(:[0-9]{1,5})?",
            "about": "The new Host, where the upstream's `pass_host` is pass.",
        },
        "headers": header_changes.RULES,
        "use_real_request_uri_unsafe": {
            "type": "boolean",
            "default": False,
            "about": "Only false is taken: a path must not be authorised in one spelling and sent in another.",
        },
    }

    uri: str | None = None
    method: str | None = None
    regex_uri: tuple[str, ...] = ()
    host: str | None = None
    headers: Mapping[str, Any] | None = None
    use_real_request_uri_unsafe: bool

    def check(self) -> Iterable[Finding]:
        """Refuse what rewrites nothing, templates and patterns that are none, and fields that are the gateway's."""
        if not (self.uri or self.method or self.regex_uri or self.host or self.headers):
            yield Finding("", "rewrites nothing: give uri, regex_uri, method, host or headers")
        if self.use_real_request_uri_unsafe:
            message = "can't be: a path would be authorised in one spelling and sent in another; leave it out"
            yield Finding("use_real_request_uri_unsafe", message)
        if self.uri is not None:
            yield from template.wrong(self.uri, "uri")
            if _DOTS.search(self.uri.partition("?")[0]):
                yield Finding("uri", "has a dot segment: write the path that is meant")
        yield from self._wrong_patterns()
        yield from header_changes.wrong(self.headers, "headers", TOLD)

    async def open(self, services: Services) -> None:
        """Take templates and patterns apart."""
        self._uri = Template(self.uri) if self.uri is not None else None
        self._has_query = self._uri is not None and not self._uri.variables.isdisjoint({"args", "request_uri"})
        pairs = zip(self.regex_uri[::2], self.regex_uri[1::2], strict=True)
        self._substitutions = tuple(Substitution(*pair) for pair in pairs)
        self._changes = HeaderChanges.of(self.headers)

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Rewrite the request."""
        request = exchange.request
        target = self._target(exchange)
        if target is not None:
            path, mark, query = target.partition("?")
            if _DOTS.search(path):
                raise BadRequest(f"path {path!r} has a dot segment once it is rewritten")
            given = "" if self._has_query else request.query.raw
            request.retarget(f"{path}?{'&'.join(part for part in (query, given) if part)}" if mark or given else path)
        if self.method is not None:
            request.method = self.method
        if self.host is not None:
            request.headers["host"] = self.host
        self._changes.apply(request.headers, exchange)
        return None

    def _target(self, exchange: Exchange) -> str | None:
        """Return the new path, with a query where one is configured; None where it stays."""
        if self._uri is not None:
            return self._uri.fill_url(exchange)
        found = (substitution.first(exchange.request.path) for substitution in self._substitutions)
        return next((target for target in found if target is not None), None)

    def _wrong_patterns(self) -> Iterator[Finding]:
        if len(self.regex_uri) % 2:
            yield Finding("regex_uri", "must be pairs: a pattern and what takes its place")
            return
        for index in range(0, len(self.regex_uri), 2):
            try:
                Substitution(self.regex_uri[index], self.regex_uri[index + 1])
            except ValueError as error:
                yield Finding(f"regex_uri[{index}]", str(error))
            else:
                yield from pattern.doubts(self.regex_uri[index], f"regex_uri[{index}]")
