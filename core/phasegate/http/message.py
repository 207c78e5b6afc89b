"""The two messages that phases see: the request on its way in, the response on its way out."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import orjson

from .body import Body
from .client_rule import ClientRule
from .headers import Headers
from .passing import Passing
from .path import canonical_path
from .query import Query

# Everything printable that a target may hold behind its question mark; percent signs are escapes already.
_QUERY_SAFE = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) != "#")


class Request:
    """One request, as a client sent it and as rewrite phases leave it.

    `path` is always in the canonical form (see `canonical_path`), also after it is set. `client` is the address that
    the request is taken to come from; it differs from `peer`, the connection's other end, only behind a trusted proxy.
    `port` is the one that `Host` names, None where it names none, and `server_port` the one that the client connected to.
    `host` is for matching; what upstreams get is the header. `is_websocket` says whether the request is the handshake of a
    WebSocket. `client_rule` is what the connection's client has proven by a certificate, None for nothing.
    `passing` is what the connection remembers of its fields, for who sends them on; None for nothing.
    """

    __slots__ = (
        "_path",
        "body",
        "client",
        "client_rule",
        "headers",
        "host",
        "http_version",
        "is_websocket",
        "method",
        "passing",
        "peer",
        "peer_trusted",
        "port",
        "query",
        "raw_target",
        "scheme",
        "server_port",
    )

    def __init__(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        headers: Headers | None = None,
        body: Body | None = None,
        scheme: str = "http",
        host: str = "",
        port: int | None = None,
        http_version: str = "1.1",
        peer: str = "",
        server_port: int | None = None,
        raw_target: str = "",
        is_websocket: bool = False,
        client_rule: ClientRule | None = None,
    ) -> None:
        self.method = method
        self._path = canonical_path(path)
        self.query = query if query is not None else Query()
        self.headers = headers if headers is not None else Headers()
        self.body = body if body is not None else Body()
        self.scheme = scheme
        self.host = host
        self.port = port
        self.http_version = http_version
        self.peer = peer
        self.client = peer
        self.peer_trusted = False
        self.server_port = server_port
        self.raw_target = raw_target
        self.is_websocket = is_websocket
        self.client_rule = client_rule
        self.passing: Passing | None = None

    @property
    def path(self) -> str:
        """The canonical path; setting it brings the new one into that form, or raises BadRequest."""
        return self._path

    @path.setter
    def path(self, value: str) -> None:
        self._path = canonical_path(value)

    def retarget(self, target: str) -> None:
        """Set path and query at once, as `/path?query`. Raise BadRequest for a path that is none.

        The path is brought into the canonical form, and what a query can't hold is escaped. Without a `?` there is no query
        afterwards.
        """
        path, _, query = target.partition("?")
        self.path = path
        self.query = Query(quote(query, safe=_QUERY_SAFE))

    def values(self) -> tuple[Any, ...]:
        """Return what the request is at the moment, for `of`: cheaper than a copy that may not be needed.

        The first of them is what the access log tells: client, method, host, target, path and version.
        """
        return (
            (self.client, self.method, self.host, self.raw_target, self._path, self.http_version),
            self.body,
            self.client_rule,
            self.is_websocket,
            self.peer,
            self.peer_trusted,
            self.port,
            self.query,
            self.scheme,
            self.server_port,
            self.headers.raw,
        )

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> Request:
        """Return the request that `values` was asked of, as it was then; the body is shared."""
        request = cls.__new__(cls)
        # Taken apart at once: to set them by name takes three times as long.
        (
            (request.client, request.method, request.host, request.raw_target, request._path, request.http_version),  # noqa: SLF001 (its own)
            request.body,
            request.client_rule,
            request.is_websocket,
            request.peer,
            request.peer_trusted,
            request.port,
            request.query,
            request.scheme,
            request.server_port,
            raw,
        ) = values
        request.headers = Headers.from_raw(raw)
        request.passing = None
        return request

    def with_path(self, path: str) -> Request:
        """Return a copy with another path."""
        twin = self.copy()
        twin.path = path
        return twin

    def copy(self) -> Request:
        """Return a request that changes apart from this one; the body is shared."""
        return Request.of(self.values())

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.host}{self.path}>"


class Response:
    """An answer: a status, headers, and a body that is bytes or a stream of bytes.

    Setting `body` drops a `content-length` that spoke of the former one; the server writes the right one.
    """

    __slots__ = ("_body", "headers", "status")

    def __init__(
        self,
        status: int = 200,
        headers: Headers | Mapping[str, str] | None = None,
        body: bytes | AsyncIterable[bytes] = b"",
    ) -> None:
        self.status = status
        self.headers = headers if isinstance(headers, Headers) else Headers(headers or {})
        self._body = body

    @classmethod
    def text(cls, text: str, status: int = 200) -> Response:
        """Return a plain-text answer in UTF-8."""
        return cls(status, {"content-type": "text/plain; charset=utf-8"}, text.encode())

    @classmethod
    def json(cls, value: Any, status: int = 200, content_type: str = "application/json") -> Response:
        """Return `value` as JSON; it holds what orjson can write."""
        return cls(status, {"content-type": content_type}, orjson.dumps(value))

    @property
    def body(self) -> bytes | AsyncIterable[bytes]:
        """The body: bytes, or what an `async for` reads once."""
        return self._body

    @body.setter
    def body(self, value: bytes | AsyncIterable[bytes]) -> None:
        self._body = value
        self.headers.remove("content-length")

    def stream(self) -> AsyncIterator[bytes]:
        """Return the present body as blocks, whichever kind it is: what a `response` phase wraps and sets as the new one."""
        return _blocks(self._body)

    async def read(self) -> bytes:
        """Return the whole body; meant for small answers and tests, since it holds them in memory."""
        return b"".join([block async for block in self.stream()])

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


async def _blocks(body: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for block in body:
        yield block
