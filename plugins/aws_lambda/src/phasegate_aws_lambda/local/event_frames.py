"""The events of InvokeWithResponseStream, as AWS frames them.

Source: "Event stream encoding" (Amazon Transcribe developer guide), which the Lambda API uses too.
"""

from __future__ import annotations

import struct
from zlib import crc32

_TEXT = b"\x07"


def payload_chunk(payload: bytes) -> bytes:
    """Return a part of a function's answer as an event."""
    return _event("PayloadChunk", "application/octet-stream", payload)


def invoke_complete(document: bytes) -> bytes:
    """Return the event that ends a stream; the document is JSON."""
    return _event("InvokeComplete", "application/json", document)


def _event(kind: str, content_type: str, payload: bytes) -> bytes:
    named = {":event-type": kind, ":content-type": content_type, ":message-type": "event"}
    headers = b"".join(_header(name, value) for name, value in named.items())
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    message = prelude + struct.pack("!I", crc32(prelude)) + headers + payload
    return message + struct.pack("!I", crc32(message))


def _header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + _TEXT + struct.pack("!H", len(value)) + value.encode()
