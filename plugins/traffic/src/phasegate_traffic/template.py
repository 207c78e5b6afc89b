"""Text with variables in it, `$name` or `${name}`, filled in for each request."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import quote

import orjson

from phasegate import Exchange, Finding, variable

Escape = Callable[[str], str]
"""What a value becomes where it stands."""

_PART = re.compile(r"\\(\$)|\$\{([A-Za-z0-9_]+)\}|\$([A-Za-z0-9_]+)")
_VISIBLE = "".join(map(chr, range(0x20, 0x7F)))
# What is a part of a URL as it stands: nobody has decoded it, or nothing in it needs an escape.
_IN_URLS = ("uri", "request_uri", "args", "host", "scheme")


def _request_uri(exchange: Exchange) -> str:
    """Return path and query in the form that everybody compares, where the target as sent may be a whole URL."""
    path, query = exchange.original.path, exchange.original.query.raw
    return f"{path}?{query}" if query else path


# What a request's variables do not tell, or tell as it was sent.
_OWN: dict[str, Callable[[Exchange], str | None]] = {
    "request_uri": _request_uri,
    "request_id": lambda exchange: exchange.request_id,
    "route_id": lambda exchange: exchange.route.id if exchange.route else None,
    "consumer_name": lambda exchange: exchange.consumer.username if exchange.consumer else None,
}


class Variable(NamedTuple):
    """A variable where it stands in a text."""

    name: str
    read: Callable[[Exchange], str | None]


class Template:
    """A text taken apart once; a dollar sign with a backslash before it is one. Raise ValueError for an unknown variable."""

    __slots__ = ("parts",)

    def __init__(self, text: str) -> None:
        self.parts: list[str | Variable] = []
        end = 0
        for match in _PART.finditer(text):
            self.parts.append(text[end : match.start()])
            self.parts.append("$" if match[1] else _variable(match[2] or match[3]))
            end = match.end()
        self.parts = [part for part in (*self.parts, text[end:]) if part]

    @property
    def variables(self) -> set[str]:
        """The names of the variables in it."""
        return {part.name for part in self.parts if isinstance(part, Variable)}

    def fill(self, exchange: Exchange, escape: Escape) -> str:
        """Return the text for a request, read as it was received; a variable without a value is empty."""
        return "".join(part if isinstance(part, str) else escape(part.read(exchange) or "") for part in self.parts)

    def fill_url(self, exchange: Exchange) -> str:
        """Return the text as a URL, in which no value can end a part or begin one; the query as a whole may stand anywhere."""
        filled = ""
        for part in self.parts:
            filled += part if isinstance(part, str) else _in_url(part, exchange, is_query="?" in filled)
        return filled


def wrong(text: str, path: str) -> list[Finding]:
    """Return what is wrong with a text that stands at a path of the configuration."""
    try:
        Template(text)
    except ValueError as error:
        return [Finding(path, f"{error}; write \\$ for a dollar sign")]
    return []


def in_header(value: str) -> str:
    """Return a value as a field can carry it: what is not printable ASCII as percent escapes of UTF-8."""
    return quote(value, safe=_VISIBLE)


def in_body(content_type: str) -> Escape:
    """Return how values stand in a body of that type, where none may be taken for markup."""
    if "html" in content_type or "xml" in content_type:
        return html.escape
    if "json" in content_type:
        return lambda value: orjson.dumps(value).decode()[1:-1]
    return str


def _in_url(part: Variable, exchange: Exchange, *, is_query: bool) -> str:
    value = part.read(exchange) or ""
    if is_query:
        return value if part.name == "args" else quote(value, safe="/:@")
    return value if part.name in _IN_URLS or part.name.startswith("uri_param_") else quote(value, safe="")


def _variable(name: str) -> Variable:
    own = _OWN.get(name)
    if own is not None:
        return Variable(name, own)
    read = variable(name)
    return Variable(name, lambda exchange: read(exchange.original, exchange.params))
