"""A function's stream as the Lambda API frames it, made without the plugin's own reader."""

from __future__ import annotations

import json
import struct
from typing import Any
from zlib import crc32

from phasegate.testing import Reply

AWS_ID = "7ddd7b31-2d3f-4b8a-9b39-9b3f3bd0a3f1"
IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the-session-token"}
FIELDS = {"Content-Type": "application/vnd.amazon.eventstream", "x-amzn-RequestId": AWS_ID}
HEAD = json.dumps({"statusCode": 201, "headers": {"x-a": "1"}, "cookies": ["a=1", "b=2"]}).encode() + bytes(8)


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    block = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(block) + len(payload), len(block))
    message = prelude + struct.pack("!I", crc32(prelude)) + block + payload
    return message + struct.pack("!I", crc32(message))


def chunk(payload: bytes) -> bytes:
    return frame({":message-type": "event", ":event-type": "PayloadChunk"}, payload)


def complete(**document: str) -> bytes:
    return frame({":message-type": "event", ":event-type": "InvokeComplete"}, json.dumps(document).encode())


def stream(*pieces: bytes, **options: Any) -> Reply:
    return Reply(headers=FIELDS, pieces=pieces, **options)
