"""The part of a request's body that does not leave with its head."""

from __future__ import annotations

import asyncio

from ..http.chunks import LAST_CHUNK, chunk_of
from .answer_intake import NEVER
from .call import Call, CallTimeouts
from .connection import UpstreamConnection

# What is written at once: TLS takes a whole block in before it says that the other end is behind.
_PIECE_BYTES = 65_536


async def upload(connection: UpstreamConnection, call: Call, began: float) -> None:
    """Send the body while the answer is waited for, which may come before the body's end.

    Time that the upstream takes for a block counts, time that the client takes does not. What reading the body raises ends
    the call.
    """
    timeouts, chunked = call.timeouts, call.body.length is None
    otherwise = began + timeouts.head if timeouts.head_from_start else NEVER
    try:
        async for block in call.body:
            for start in range(0, len(block), _PIECE_BYTES):
                piece = block[start : start + _PIECE_BYTES]
                connection.write(chunk_of(piece) if chunked else piece)
                await connection.drained(timeouts.send, otherwise)
    except Exception as error:  # noqa: BLE001 (whatever it is, the caller gets it)
        connection.fail(error)
        return
    if chunked:
        connection.write(LAST_CHUNK)
    connection.uploaded(head_due(timeouts, began))


def head_due(timeouts: CallTimeouts, began: float) -> float:
    """Return when the head of the answer to a request that is sent by now is due, by the loop's clock."""
    if timeouts.head_from_start:
        return began + timeouts.head
    return asyncio.get_running_loop().time() + timeouts.head
