"""`brotli`: compresses answers by Brotli (RFC 7932), which browsers read and which makes text shorter than gzip does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Finding

from .coding import CodingPlugin, Encoder

try:
    import brotli
except ImportError:  # the extra is not installed
    brotli = None

_WINDOWS = (0, *range(10, 25))
_BLOCKS = (0, *range(16, 25))
_AUTOMATIC_WINDOW = 22


class _Brotli:
    """The library's encoder under the names that all have here."""

    __slots__ = ("compress", "finish", "flush")

    def __init__(self, **options: int) -> None:
        stream = brotli.Compressor(**options)
        self.compress, self.flush, self.finish = stream.process, stream.flush, stream.finish


@dataclass(kw_only=True)
class Brotli(CodingPlugin):
    """Compresses by Brotli, where the client would not rather have gzip."""

    name: ClassVar[str] = "brotli"
    priority: ClassVar[int] = 996
    coding: ClassVar[str] = "br"
    rivals: ClassVar[tuple[str, ...]] = ("identity", "gzip")
    schema: ClassVar[dict[str, Any]] = {
        **CodingPlugin.schema,
        "mode": {
            "type": "integer",
            "allowed": [0, 1, 2],
            "default": 0,
            "about": "What is compressed: 0 anything, 1 text in UTF-8, 2 a font.",
        },
        "comp_level": {"type": "integer", "min": 0, "max": 11, "default": 6, "about": "From 0 (fast) to 11 (short)."},
        "lgwin": {
            "type": "integer",
            "allowed": list(_WINDOWS),
            "default": 19,
            "about": "The window, two to the power of so many bytes; 0 is 22.",
        },
        "lgblock": {
            "type": "integer",
            "allowed": list(_BLOCKS),
            "default": 0,
            "about": "A block's most, two to the power of so many bytes; 0 is by the level.",
        },
    }

    mode: int
    comp_level: int
    lgwin: int
    lgblock: int

    def check(self) -> Iterable[Finding]:
        """Refuse what all codings refuse, and to go without the library."""
        yield from super().check()
        if brotli is None:
            yield Finding("", "needs the package Brotli: pip install 'phasegate-traffic[brotli]'")

    def encoder(self) -> Encoder:
        """Return a new encoder."""
        window = self.lgwin or _AUTOMATIC_WINDOW
        return _Brotli(mode=self.mode, quality=self.comp_level, lgwin=window, lgblock=self.lgblock)
