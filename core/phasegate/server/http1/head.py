"""The head of an HTTP/1.1 answer as bytes, and the framing that its body then has."""

from __future__ import annotations

from functools import lru_cache
from http import HTTPStatus

from ...errors import ResponseCut
from ...http.dates import http_date
from ...http.message import Response
from ..outgoing import SPECIAL, declared_length, has_no_body, length_to_tell

_CLASSES = {2: "Success", 3: "Redirection", 4: "Client Error", 5: "Server Error"}
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode("ascii") for status in HTTPStatus}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def head_of(response: Response, method: str, option: bytes = b"", *, chunked: bool = False, body: bytes = b"") -> bytes:
    """Return status line and fields, and behind them what of the body leaves with its head.

    `option` is what `Connection` says, nothing where it is empty, and `chunked` how a body of unknown length comes. Raise
    ResponseCut where a field would end the head.
    """
    rest = []
    length = length_to_tell(response, method)
    if length is not None:
        rest.append(length_line(length))
    if option:
        rest.append(b"connection: " + option)
    if chunked:
        rest.append(b"transfer-encoding: chunked")
    return message_of(response, (*rest, b"", body))


def message_of(response: Response, rest: tuple[bytes, ...]) -> bytes:
    """Return the status line, the lines of `final_headers` but the length's, and what is in `rest`; raises as `head_of` does.

    `rest` ends with an empty line, and the body.
    To ask `final_headers` and go through its fields takes half as long again.
    """
    lines = [_STATUS_LINES.get(response.status) or _status_line(response.status)]
    date: bytes | None = None
    server: bytes | None = None
    for field in response.headers.raw:
        name = field[0]
        if name not in SPECIAL:
            lines.append(b": ".join(field))
        elif name == b"date":
            date = field[1] if date is None else date
        elif name == b"server":
            server = server or b": ".join(field)
    lines.append(b"date: " + (date or http_date()))
    if server is not None:
        lines.append(server)
    said = b"".join(lines)
    # Asked of a number: `translate` and `count` go through all bytes one by one.
    if 13 in said or 10 in said or 0 in said:
        raise ResponseCut("a field of the answer holds CR, LF or NUL")
    lines += rest
    return b"\r\n".join(lines)


def is_chunked(response: Response, method: str, version: str) -> bool:
    """Tell whether the body must come in chunks: its length is unknown, and the client knows of chunks."""
    if isinstance(response.body, bytes) or has_no_body(method, response.status) or version == "1.0":
        return False
    return declared_length(response) is None


@lru_cache(maxsize=1024)
def length_line(length: int) -> bytes:
    """Return the line of the body's length."""
    return b"content-length: %d" % length


def _status_line(status: int) -> bytes:
    """Return the line of a status that has no phrase of its own; its class gives one."""
    return f"HTTP/1.1 {status} {_CLASSES[status // 100]}".encode("ascii")
