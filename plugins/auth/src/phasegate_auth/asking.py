"""Asking an HTTP service a question before a request is let through."""

from __future__ import annotations

from urllib.parse import urlsplit

from phasegate import (
    Body,
    Call,
    CallTimeouts,
    ConnectionOptions,
    Headers,
    Origin,
    Response,
    UpstreamClient,
    UpstreamError,
)

_LIMIT_BYTES = 1 << 20


class AnswerTooLong(UpstreamError):
    """A service answered with more than anybody wants to read."""


def origin_of(url: str, connection: ConnectionOptions) -> Origin:
    """Return where a URL leads to."""
    parts = urlsplit(url)
    return Origin(parts.scheme, parts.netloc, connection)


class Service:
    """A service by its URL. An answer is whole after so many seconds, or an UpstreamError; redirects are not followed."""

    def __init__(self, client: UpstreamClient, url: str, seconds: float, connection: ConnectionOptions) -> None:
        self.url = url
        self._client = client
        parts = urlsplit(url)
        self._origin = origin_of(url, connection)
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._timeouts = CallTimeouts(
            connect=seconds, send=seconds, head=seconds, gap=seconds, whole=seconds, head_from_start=True
        )

    async def ask(self, *, method: str = "GET", headers: Headers | None = None, body: Body | None = None) -> Response:
        """Send one request and return its whole answer. Raise UpstreamError."""
        answer = await self._client.send(self._call(method, headers or Headers(), body or Body()))
        try:
            return Response(answer.status, answer.headers, await self._whole(answer))
        finally:
            answer.close()

    async def _whole(self, answer: Response) -> bytes:
        blocks, size = [], 0
        async for block in answer.stream():
            size += len(block)
            if size > _LIMIT_BYTES:
                raise AnswerTooLong(f"{self.url.partition('?')[0]} answered with over {_LIMIT_BYTES} bytes")
            blocks.append(block)
        return b"".join(blocks)

    def _call(self, method: str, headers: Headers, body: Body) -> Call:
        own = [(b"host", self._origin.address.encode("ascii"))]
        if method != "GET":
            own.append((b"content-length", b"%d" % (body.length or 0)))
        return Call(
            method=method,
            origin=self._origin,
            target=self._target,
            headers=[*own, *headers.raw],
            body=body,
            timeouts=self._timeouts,
        )
