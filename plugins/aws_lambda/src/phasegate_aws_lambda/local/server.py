"""The whole local Lambda: a pool, the three faces before it, and the watch over the code."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .function import Function
from .invoke_face import InvokeFace
from .keys import Keys
from .listener import Listener
from .log import Log
from .outcome import Failed
from .pool import Pool
from .rest_face import RestFace
from .url_face import UrlFace
from .verifier import Verifier
from .watcher import watch

_logger = logging.getLogger(__name__)


class StartError(Exception):
    """The local Lambda can't begin; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a face listens. Port 0 asks for any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Addresses(NamedTuple):
    """Where the three faces listen: REST API, function URL, Lambda API."""

    rest: Address
    url: Address
    invoke: Address


class LocalLambda:
    """Serves one function on three addresses from `open` to `close`. With `streams` the two front ends stream, too."""

    def __init__(self, function: Function, keys: Keys, *, concurrency: int, log: Log, streams: bool = False) -> None:
        self._function = function
        self._log = log
        self._pool = Pool(function, concurrency, log)
        credentials = keys.credentials
        verifier = Verifier(credentials, region=function.region) if credentials else None
        self._rest = Listener(RestFace(self._pool, log, api_key=keys.api_key, streams=streams))
        self._url = Listener(UrlFace(self._pool, log, verifier=verifier, streams=streams))
        self._invoke = Listener(InvokeFace(function, self._pool, log, verifier=verifier))
        self._watching: asyncio.Task[None] | None = None

    async def open(self, addresses: Addresses) -> Addresses:
        """Import the handler, listen, and return the addresses with real ports. Raise StartError if that fails."""
        self._watching = asyncio.create_task(self._watch())
        try:
            await self._warm()
            listeners = (self._rest, self._url, self._invoke)
            pairs = zip(listeners, addresses, strict=True)
            return Addresses(*[await _listen(listener, address) for listener, address in pairs])
        except StartError:
            await self.close()
            raise

    async def _warm(self) -> None:
        failed = await self._pool.warm()
        if failed:
            raise StartError(_explained(self._function, failed))

    async def close(self) -> None:
        """End every child, answer what is in flight, and stop listening."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await self._pool.close()
        await self._rest.close()
        await self._url.close()
        await self._invoke.close()

    async def _watch(self) -> None:
        folder = self._function.path.parent
        try:
            await watch(folder, self._function.runtime.watched, self._reload)
        except Exception:
            _logger.exception("%s can't be watched: changes of the code need a restart", folder)

    def _reload(self, files: list[Path]) -> None:
        self._log.note(f"Reloading: {', '.join(file.name for file in files)} changed")
        self._pool.reload()


async def _listen(listener: Listener, address: Address) -> Address:
    try:
        return Address(address.host, await listener.open(address.host, address.port))
    except OSError as error:
        raise StartError(f"can't listen on {address}: {error.strerror}; give another address, or port 0") from error


def _explained(function: Function, failed: Failed) -> str:
    lines = [f"{function.path} can't be served: {failed.error_type}: {failed.message}", *failed.stack_trace]
    return "\n".join(line.rstrip() for line in lines)
