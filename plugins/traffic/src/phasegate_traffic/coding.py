"""What `gzip` and `brotli` share: which answers are compressed, and how, whether they stream or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from phasegate import Exchange, Finding, Headers, Plugin, Response, Services, hookimpl

from .accepting import weights

# What takes longer than a fraction of a millisecond is done beside the event loop, and no more than this at once.
_INLINE_BYTES, _PIECE_BYTES = 8192, 262_144
# They are computed over the bytes that are sent (RFC 9110 section 14.3, RFC 9530), or are in units of them.
_OF_BYTES = ("accept-ranges", "content-md5", "content-digest", "repr-digest", "digest")
_NO_CONTENT = (101, 204, 205, 206, 304)


class Encoder(Protocol):
    """Compresses one body."""

    def compress(self, data: bytes) -> bytes:
        """Take the next part in, and return what is ready."""

    def flush(self) -> bytes:
        """Return all that is needed to read what was taken in."""

    def finish(self) -> bytes:
        """Return the rest."""


@dataclass(kw_only=True)
class CodingPlugin(Plugin):
    """Compresses answers of some types for clients that accept it, behind all other plugins of its chain.

    A plugin for another coding sets `coding` and returns an `encoder`.
    """

    coding: ClassVar[str]
    """The coding's name in `Accept-Encoding`."""
    rivals: ClassVar[tuple[str, ...]] = ("identity",)
    """Codings that are left alone where the client would rather have them."""
    schema: ClassVar[dict[str, Any]] = {
        "types": {
            "type": ["list", "string"],
            "default": ["text/html"],
            "about": "The types that are compressed, `*` in place of the list for all.",
        },
        "min_length": {
            "type": "integer",
            "min": 1,
            "default": 20,
            "about": "Bytes of the shortest answer that is compressed, where the length is known.",
        },
        "http_version": {
            "type": "number",
            "allowed": [1.0, 1.1],
            "default": 1.1,
            "about": "The lowest version of HTTP that is compressed for.",
        },
        "vary": {
            "type": "boolean",
            "default": True,
            "about": "Tell caches that the answer depends on Accept-Encoding.",
        },
    }

    types: list[Any] | str
    min_length: int
    http_version: float
    vary: bool

    def encoder(self) -> Encoder:
        """Return a new encoder, for one body."""
        raise NotImplementedError

    def check(self) -> Iterable[Finding]:
        """Refuse types that are none, and warn where caches are not told."""
        listed = self.types if isinstance(self.types, list) else []
        if self.types != "*" and (not listed or not all(isinstance(item, str) and "/" in item for item in listed)):
            yield Finding("types", 'must be "*" or a list of types such as text/html')
        if not self.vary:
            yield Finding("vary", "is false: a cache may give the compressed answer to who can't read it", "warning")

    async def open(self, services: Services) -> None:
        """Take the types in, whatever case they are written in."""
        self._types = frozenset(map(str.lower, self.types))

    @hookimpl(trylast=True)
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Compress the body, where there is one to compress and the client accepts it."""
        request = exchange.original
        if not self._may_be_coded(exchange, response):
            return None
        if self.vary:
            _add_vary(response.headers)
        if not self._is_wanted(request.headers):
            return None
        length = _declared(response.headers)
        if request.method == "HEAD" and not _has_bytes(response):
            # What GET would be told, as far as it is known (RFC 9110 sections 8.6 and 9.3.2).
            if length is not None:
                _tell(response.headers, self.coding)
            return None
        if isinstance(response.body, bytes) and len(response.body) <= _PIECE_BYTES:
            response.body = await _done(self.encoder(), response.body)
        else:
            # What has no length streams, and nobody may wait for what is here already.
            response.body = _coded(self.encoder(), response.stream(), flushes=length is None)
        _tell(response.headers, self.coding)
        return None

    def _may_be_coded(self, exchange: Exchange, response: Response) -> bool:
        headers = response.headers
        if response.status in _NO_CONTENT or "content-encoding" in headers or "content-range" in headers:
            return False
        if float(exchange.original.http_version) < self.http_version or not self._is_of_type(headers):
            return False
        if any(_says_no_transform(fields) for fields in (headers, exchange.original.headers)):
            return False
        body, is_known = response.body, exchange.original.method != "HEAD" or _has_bytes(response)
        length = len(body) if isinstance(body, bytes) and is_known else _declared(headers)
        return length is None or length >= self.min_length

    def _is_of_type(self, headers: Headers) -> bool:
        content_type = headers.get("content-type")
        if content_type is None:
            return False
        return self.types == "*" or content_type.partition(";")[0].strip().lower() in self._types

    def _is_wanted(self, headers: Headers) -> bool:
        accepted = weights(headers.get_all("accept-encoding"))
        weight = accepted.get(self.coding, accepted.get("*", 0.0))
        return weight > 0 and all(weight >= accepted.get(rival, 0.0) for rival in self.rivals)


def _has_bytes(response: Response) -> bool:
    """Tell whether there is a body, as of some answers to HEAD that plugins make."""
    return isinstance(response.body, bytes) and bool(response.body)


async def _done(encoder: Encoder, data: bytes) -> bytes:
    if len(data) <= _INLINE_BYTES:
        return encoder.compress(data) + encoder.finish()
    return await asyncio.to_thread(lambda: encoder.compress(data) + encoder.finish())


async def _coded(encoder: Encoder, blocks: AsyncIterator[bytes], *, flushes: bool) -> AsyncIterator[bytes]:
    async for block in blocks:
        for start in range(0, len(block), _PIECE_BYTES):
            piece = block[start : start + _PIECE_BYTES]
            ready = await asyncio.to_thread(encoder.compress, piece) if len(piece) > _INLINE_BYTES else None
            yield encoder.compress(piece) if ready is None else ready
        if flushes:
            yield encoder.flush()
    yield encoder.finish()


def _tell(headers: Headers, coding: str) -> None:
    """Have the fields speak of the coded body; an entity tag is weak, for the bytes are others (RFC 9110 section 8.8.1)."""
    headers.remove("content-length", *_OF_BYTES)
    headers["content-encoding"] = coding
    tag = headers.get("etag")
    if tag is not None and not tag.startswith("W/"):
        headers["etag"] = f"W/{tag}"


def _add_vary(headers: Headers) -> None:
    known = [item.strip().lower() for value in headers.get_all("vary") for item in value.split(",")]
    if "accept-encoding" not in known and "*" not in known:
        headers.add("vary", "Accept-Encoding")


def _says_no_transform(headers: Headers) -> bool:
    return any("no-transform" in value.lower() for value in headers.get_all("cache-control"))


def _declared(headers: Headers) -> int | None:
    text = headers.get("content-length", "") or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
