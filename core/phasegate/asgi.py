"""The gateway as an ASGI application, for servers that speak what its own listener does not, such as HTTP/3."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from .access_log import AccessLog
from .cli.run import load
from .errors import ConfigError, StartupError
from .gateway import Gateway
from .references import References
from .schema.tables import Schemas
from .server.asgi import AsgiApp
from .server.configuration import Configuration
from .server.distribution import nothing
from .server.duties import again_and_again
from .server.node_store import open_node_store
from .server.reference_table import ReferenceTable
from .server.state import State
from .store.file import FileSource

FOLDER_VARIABLE = "PHASEGATE_CONF"


class _Here:
    """Serves states by the gateway in this process."""

    def __init__(self, gateway: Gateway) -> None:
        self.state = State()
        self.generation = 0
        self._gateway = gateway

    async def bring(self, state: State, write: Callable[[], Awaitable[None]] = nothing) -> list[int]:
        """Serve a state once `write` has made it last. Raise ConfigError where it can't be served."""
        candidate = await self._gateway.prepare(state.document, records=state.records, references=state.references)
        try:
            await write()
        except BaseException:
            await candidate.close()
            raise
        self._gateway.swap(candidate)
        self.state, self.generation = state, self.generation + 1
        return []


class AsgiGateway:
    """Serves a configuration folder behind any ASGI 3.0 server, and follows its routes file and its store.

    It starts with the server's lifespan, or with its first request where there is none. Raise ConfigError for a folder
    that can't be served.
    """

    def __init__(self, directory: Path) -> None:
        self._settings, schemas = load(directory)
        self._schemas = Schemas(schemas.registry, native=False)
        descriptor = {"stdout": 1, "stderr": 2}.get(self._settings.access_log)
        self._gateway = Gateway(
            self._schemas,
            trusted_proxies=self._settings.trusted_proxies,
            access_log=None if descriptor is None else AccessLog(descriptor),
        )
        self._configuration: Configuration | None = None
        self._stopping = asyncio.Event()
        self._app = AsgiApp(self._gateway, self._stopping)
        self._starting = asyncio.Lock()
        self._following: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if not self._following:
            await self._start()
        await self._app(scope, receive, send)

    async def close(self) -> None:
        """Close plugins and connections; the lifespan does it, where the server has one."""
        self._stopping.set()
        for task in self._following:
            task.cancel()
        await asyncio.gather(*self._following, return_exceptions=True)
        if self._configuration is not None:
            await self._configuration.close()
        await self._gateway.close()

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        try:
            await self._start()
        except (ConfigError, StartupError) as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> None:
        async with self._starting:
            if self._following:
                return
            self._configuration = configuration = await self._configured()
            duties = (configuration.follow_file, configuration.follow_store, configuration.follow_references)
            self._following = [asyncio.create_task(again_and_again(duty)) for duty in duties]

    async def _configured(self) -> Configuration:
        settings = self._settings
        store = await open_node_store(settings, self._schemas)
        references = ReferenceTable(References(settings.reach))
        here = _Here(self._gateway)
        configuration = Configuration(
            self._schemas, FileSource(settings.file, may_lack=settings.file_may_lack), store, references, here
        )
        try:
            await configuration.begin()
            await here.bring(here.state)
        except BaseException:
            await configuration.close()
            raise
        return configuration


def application(directory: str | os.PathLike[str] | None = None) -> AsgiGateway:
    """Return the application for a configuration folder: the one given, else `PHASEGATE_CONF`, else `conf`.

    Raise ConfigError for a folder that can't be served.
    """
    return AsgiGateway(Path(directory or os.environ.get(FOLDER_VARIABLE) or "conf"))
