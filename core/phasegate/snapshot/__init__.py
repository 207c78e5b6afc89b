"""Documents become a snapshot: judged, resolved, compiled and opened off to the side, then swapped in whole."""

from .inventory import Sources
from .snapshot import Snapshot

__all__ = ["Snapshot", "Sources"]
