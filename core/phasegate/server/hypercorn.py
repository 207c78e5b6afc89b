"""Serving on stock Hypercorn: its public `serve`, given sockets that are open already."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from hypercorn.asyncio import serve
from hypercorn.config import Config

from ..application import Application
from ..settings import TLS
from .asgi import AsgiApp
from .sockets import BACKLOG

# Hypercorn closes a connection after this many requests, and then loses those that are in flight on it.
_REQUESTS_A_CONNECTION = 1 << 60


async def serve_on(
    descriptor: int,
    application: Application,
    *,
    tls: TLS | None,
    graceful_timeout: float,
    stop: Callable[[], Awaitable[object]],
) -> None:
    """Serve the application on one listening socket until `stop` returns, then drain for `graceful_timeout` seconds."""
    config = configuration(tls)
    config.bind = [f"fd://{descriptor}"]
    config.graceful_timeout = graceful_timeout
    await serve(AsgiApp(application), config, shutdown_trigger=stop)


def configuration(tls: TLS | None = None) -> Config:
    """Return Hypercorn's configuration as both ways of serving want it."""
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
