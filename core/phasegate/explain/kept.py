"""Where explanations of requests on the public port wait to be fetched."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

_MOST = 100
_MOST_BYTES = 262_144


class Kept(Protocol):
    """Keeps the last explanations by the ids of their requests."""

    def keep(self, request_id: str, explanation: bytes) -> None:
        """Keep one, as JSON, in the place of an older one of the same id."""

    async def find(self, request_id: str) -> bytes | None:
        """Return the explanation of a request, None where there is none, or none any more."""


class Recent:
    """The last hundred explanations, none over 256 KiB."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    def keep(self, request_id: str, explanation: bytes) -> None:
        """Keep one; one that is too large is left out."""
        if len(explanation) > _MOST_BYTES:
            return
        self._kept[request_id] = explanation
        self._kept.move_to_end(request_id)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)

    async def find(self, request_id: str) -> bytes | None:
        """Return the explanation of a request."""
        return self._kept.get(request_id)
