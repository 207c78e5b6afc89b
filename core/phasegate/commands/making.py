"""Requests, exchanges and plugins out of what somebody typed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from .. import request_ids
from ..errors import BadRequest, CommandError, ConfigError
from ..exchange import Exchange
from ..http.body import Body
from ..http.message import Request
from ..plugin import Plugin
from ..registry import Registry
from ..schema.plugins import PluginSchemas
from ..server.incoming import head_of, request_of

P = TypeVar("P", bound=Plugin)
_LOCAL = "127.0.0.1"


def request_from(method: str, target: str, headers: Iterable[tuple[bytes, bytes]] = (), body: bytes = b"") -> Request:
    """Return a request as the listener would take it in. `headers` have lower-case names.

    Raise CommandError for what the listener would refuse.
    """
    fields = [*headers]
    if all(name != b"host" for name, _ in fields):
        fields.insert(0, (b"host", b"localhost"))
    if body and all(name != b"content-length" for name, _ in fields):
        fields.append((b"content-length", b"%d" % len(body)))
    try:
        head = head_of(method, target.encode("ascii"), fields)
    except (BadRequest, UnicodeEncodeError) as error:
        raise CommandError(f"the request can't be sent: {error}") from error
    return request_of(head, body=Body(body), scheme="http", http_version="1.1", peer=_LOCAL, server_port=None)


def exchange_of(request: Request) -> Exchange:
    """Return an exchange at its beginning, on no route."""
    identity = request.headers.get("x-request-id") or request_ids.new()
    request.headers["x-request-id"] = identity
    return Exchange(request, identity, time.monotonic())


def configured(cls: type[P], config: Mapping[str, Any]) -> P:
    """Return a plugin with a configuration, judged by its schema and its own `check`. Raise ConfigError."""
    schemas = PluginSchemas(Registry([cls]))
    value, findings = schemas.validate(cls.name, dict(config), "")
    errors = findings or [finding for finding in schemas.check(cls.name, value) if finding.level == "error"]
    if errors:
        raise ConfigError(errors)
    return schemas.instance(cls.name, value)  # type: ignore[return-value]
