"""Bodies of unknown length on HTTP/1.1 (RFC 9112 section 7.1)."""

from __future__ import annotations

LAST_CHUNK = b"0\r\n\r\n"


def chunk_of(block: bytes) -> bytes:
    """Return a block as a chunk; it must not be empty, which would be the last one."""
    return b"%x\r\n%b\r\n" % (len(block), block)
