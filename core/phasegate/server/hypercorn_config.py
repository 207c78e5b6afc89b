"""Hypercorn's configuration, as both ways of serving want it."""

from __future__ import annotations

import logging

from hypercorn.config import Config

from ..settings import TLS
from .sockets import BACKLOG

# Hypercorn closes a connection after this many requests, and then loses those that are in flight on it.
_REQUESTS_A_CONNECTION = 1 << 60


def configuration(tls: TLS | None = None) -> Config:
    """Return a configuration without Hypercorn's own headers and logs, with a certificate where there is one."""
    config = Config()
    config.backlog = BACKLOG
    config.keep_alive_timeout = 75
    config.keep_alive_max_requests = _REQUESTS_A_CONNECTION
    config.include_server_header = False
    config.include_date_header = False
    config.errorlog = _logger()
    if tls is not None:
        config.certfile, config.keyfile = str(tls.cert), str(tls.key)
    return config


def _logger() -> logging.Logger:
    logger = logging.getLogger("phasegate.server.hypercorn")
    logger.setLevel(logging.WARNING)
    return logger
