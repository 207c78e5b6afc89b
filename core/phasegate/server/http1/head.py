"""The head of an HTTP/1.1 answer as bytes, and the framing that its body then has."""

from __future__ import annotations

from http import HTTPStatus

from ...errors import ResponseCut
from ...http.message import Response
from ..outgoing import declared_length, final_headers, has_no_body

_CLASSES = {2: "Success", 3: "Redirection", 4: "Client Error", 5: "Server Error"}
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode("ascii") for status in HTTPStatus}

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def head_of(response: Response, method: str, option: bytes = b"", *, chunked: bool = False) -> bytes:
    """Return status line and fields.

    `option` is what `Connection` says, nothing where it is empty, and `chunked` how a body of unknown length comes. Raise
    ResponseCut where a field would end the head.
    """
    status = response.status
    fields = final_headers(response, method)
    if option:
        fields.append((b"connection", option))
    if chunked:
        fields.append((b"transfer-encoding", b"chunked"))
    lines = [*map(b": ".join, fields)]
    said = b"".join(lines)
    # Asked of a number: `translate` and `count` go through all bytes one by one.
    if 13 in said or 10 in said or 0 in said:
        raise ResponseCut("a field of the answer holds CR, LF or NUL")
    return b"\r\n".join((_STATUS_LINES.get(status) or _status_line(status), *lines, b"\r\n"))


def is_chunked(response: Response, method: str, version: str) -> bool:
    """Tell whether the body must come in chunks: its length is unknown, and the client knows of chunks."""
    if isinstance(response.body, bytes) or has_no_body(method, response.status) or version == "1.0":
        return False
    return declared_length(response) is None


def _status_line(status: int) -> bytes:
    """Return the line of a status that has no phrase of its own; its class gives one."""
    return f"HTTP/1.1 {status} {_CLASSES[status // 100]}".encode("ascii")
