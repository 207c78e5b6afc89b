"""Which route a request takes: by host, then path, then priority and conditions."""

from .router import Match, Router

__all__ = ["Match", "Router"]
