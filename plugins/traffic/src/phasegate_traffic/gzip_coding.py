"""`gzip`: compresses answers by gzip (RFC 1952), which every client reads."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any, ClassVar

from .coding import CodingPlugin, Encoder

_GZIP_WINDOW = 31


class _Gzip:
    """zlib's encoder under the names that all have here."""

    __slots__ = ("_stream", "compress")

    def __init__(self, level: int) -> None:
        self._stream = zlib.compressobj(level, zlib.DEFLATED, _GZIP_WINDOW)
        self.compress = self._stream.compress

    def flush(self) -> bytes:
        """Return all that is needed to read what was taken in."""
        return self._stream.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        """Return the rest."""
        return self._stream.flush()


@dataclass(kw_only=True)
class Gzip(CodingPlugin):
    """Compresses by gzip."""

    name: ClassVar[str] = "gzip"
    priority: ClassVar[int] = 995
    coding: ClassVar[str] = "gzip"
    schema: ClassVar[dict[str, Any]] = {
        **CodingPlugin.schema,
        "comp_level": {"type": "integer", "min": 1, "max": 9, "default": 1, "about": "From 1 (fast) to 9 (short)."},
        "buffers": {"available": [], "about": "Not available in this version."},
    }

    comp_level: int
    buffers: None = None

    def encoder(self) -> Encoder:
        """Return a new encoder."""
        return _Gzip(self.comp_level)
