"""Asking an HTTP service a question before a request is let through."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from phasegate import Body, Call, CallTimeouts, ConnectionOptions, Headers, Response, UpstreamClient, UpstreamError


class AnswerTooLong(UpstreamError):
    """A service answered with more than anybody wants to read."""


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its URL. An answer is whole after `seconds`, or an UpstreamError; redirects are not followed."""

    client: UpstreamClient
    url: str
    seconds: float
    connection: ConnectionOptions
    limit_bytes: int = 1 << 20

    async def ask(self, *, method: str = "GET", headers: Headers | None = None, body: Body | None = None) -> Response:
        """Send one request and return its whole answer. Raise UpstreamError."""
        answer = await self.client.send(self._call(method, headers or Headers(), body or Body()))
        try:
            blocks, size = [], 0
            async for block in answer.stream():
                size += len(block)
                if size > self.limit_bytes:
                    raise AnswerTooLong(f"{self.url.partition('?')[0]} answered with over {self.limit_bytes} bytes")
                blocks.append(block)
            return Response(answer.status, answer.headers, b"".join(blocks))
        finally:
            answer.close()

    def _call(self, method: str, headers: Headers, body: Body) -> Call:
        parts = urlsplit(self.url)
        own = [(b"host", parts.netloc.encode("ascii"))]
        if method != "GET":
            own.append((b"content-length", b"%d" % (body.length or 0)))
        return Call(
            method=method,
            scheme=parts.scheme,
            address=parts.netloc,
            target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=[*own, *headers.raw],
            body=body,
            timeouts=CallTimeouts(
                connect=self.seconds,
                send=self.seconds,
                head=self.seconds,
                gap=self.seconds,
                whole=self.seconds,
                head_from_start=True,
            ),
            connection=self.connection,
        )
