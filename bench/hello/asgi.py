"""The hello application for ASGI servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .answer import CONTENT_TYPE, TEXT

_BODY = TEXT.encode()
_HEADERS = [(b"content-type", CONTENT_TYPE.encode()), (b"content-length", b"%d" % len(_BODY))]


async def hello(scope: Any, _: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Answer a request; lifespan is answered by its failure, which ASGI servers take for not being wanted."""
    if scope["type"] != "http":
        raise ValueError(f"no {scope['type']} here")
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
