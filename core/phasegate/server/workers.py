"""The supervisor: sockets, worker processes, and what it takes to keep them."""

from __future__ import annotations

import asyncio
import logging
import secrets
import signal
from collections.abc import Awaitable, Callable
from operator import attrgetter
from typing import Any

from ..admin.desk import NotEverywhere
from ..admin.keys import with_admin_key
from ..errors import ConfigError, Finding, PhasegateError, StartupError
from ..explain.kept import Recent
from ..logs import report_refusal, set_level
from ..references import References
from ..registry import Registry
from ..schema.tables import Schemas
from ..sealing import SealedStore, SecretFields
from ..settings import Settings, load_settings
from ..store.file import FileSource
from ..store.no_store import NoStore
from ..store.records import Store
from .channel import (
    Answer,
    Answered,
    AskExplanation,
    AskRevision,
    AskRevisions,
    AskSummaries,
    Committed,
    Explained,
    Message,
    Prepared,
    Propose,
    Question,
    Ready,
    Refused,
    Start,
)
from .configuration import Configuration
from .descriptors import allow_descriptors
from .distribution import Distribution
from .duties import again_and_again
from .node_store import open_node_store
from .reference_table import ReferenceTable
from .replacement import Lives
from .slot import Slot
from .sockets import Address, reserve

_logger = logging.getLogger(__name__)

# What the supervisor, its sockets and processes follow from, so that it can't change while they are there.
_FIXED = {
    "listen": "listen",
    "admin_address": "admin.address",
    "workers": "workers",
    "file": "resources.file",
    "store": "resources.store",
    "keyring": "secrets.keyring",
    "reach.env_prefixes": "secrets.env_prefixes",
    "reach.file_roots": "secrets.file_roots",
}


class Supervisor:
    """Runs a gateway: keeps a worker in every slot, and has them serve what its configuration says.

    Only this process reads the file and the store. Workers get what was accepted, a respawned one the last of it.
    """

    def __init__(self, settings: Settings, schemas: Schemas) -> None:
        self._settings = settings
        self._schemas = schemas
        self._addresses: list[Address] = []
        self._lives = Lives()
        self._distribution = Distribution(self._lives)
        self._configuration: Configuration
        self._store: Store = NoStore()
        self._explain_key = secrets.token_bytes(32)
        self._explanations = Recent()
        self._answering: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._hung_up = asyncio.Event()
        self._started: asyncio.Future[None]

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; a second one ends it at once.

        Raise ConfigError or StartupError, with nothing left running, when it can't begin.
        """
        self._started = asyncio.get_running_loop().create_future()
        self._store = await open_node_store(self._settings, self._schemas)
        references = ReferenceTable(References(self._settings.reach))
        source = FileSource(self._settings.file, may_lack=self._settings.file_may_lack)
        self._configuration = Configuration(self._schemas, source, self._store, references, self._distribution)
        try:
            self._open_addresses()
            allow_descriptors(self._settings.limits)
            await self._lives.launch(Slot(index, self._settings.loop, self) for index in range(self._settings.workers))
            await self._configuration.begin()
            self._settings = with_admin_key(self._settings)
            self._follow_signals()
            self._lives.begin()
            await self._until_stopped()
        finally:
            await self._end()

    def descriptors(self, slot: Slot) -> list[int]:
        """Return a slot's sockets."""
        return [address.open(slot.index).fileno() for address in self._addresses]

    def begin(self, slot: Slot) -> Start:
        """Return what a new worker starts with: the settings, its sockets, and what is served."""
        descriptors = self.descriptors(slot)
        listeners = descriptors[: len(self._settings.listen)]
        admin = descriptors[-1] if len(descriptors) > len(listeners) else None
        return Start(
            self._settings, slot.index, tuple(listeners), admin, self._distribution.begin(slot), self._explain_key
        )

    def deliver(self, slot: Slot, message: Message) -> None:
        """Take a worker's message."""
        match message:
            case Refused(generation=0) if not self._started.done():
                findings = message.findings
                self._started.set_exception(ConfigError(findings, self._configuration.origin(findings)))
            case Ready() | Prepared() | Committed() | Refused():
                self._distribution.deliver(slot, message)
                self._note_start()
            case Explained():
                self._explanations.keep(message.request_id, message.explanation)
            case Propose() | AskRevision() | AskRevisions() | AskSummaries() | AskExplanation():
                task = asyncio.create_task(self._answer(slot.line(), message))
                self._answering.add(task)
                task.add_done_callback(self._answering.discard)

    def died(self, slot: Slot, exit_code: int) -> None:
        """Note that a worker ended; before the first listen line that is the end of the start."""
        self._distribution.gone(slot)
        if not self._started.done():
            message = f"worker {slot.index} ended with exit code {exit_code} before it was ready; the log says why"
            self._started.set_exception(StartupError(message))

    def suspend(self, slot: Slot) -> None:
        """Close the slot's sockets, so that connections go to the other slots."""
        for address in self._addresses:
            address.close(slot.index)

    async def replace_workers(self) -> None:
        """Read gateway.yaml again, and give every slot a new worker that serves by it; a bad file changes nothing.

        The routes file is read after that: it may want plugins that were just enabled.
        """
        async with self._configuration.changing:
            former = self._settings
            try:
                settings, schemas = self._reread()
                former_schemas = await self._configuration.adopt(schemas)
            except ConfigError as error:
                report_refusal(_logger, error)
                return
            self._settings = settings
            for index in range(len(self._lives.slots)):
                if not await self._lives.replace(index, self._successor, former.graceful_timeout):
                    if index == 0:
                        self._settings = former
                        await self._configuration.adopt(former_schemas)
                    _logger.error("workers not replaced", extra={"slot": index})
                    return
                if index == 0:
                    # Only now: by schemas of a reload that failed, secrets might be none, and be stored as plain text.
                    self._seal_by(schemas)
                    set_level(settings.log_level)
            _logger.info("workers replaced", extra={"workers": len(self._lives.slots)})
            await self._configuration.reread()

    async def _answer(self, reply: Callable[[Answered], Awaitable[None]], question: Question) -> None:
        answer: Answer | PhasegateError
        try:
            match question:
                case Propose():
                    answer, late = await self._configuration.propose(question.proposal)
                    if question.everywhere and late:
                        answer = NotEverywhere(answer, late)
                case AskRevisions():
                    answer = await self._store.revisions(before=question.before, limit=question.limit)
                case AskRevision():
                    answer = await self._store.packed_revision(question.number)
                case AskExplanation():
                    answer = await self._explanations.find(question.request_id)
                case AskSummaries():
                    answer = await self._store.summaries(before=question.before, limit=question.limit)
        except PhasegateError as error:
            answer = error
        except Exception:
            _logger.exception("question can't be answered", extra={"question": type(question).__name__})
            answer = PhasegateError("a defect in the gateway; its log says where")
        await reply(Answered(question.ticket, answer))

    async def _until_stopped(self) -> None:
        stopped = asyncio.create_task(self._stop.wait())
        waiting: list[asyncio.Future[Any]] = [self._started, stopped]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not self._started.done():
            return
        self._started.result()
        configuration = self._configuration
        duties = (
            configuration.warm_up,
            configuration.follow_file,
            configuration.follow_store,
            configuration.follow_references,
            self._follow_hangups,
        )
        following = [asyncio.create_task(again_and_again(duty)) for duty in duties]
        await stopped
        for task in following:
            task.cancel()

    def _seal_by(self, schemas: Schemas) -> None:
        if isinstance(self._store, SealedStore):
            self._store.adopt(SecretFields(schemas))

    def _successor(self, index: int) -> Slot:
        return Slot(index, self._settings.loop, self, on_trial=True)

    def _reread(self) -> tuple[Settings, Schemas]:
        """Return what gateway.yaml says now. Raise ConfigError where that needs a new start."""
        settings = load_settings(self._settings.path.parent)
        changed = [name for name in _FIXED if attrgetter(name)(settings) != attrgetter(name)(self._settings)]
        findings = [Finding(_FIXED[name], "has changed: restart the gateway for that") for name in changed]
        if findings:
            raise ConfigError(findings, str(settings.path))
        try:
            schemas = Schemas(Registry.load(settings.plugins), native=settings.protocol == "native")
        except ConfigError as error:
            raise error.of(str(settings.path)) from error
        return self._with_keys(settings), schemas

    def _with_keys(self, settings: Settings) -> Settings:
        """Return the settings with their admin key, once the key ring is read too. Raise ConfigError."""
        name = "secrets.keyring"
        try:
            if isinstance(self._store, SealedStore):
                self._store.read_ring()
            name = "admin.keys"
            return with_admin_key(settings)
        except StartupError as error:
            raise ConfigError([Finding(name, str(error))], str(settings.path)) from error

    def _note_start(self) -> None:
        if not self._started.done() and all(other.ready for other in self._lives.slots):
            self._announce()
            self._started.set_result(None)

    async def _follow_hangups(self) -> None:
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            await self.replace_workers()

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
        await self._configuration.close()
        if self._lives.slots:
            _logger.info("stopped")
