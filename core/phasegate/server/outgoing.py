"""From a `Response` to what a protocol sends: final headers, and blocks that fail in one way only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

from ..errors import PluginFailed, RequestError, ResponseCut
from ..http.dates import http_date
from ..http.headers import RawHeaders
from ..http.hygiene import HOP_BY_HOP
from ..http.message import Response
from ..http.problem import SERVER, error_response
from .whereabouts import of_failure

# They end the task that runs, and are no failure of what it runs.
_OF_THE_TASK = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt)
SPECIAL = HOP_BY_HOP | {b"date", b"content-length", b"server"}
"""The fields that don't go out as they are."""


def has_no_body(method: str, status: int) -> bool:
    """Tell whether an answer has no body whatever its headers say (RFC 9110 section 6.4.1)."""
    return method == "HEAD" or status in (204, 304)


def declared_length(response: Response) -> int | None:
    """Return the length that a streamed answer declares, the one that goes out; None where nothing there is one."""
    fields = response.headers.raw
    return next((int(value) for name, value in fields if name == b"content-length" and _is_length(value)), None)


def own_answer(error: RequestError) -> Response:
    """Return the listener's own answer, for want of one by the application."""
    response = error_response(error, None)
    response.headers["server"] = SERVER
    return response


def final_headers(response: Response, method: str) -> RawHeaders:
    """Return the header fields that go out, a list of their own.

    None of the connection's, which the protocol writes; one `date` (RFC 9110 section 6.6.1), one `server`, the first; and a
    true length, which for HEAD and 304 alone may be that of a body which is not sent: where nobody knows that of GET's, HEAD
    is told none (RFC 9110 section 8.6).
    """
    fields: RawHeaders = []
    date: bytes | None = None
    server: tuple[bytes, bytes] | None = None
    for field in response.headers.raw:
        name = field[0]
        if name not in SPECIAL:
            fields.append(field)
        elif name == b"date":
            date = field[1] if date is None else date
        elif name == b"server":
            server = server or field
    fields.append((b"date", date or http_date()))
    if server is not None:
        fields.append(server)
    length = length_to_tell(response, method)
    if length is not None:
        fields.append((b"content-length", b"%d" % length))
    return fields


def length_to_tell(response: Response, method: str) -> int | None:
    """Return the length that goes out as `content-length`, None where there is none to tell."""
    body, status = response.body, response.status
    if isinstance(body, bytes) and method != "HEAD" and status not in (204, 304):
        return len(body)
    if status == 204:
        return None
    length = declared_length(response)
    if length is None and isinstance(body, bytes) and status != 304:
        length = len(body) or None
    return length


async def guarded(body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the body's blocks that hold something; whatever a plugin's stream raises is an error that cuts the answer."""
    try:
        async for block in body:
            if _holds_something(block):
                yield block
    except (RequestError, *_OF_THE_TASK):
        raise
    except BaseException as error:
        raise _failure(error) from error


def _failure(error: BaseException) -> RequestError:
    """Return the error for what a stream raised; a plugin's that wrapped it is named."""
    message = f"the answer's stream failed: {type(error).__name__}: {error}"
    plugin = of_failure(error)
    return ResponseCut(message) if plugin is None else PluginFailed(message, plugin=plugin, phase="response")


def _is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) < 20


def _holds_something(block: object) -> bool:
    if not isinstance(block, bytes):
        raise ResponseCut(f"the answer's stream has a {type(block).__name__} in it, no bytes")
    return bool(block)
