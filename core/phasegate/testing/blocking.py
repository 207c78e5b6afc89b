"""Finds where a plugin blocks the event loop: by the calls that do it, and by the time that it takes."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any
from unittest import mock

from ..server.standstill import Standstill
from ..server.whereabouts import of_frame, within

# What waits whenever it is called, and as what it is told of.
_CALLS: tuple[tuple[Any, str, str], ...] = (
    (time, "sleep", "time.sleep"),
    (socket, "getaddrinfo", "socket.getaddrinfo"),
    (socket, "gethostbyname", "socket.gethostbyname"),
    (socket.socket, "connect", "socket.connect"),
    (os, "system", "os.system"),
)


class Lookout:
    """Notes where plugins block the event loop of the thread that it is made in, until it is closed.

    A call that waits is noted however short it is, anything else when the loop stands still for `limit_seconds`. Each of
    `found` names plugin and phase, and has the stack.
    """

    def __init__(self, limit_seconds: float) -> None:
        self.found: list[str] = []
        self._thread = threading.get_ident()
        self._limit = limit_seconds
        self._standstill = Standstill(limit_seconds, self._stands_still)
        self._patches = contextlib.ExitStack()
        for owner, name, told in _CALLS:
            self._patches.enter_context(mock.patch.object(owner, name, self._watched(getattr(owner, name), told)))

    def close(self) -> None:
        """Note no more."""
        self._patches.close()
        self._standstill.close()

    def _watched(self, call: Callable[..., Any], told: str) -> Callable[..., Any]:
        def watched(*arguments: Any, **options: Any) -> Any:
            if threading.get_ident() == self._thread and not _returns_at_once(arguments):
                self._note(sys._getframe(1), f"calls {told}, which waits")  # noqa: SLF001 (whoever called this)
            return call(*arguments, **options)

        return watched

    def _stands_still(self, frame: FrameType | None) -> None:
        self._note(frame, f"holds the event loop up for over {self._limit:g} s")

    def _note(self, frame: FrameType | None, what: str) -> None:
        where = of_frame(frame)
        if where is not None:
            stack = traceback.StackSummary.extract((inner, inner.f_lineno) for inner in within(frame))
            self.found.append(f"plugin {where.plugin} {what}, in {where.phase}:\n{''.join(stack.format())}")


def _returns_at_once(arguments: tuple[Any, ...]) -> bool:
    """Tell whether it is a call of a socket that does not block, as asyncio makes them."""
    return bool(arguments) and isinstance(arguments[0], socket.socket) and arguments[0].gettimeout() == 0
