"""Serving on stock Hypercorn: its public `serve`, given sockets that are open already."""

from __future__ import annotations

import asyncio

from hypercorn.asyncio import serve

from ..application import Application
from ..settings import TLS
from .asgi import AsgiApp
from .hypercorn_config import configuration


async def serve_on(
    descriptor: int,
    application: Application,
    *,
    tls: TLS | None,
    graceful_timeout: float,
    stopping: asyncio.Event,
) -> None:
    """Serve the application on one listening socket until `stopping` is set, then drain for `graceful_timeout` seconds."""
    config = configuration(tls)
    config.bind = [f"fd://{descriptor}"]
    config.graceful_timeout = graceful_timeout
    await serve(AsgiApp(application, stopping), config, shutdown_trigger=stopping.wait)
