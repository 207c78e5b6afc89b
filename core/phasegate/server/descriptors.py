"""How many sockets and files a worker may have open: as many as the system lets it."""

from __future__ import annotations

import contextlib
import logging
import resource

_logger = logging.getLogger(__name__)

# A connection may come with one to an upstream; logs, libraries and listening sockets have their own.
_FOR_A_CONNECTION = 2
_FOR_ITSELF = 128


def allow_descriptors(connections: int) -> None:
    """Raise this process's limit, which its workers inherit, as far as it may be; warn where that is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    needed = connections * _FOR_A_CONNECTION + _FOR_ITSELF
    if soft != resource.RLIM_INFINITY and soft < needed:
        fields = {"limit": soft, "needed": needed, "remedy": "raise LimitNOFILE, or lower limits.connections"}
        _logger.warning("few descriptors", extra=fields)
