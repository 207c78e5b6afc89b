"""The supervisor: sockets, worker processes, and the configuration that they are told to serve."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError, Finding, StartupError
from ..logs import report_refusal
from ..registry import Registry
from ..schema.tables import Schemas
from ..settings import Settings, load_settings
from ..snapshot import Snapshot
from ..store.file import FileSource
from .channel import Abort, Commit, Message, Prepare, Prepared, Ready, Refused, Start
from .descriptors import allow_descriptors
from .replacement import Lives
from .rollout import Rollout
from .slot import Slot
from .sockets import Address, reserve

_logger = logging.getLogger(__name__)

# What sockets and processes follow from, so that it can't change while they are there.
_FIXED = {"listen": "listen", "admin_address": "admin.address", "workers": "workers", "file": "resources.file"}
_WATCH_AGAIN_SECONDS = 5.0


class Supervisor:
    """Runs a gateway: reads and judges the configuration, keeps a worker in every slot, and follows the file.

    Only this process reads the file. Workers get documents that were accepted, a respawned one the last of them.
    """

    def __init__(self, settings: Settings, schemas: Schemas) -> None:
        self._settings = settings
        self._schemas = schemas
        self._source = FileSource(settings.file)
        self._document: Mapping[str, Any] = {}
        self._revision = self._attempts = 0
        self._addresses: list[Address] = []
        self._lives = Lives()
        self._changing = asyncio.Lock()
        self._rollout: Rollout | None = None
        self._stop = asyncio.Event()
        self._hung_up = asyncio.Event()
        self._some_ready = asyncio.Event()
        self._started: asyncio.Future[None]

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; a second one ends it at once.

        Raise ConfigError or StartupError, with nothing left running, when it can't begin.
        """
        self._document = self._load()
        self._open_addresses()
        allow_descriptors(self._settings.limits.connections)
        self._follow_signals()
        self._started = asyncio.get_running_loop().create_future()
        self._lives.slots = [Slot(index, self._settings.loop, self) for index in range(self._settings.workers)]
        for slot in self._lives.slots:
            self._lives.start(slot)
        stopped = asyncio.create_task(self._stop.wait())
        try:
            waiting: list[asyncio.Future[Any]] = [self._started, stopped]
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if self._started.done():
                self._started.result()
                following = [asyncio.create_task(self._follow_file()), asyncio.create_task(self._follow_hangups())]
                await stopped
                for task in following:
                    task.cancel()
        finally:
            await self._end()

    def begin(self, slot: Slot) -> tuple[Start, list[int]]:
        """Return what a new worker starts with: the settings, its sockets, and the last accepted document."""
        slot.revision = self._revision
        descriptors = [address.open(slot.index).fileno() for address in self._addresses]
        listeners = descriptors[: len(self._settings.listen)]
        admin = descriptors[-1] if len(descriptors) > len(listeners) else None
        return Start(self._settings, slot.index, tuple(listeners), admin, dict(self._document)), descriptors

    def deliver(self, slot: Slot, message: Message) -> None:
        """Take a worker's message."""
        rollout = self._rollout
        match message:
            case Ready():
                self._note_ready(slot)
            case Prepared() | Refused() if rollout is not None and message.revision == rollout.revision:
                rollout.answer(slot, message)
            case Prepared() if message.revision == self._revision:
                slot.revision = message.revision
                slot.send(Commit(message.revision))
            case Prepared():
                slot.send(Abort(message.revision))
            case Refused():
                self._note_refused(message)

    def died(self, slot: Slot, exit_code: int) -> None:
        """Note that a worker ended unasked; before the first listen line that is the end of the start."""
        if self._rollout is not None:
            self._rollout.gone(slot)
        if not self._started.done():
            message = f"worker {slot.index} ended with exit code {exit_code} before it was ready; the log says why"
            self._started.set_exception(StartupError(message))

    def suspend(self, slot: Slot) -> None:
        """Close the slot's sockets, so that connections go to the other slots."""
        for address in self._addresses:
            address.close(slot.index)

    async def reload(self) -> None:
        """Read the file again and bring it to every worker; a bad one is reported and changes nothing."""
        async with self._changing:
            await self._follow_changes()

    async def replace_workers(self) -> None:
        """Read gateway.yaml again, and give every slot a new worker that serves by it; a bad file changes nothing.

        The routes file is read after that: it may want plugins that were just enabled.
        """
        async with self._changing:
            former = self._settings, self._schemas
            try:
                self._settings, self._schemas = self._reread()
                self._judge(self._document)
            except ConfigError as error:
                self._settings, self._schemas = former
                report_refusal(_logger, error)
                return
            for index in range(len(self._lives.slots)):
                if not await self._lives.replace(index, self._successor, former[0].graceful_timeout):
                    if index == 0:
                        self._settings, self._schemas = former
                    _logger.error("workers not replaced", extra={"slot": index})
                    return
            _logger.info("workers replaced", extra={"workers": len(self._lives.slots)})
            await self._follow_changes()

    async def _follow_changes(self) -> None:
        try:
            document = self._load()
            if document != self._document:
                await self._roll_out(document)
        except ConfigError as error:
            report_refusal(_logger, error)
        except Exception:
            _logger.exception("configuration can't be judged", extra={"file": str(self._settings.file)})

    def _successor(self, index: int) -> Slot:
        return Slot(index, self._settings.loop, self, on_trial=True)

    def _reread(self) -> tuple[Settings, Schemas]:
        """Return what gateway.yaml says now. Raise ConfigError where that needs a new start."""
        settings = load_settings(self._settings.path.parent)
        changed = [name for name in _FIXED if getattr(settings, name) != getattr(self._settings, name)]
        findings = [Finding(_FIXED[name], "has changed: restart the gateway for that") for name in changed]
        if findings:
            raise ConfigError(findings, str(settings.path))
        try:
            return settings, Schemas(Registry.load(settings.plugins), native=settings.protocol == "native")
        except ConfigError as error:
            raise error.of(str(settings.path)) from error

    def _load(self) -> Mapping[str, Any]:
        """Return the file's document once it is judged. Raise ConfigError when it can't be served."""
        try:
            document = self._source.load()
        except ConfigError as error:
            raise error.of(str(self._settings.file)) from error
        self._judge(document)
        return document

    def _judge(self, document: Mapping[str, Any]) -> None:
        """Raise ConfigError where no snapshot can be built from a document, and log what is doubtful about it."""
        try:
            snapshot = Snapshot(document, self._schemas)
        except ConfigError as error:
            raise error.of(str(self._settings.file)) from error
        for warning in snapshot.warnings:
            fields = {"file": str(self._settings.file), "path": warning.path, "detail": warning.message}
            _logger.warning("configuration warning", extra=fields)

    async def _roll_out(self, document: Mapping[str, Any]) -> None:
        """Bring the document to every worker. Where one died meanwhile it may have been chance: that is tried once more."""
        for last_try in (False, True):
            await self._until_some_are_ready()
            self._attempts += 1
            self._rollout = rollout = Rollout(self._attempts, [slot for slot in self._lives.slots if slot.ready])
            try:
                refusals = await rollout.run(document)
            finally:
                self._rollout = None
            if not refusals:
                self._accept(document, rollout)
                return
            if last_try or not rollout.deaths or len(refusals) > rollout.deaths:
                raise ConfigError(refusals, str(self._settings.file))

    def _accept(self, document: Mapping[str, Any], rollout: Rollout) -> None:
        self._document, self._revision = document, rollout.revision
        for slot in self._lives.slots:
            if rollout.covers(slot):
                slot.revision = self._revision
            elif slot.ready:
                self._catch_up(slot)
        _logger.info("configuration accepted", extra={"file": str(self._settings.file), "revision": self._revision})

    async def _until_some_are_ready(self) -> None:
        """Wait for a worker, when all of them are just being replaced."""
        while not any(slot.ready for slot in self._lives.slots):
            self._some_ready.clear()
            await self._some_ready.wait()

    def _note_ready(self, slot: Slot) -> None:
        self._some_ready.set()
        self._catch_up(slot)
        if not self._started.done() and all(other.ready for other in self._lives.slots):
            self._announce()
            self._started.set_result(None)

    def _catch_up(self, slot: Slot) -> None:
        """Bring a worker up to date that was still starting when the last change was made."""
        if slot.revision != self._revision:
            slot.send(Prepare(self._revision, dict(self._document)))

    def _note_refused(self, message: Refused) -> None:
        error = ConfigError(message.findings, str(self._settings.file))
        if self._started.done():
            report_refusal(_logger, error)
        else:
            self._started.set_exception(error)

    async def _follow_file(self) -> None:
        while True:
            try:
                async for _ in self._source.changes():
                    await self.reload()
            except Exception:
                _logger.exception("configuration file can't be watched", extra={"file": str(self._settings.file)})
                await asyncio.sleep(_WATCH_AGAIN_SECONDS)

    async def _follow_hangups(self) -> None:
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            try:
                await self.replace_workers()
            except Exception:
                _logger.exception("workers can't be replaced")

    def _open_addresses(self) -> None:
        texts = [listen.address for listen in self._settings.listen]
        if self._settings.admin_address not in texts:
            texts.append(self._settings.admin_address)
        self._addresses = reserve(texts)

    def _follow_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up.set)

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._lives.kill()
        self._stop.set()

    def _announce(self) -> None:
        texts = [address.text for address in self._addresses]
        listeners = zip(texts, self._settings.listen, strict=False)
        urls = [f"{'https' if listen.tls else 'http'}://{text}" for text, listen in listeners]
        _logger.info("listening", extra={"listen": urls, "admin": texts[-1], "workers": len(self._lives.slots)})

    async def _end(self) -> None:
        self._started.cancel()
        for slot in self._lives.slots:
            slot.retire()
        for address in self._addresses:
            address.close_all()
        await self._lives.end(self._settings.graceful_timeout)
        _logger.info("stopped")
