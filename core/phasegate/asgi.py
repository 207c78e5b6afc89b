"""The gateway as an ASGI application, for servers that speak what its own listener does not, such as HTTP/3."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from pathlib import Path
from typing import Any

from .access_log import AccessLog
from .cli.run import load
from .errors import ConfigError
from .gateway import Gateway
from .logs import report_refusal
from .schema.tables import Schemas
from .server.asgi import AsgiApp
from .store.file import FileSource

_logger = logging.getLogger(__name__)

FOLDER_VARIABLE = "PHASEGATE_CONF"


class AsgiGateway:
    """Serves a configuration folder behind any ASGI 3.0 server, and follows its routes file.

    It starts with the server's lifespan, or with its first request where there is none. Raise ConfigError for a folder
    that can't be served.
    """

    def __init__(self, directory: Path) -> None:
        settings, schemas = load(directory)
        descriptor = {"stdout": 1, "stderr": 2}.get(settings.access_log)
        self._source = FileSource(settings.file)
        self._gateway = Gateway(
            Schemas(schemas.registry, native=False),
            trusted_proxies=settings.trusted_proxies,
            access_log=None if descriptor is None else AccessLog(descriptor),
        )
        self._stopping = asyncio.Event()
        self._app = AsgiApp(self._gateway, self._stopping)
        self._starting = asyncio.Lock()
        self._following: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if self._following is None:
            await self._start()
        await self._app(scope, receive, send)

    async def close(self) -> None:
        """Close plugins and connections; the lifespan does it, where the server has one."""
        self._stopping.set()
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following
        await self._gateway.close()

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await self._start()
        except ConfigError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        async with self._starting:
            if self._following is None:
                await self._load()
                self._following = asyncio.create_task(self._follow())

    async def _load(self) -> None:
        try:
            self._gateway.swap(await self._gateway.prepare(self._source.load()))
        except ConfigError as error:
            raise error.of(str(self._source.path)) from error

    async def _follow(self) -> None:
        async for _ in self._source.changes():
            try:
                await self._load()
            except ConfigError as error:
                report_refusal(_logger, error)
            else:
                _logger.info("configuration accepted", extra={"file": str(self._source.path)})


def application(directory: str | os.PathLike[str] | None = None) -> AsgiGateway:
    """Return the application for a configuration folder: the one given, else `PHASEGATE_CONF`, else `conf`.

    Raise ConfigError for a folder that can't be served.
    """
    return AsgiGateway(Path(directory or os.environ.get(FOLDER_VARIABLE) or "conf"))
