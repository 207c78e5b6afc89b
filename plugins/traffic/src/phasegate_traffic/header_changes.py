"""Header fields that a configuration adds, sets and removes, with variables in their values."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from phasegate import Exchange, Finding, Headers

from . import template
from .template import Template, in_header

RULES: dict[str, Any] = {
    "type": "dict",
    "minlength": 1,
    "about": "Fields to add, to set and to remove; an object of plain fields sets them.",
}
"""The rules of a `headers` object, of which `wrong` knows the rest."""

_OPERATIONS = ("add", "set", "remove")
# They speak of one connection, or frame a message (RFC 9110 section 7.6.1): whoever sends it writes them.
OF_CONNECTIONS = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
        "content-length",
    }
)

# Who the caller is and where a request comes from, the gateway tells upstreams itself.
TOLD = frozenset(
    {
        *(
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-port",
            "forwarded",
            "x-real-ip",
            "via",
        ),
        *(
            "x-consumer-username",
            "x-consumer-id",
            "x-consumer-custom-id",
            "x-consumer-groups",
            "x-credential-identifier",
        ),
        *("x-anonymous-consumer", "x-phasegate-explain", "host", "expect"),
    }
)


@dataclass(frozen=True, slots=True)
class HeaderChanges:
    """What becomes of a message's fields: first some are added, then some set, then some removed."""

    added: tuple[tuple[str, Template], ...] = ()
    put: tuple[tuple[str, Template], ...] = ()
    removed: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> HeaderChanges:
        """Return the changes of a `headers` object that nothing is wrong with."""
        operations = _operations(config or {})
        added, put = (
            tuple((name, Template(str(value))) for name, value in _fields(operations.get(key, {})))
            for key in ("add", "set")
        )
        return cls(added, put, tuple(operations.get("remove", ())))

    def apply(self, headers: Headers, exchange: Exchange) -> None:
        """Change the fields of a message."""
        for name, text in self.added:
            headers.add(name, text.fill(exchange, in_header))
        for name, text in self.put:
            headers[name] = text.fill(exchange, in_header)
        if self.removed:
            headers.remove(*self.removed)


def wrong(config: Mapping[str, Any] | None, path: str, managed: Collection[str]) -> Iterator[Finding]:
    """Yield what is wrong with a `headers` object; `managed` are names that the gateway alone writes."""
    operations = _operations(config or {})
    for key in operations.keys() - _OPERATIONS:
        yield Finding(f"{path}.{key}", f"has no place beside {', '.join(_OPERATIONS)}: give the field under set")
    for key in ("add", "set"):
        for name, value in _fields(operations.get(key, {})):
            yield from _wrong_field(name, value, f"{path}.{key}.{name}", managed)
    removed = operations.get("remove", ())
    for name in removed if isinstance(removed, (list, tuple)) else (None,):
        yield from _wrong_field(name, "", f"{path}.remove", managed)


def _operations(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return fields by operation; an object of plain fields sets them."""
    if any(isinstance(config.get(key), (Mapping, list, tuple)) for key in _OPERATIONS):
        return config
    return {"set": config} if config else {}


def _fields(given: object) -> Iterator[tuple[Any, Any]]:
    """Yield names and values, of an object or of a list of `Name: value`."""
    if isinstance(given, Mapping):
        yield from given.items()
        return
    for line in given if isinstance(given, (list, tuple)) else (given,):
        name, colon, value = str(line).partition(":")
        yield name.strip(), value.strip() if colon else None


def _wrong_field(name: object, value: object, path: str, managed: Collection[str]) -> Iterator[Finding]:
    if not isinstance(name, str):
        yield Finding(path, "must be a list of names")
    elif name.lower() in managed or name.lower() in OF_CONNECTIONS:
        yield Finding(path, "is a field that the gateway writes itself: remove it")
    elif isinstance(value, bool) or not isinstance(value, (str, int, float)):
        yield Finding(path, "must be a string or a number, or a line `Name: value`")
    else:
        try:
            Headers().add(name, str(value))
        except ValueError as error:
            yield Finding(path, str(error))
        yield from template.wrong(str(value), path)
