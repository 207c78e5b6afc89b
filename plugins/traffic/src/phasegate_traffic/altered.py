"""What an answer's fields say of a body that is there no more."""

from __future__ import annotations

from phasegate import Headers, Request, Response

# What was computed over the former bytes, or says how to read or cut them (RFC 9110 section 8, RFC 9530).
_OF_BODY = (
    *("content-length", "content-encoding", "content-md5", "content-range", "accept-ranges"),
    *("etag", "last-modified", "digest", "content-digest", "repr-digest"),
)


def forget_body(headers: Headers) -> None:
    """Drop the fields that speak of a body which is replaced by another."""
    headers.remove(*_OF_BODY)


def has_body(request: Request, response: Response) -> bool:
    """Tell whether an answer to this request can have a body (RFC 9110 section 6.4.1)."""
    return request.method != "HEAD" and response.status not in (204, 205, 304)
