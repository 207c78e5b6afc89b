"""`redirect`: answers with another place to go to, which no client can choose."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from phasegate import BadRequest, Exchange, Finding, Plugin, Request, Response, Services, hookimpl

from . import pattern
from .pattern import Substitution
from .template import Template

# A scheme and a host, as far as the first character that can't belong to them.
_ORIGIN = re.compile(r"(?:(?:\$scheme|\$\{scheme\}|[A-Za-z][A-Za-z0-9+.-]*):)?//[^/?#]*")
_IN_ORIGIN = re.compile(r"\\\$|\$\{?(?!(?:host|scheme)\b)(\w+)")
# These begin with a slash, which ends the host before them.
_PATHS = re.compile(r"\$(?:\{(?:request_)?uri\}|(?:request_)?uri\b)")
_PERMANENT, _PERMANENT_METHOD_KEPT = 301, 308


@dataclass(kw_only=True)
class Redirect(Plugin):
    """Redirects by `uri`, by `regex_uri`, or from http to https.

    The host of the new place stands in the configuration, or is the one that the request is for; all else that comes from a
    request is path or query there. A place without a host stays on this one, however many slashes a path begins with.
    """

    name: ClassVar[str] = "redirect"
    priority: ClassVar[int] = 900
    schema: ClassVar = {
        "http_to_https": {"type": "boolean", "default": False, "about": "Redirect requests over http to https."},
        "uri": {
            "type": "string",
            "minlength": 2,
            "regex": r"[!-\[\]-~][!-~]*",
            "about": "The new place, with variables.",
        },
        "regex_uri": {
            "type": "list",
            "minlength": 2,
            "maxlength": 2,
            "schema": {"type": "string"},
            "about": "A pattern and what takes the place of its first find in the path.",
        },
        "ret_code": {"type": "integer", "min": 200, "max": 599, "default": 302, "about": "The status of redirects."},
        "ret_port": {
            "type": "integer",
            "min": 1,
            "max": 65535,
            "default": 443,
            "about": "The port of https with `http_to_https`.",
        },
        "encode_uri": {"type": "boolean", "default": False, "about": "It changes nothing: values are always escaped."},
        "append_query_string": {"type": "boolean", "default": False, "about": "Let the client's query go along."},
    }

    http_to_https: bool
    uri: str | None = None
    regex_uri: tuple[str, ...] = ()
    ret_code: int
    ret_port: int
    encode_uri: bool
    append_query_string: bool

    def check(self) -> Iterable[Finding]:
        """Refuse all but one way to redirect, and places that a client could choose."""
        ways = [key for key in ("http_to_https", "uri", "regex_uri") if getattr(self, key)]
        if len(ways) != 1:
            yield Finding("", f"needs one of uri, regex_uri and http_to_https (got {' and '.join(ways) or 'none'})")
        if self.http_to_https and self.append_query_string:
            yield Finding("append_query_string", "has no meaning with http_to_https, which keeps the query: remove it")
        if self.uri is not None:
            yield from _wrong_uri(self.uri)
        if len(self.regex_uri) == 2:
            yield from _wrong_substitution(*self.regex_uri)

    async def open(self, services: Services) -> None:
        """Take the template or the pattern apart."""
        origin, path = _split(self.uri or "")
        self._base, self._template = Template(origin), Template(path)
        self._substitution = Substitution(*self.regex_uri) if self.regex_uri else None
        self._origin = _split(self._substitution.lead)[0] if self._substitution else ""

    @hookimpl
    async def rewrite(self, exchange: Exchange) -> Response | None:
        """Answer with the new place; None where the request stays."""
        code, place = self.ret_code, self._place(exchange)
        if self.http_to_https:
            is_safe = exchange.original.method in ("GET", "HEAD")
            code = _PERMANENT if is_safe else _PERMANENT_METHOD_KEPT
        if place is None:
            return None
        query = exchange.original.query.raw
        if self.append_query_string and query:
            place, mark, fragment = place.partition("#")
            place += f"{'&' if '?' in place else '?'}{query}{mark}{fragment}"
        return Response(code, {"location": place})

    def _place(self, exchange: Exchange) -> str | None:
        if self.http_to_https:
            return None if _scheme(exchange.original) == "https" else self._over_tls(exchange.original)
        if self._substitution is not None:
            found = self._substitution.first(exchange.original.path)
            return None if found is None else _place(self._origin if found.startswith(self._origin) else "", found)
        origin = self._base.fill_url(exchange)
        return _place(origin, f"{origin}{self._template.fill_url(exchange)}")

    def _over_tls(self, request: Request) -> str:
        if not request.host:
            raise BadRequest("a request without a host can't be redirected to https")
        port = "" if self.ret_port == 443 else f":{self.ret_port}"
        query = f"?{request.query.raw}" if request.query else ""
        return f"https://{request.host}{port}{request.path}{query}"


def _scheme(request: Request) -> str:
    """Return the scheme that the client used: a trusted proxy's word counts, nobody else's."""
    told = request.headers.get("x-forwarded-proto") if request.peer_trusted else None
    return (told or request.scheme).lower()


def _place(origin: str, place: str) -> str:
    """Return a place; without an origin it stays on this host.

    What begins with two slashes would be another one (RFC 3986 section 4.2), and to browsers a backslash is one, too.
    """
    return place if origin else "/" + place.lstrip("/\\")


def _split(text: str) -> tuple[str, str]:
    """Return the scheme and host that a text begins with, "" where it begins with none, and what follows them."""
    match = _ORIGIN.match(text)
    if match is None:
        return "", text
    path = _PATHS.search(match.group())
    end = match.end() if path is None else path.start()
    return text[:end], text[end:]


def _wrong_uri(uri: str) -> Iterator[Finding]:
    origin, path = _split(uri)
    try:
        Template(origin), Template(path)
    except ValueError as error:
        yield Finding("uri", f"{error}; write \\$ for a dollar sign")
        return
    chosen = _IN_ORIGIN.search(origin)
    if chosen is not None:
        yield Finding("uri", f"has {chosen.group()} in its host, so that a client could choose it: write the host out")
    if not origin and not (path.startswith("/") or _PATHS.match(path)):
        yield Finding("uri", "must begin with a host, a slash or $uri: a client could choose where else it leads")


def _wrong_substitution(regex: str, replacement: str) -> Iterator[Finding]:
    try:
        lead = Substitution(regex, replacement).lead
    except ValueError as error:
        yield Finding("regex_uri[0]", str(error))
        return
    if not (replacement.isascii() and replacement.isprintable()):
        yield Finding("regex_uri[1]", "must be printable ASCII: write other characters as %XX")
    yield from pattern.doubts(regex, "regex_uri[0]")
    origin, path = _split(lead)
    if origin and not path:
        message = "has a host that does not end before what a client can choose: write a slash behind it"
        yield Finding("regex_uri[1]", message)
    elif not origin and ":" in lead.partition("/")[0]:
        yield Finding("regex_uri[1]", "must begin with a host or a slash")
