"""Which route a request takes: by host, then path, then priority and conditions."""

from .near_misses import NearMiss, Reason, near_misses
from .paths import Match
from .router import Router

__all__ = ["Match", "NearMiss", "Reason", "Router", "near_misses"]
