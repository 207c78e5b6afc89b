"""How many sockets and files a worker may have open: as many as the system lets it."""

from __future__ import annotations

import contextlib
import logging
import resource

from ..limits import Limits

_logger = logging.getLogger(__name__)

# A connection may come with one to an upstream; logs, libraries and listening sockets have their own.
_FOR_A_CONNECTION = 2
_FOR_ITSELF = 128


def allow_descriptors(limits: Limits) -> None:
    """Raise this process's limit, which its workers inherit, as far as it may be; warn where that is not enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    # The admin side's bodies are counted apart, as its connections are.
    needed = limits.connections * _FOR_A_CONNECTION + limits.admin_connections + 2 * limits.body_files + _FOR_ITSELF
    if soft != resource.RLIM_INFINITY and soft < needed:
        fields = {
            "limit": soft,
            "needed": needed,
            "remedy": "raise LimitNOFILE, or lower limits.connections and limits.body_files",
        }
        _logger.warning("few descriptors", extra=fields)
