"""How many files the run's processes may open (getrlimit(2))."""

from __future__ import annotations

import resource


def raise_limit() -> int:
    """Let this process and those that it starts open as many files as they may; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
