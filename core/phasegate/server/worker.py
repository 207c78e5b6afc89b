"""One worker process: a gateway on the sockets of its slot, told by the supervisor what to serve."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable

from ..access_log import AccessLog
from ..admin import Admin, Explaining, Shared
from ..errors import ConfigError, Finding
from ..explain.live import Live
from ..explain.tokens import Tokens
from ..gateway import Gateway
from ..logs import configure, report_refusal
from ..registry import Registry
from ..schema.tables import Schemas
from ..snapshot import Snapshot
from ..snapshot.garbage import settle
from .channel import Abort, Answered, Channel, Commit, Committed, Prepare, Prepared, Ready, Refused, Serve, Start, Stop
from .desk import WorkerDesk
from .serving import Site, serve
from .sockets import BACKLOG
from .state import State, applied

_logger = logging.getLogger(__name__)
_ACCESS_DESCRIPTORS = {"stdout": 1, "stderr": 2}


class Worker:
    """Serves until its supervisor says stop, or is gone."""

    def __init__(self, channel: Channel, start: Start) -> None:
        settings = start.settings
        self._channel = channel
        self._start = start
        self._admitted = asyncio.Event()
        self._stopping = asyncio.Event()
        self._preparing: set[asyncio.Task[None]] = set()
        self._state = start.state
        self._desk = WorkerDesk(channel, lambda: self._state, str(settings.file), writable=settings.store != "none")
        self._candidates: dict[int, tuple[State, Snapshot]] = {}
        descriptor = _ACCESS_DESCRIPTORS.get(settings.access_log)
        self._live = Live(Tokens(start.explain_key), self._desk)
        self._schemas = Schemas(Registry.load(settings.plugins), native=settings.protocol == "native")
        self._gateway = Gateway(
            self._schemas,
            trusted_proxies=settings.trusted_proxies,
            access_log=None if descriptor is None else AccessLog(descriptor),
            live=self._live,
        )

    async def run(self) -> None:
        """Load, serve and obey; return once everything is finished."""
        try:
            self._gateway.swap(await self._prepared(self._state))
        except ConfigError as error:
            self._channel.send(Refused(0, error.findings))
            return
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        settings, sites = self._start.settings, self._sites()
        for site in sites:
            # From now on whoever connects is queued until the server accepts, and never refused.
            site.sock.listen(BACKLOG)
        obeying = asyncio.create_task(self._obey())
        self._channel.send(Ready())
        await self._admitted.wait()
        settle()
        await serve(
            sites,
            stopping=self._stopping,
            protocol=settings.protocol,
            limits=settings.limits,
            trusted_proxies=settings.trusted_proxies,
            graceful_timeout=settings.graceful_timeout,
        )
        obeying.cancel()
        for task in self._preparing:
            task.cancel()
        self._desk.close()
        await self._gateway.close()

    def _sites(self) -> list[Site]:
        start, settings = self._start, self._start.settings
        explaining = Explaining(self._gateway, self._live)
        admin = Admin(
            self._desk,
            self._schemas,
            settings.admin.keys,
            settings.admin,
            settings.trusted_proxies,
            explaining=explaining,
        )
        sites = []
        for descriptor, listen in zip(start.listeners, settings.listen, strict=True):
            shared = start.admin is None and listen.address == settings.admin_address
            application = Shared(admin, self._gateway) if shared else self._gateway
            sock = socket.socket(fileno=descriptor)
            sites.append(Site(sock, application, listen.tls, self._gateway.certificates))
        if start.admin is not None:
            sites.append(Site(socket.socket(fileno=start.admin), admin, is_admin=True))
        return sites

    async def _obey(self) -> None:
        """Follow the supervisor's messages; its end is the end of the worker too. Preparing never makes it deaf."""
        while (message := await self._channel.receive()) is not None:
            match message:
                case Prepare():
                    task = asyncio.create_task(self._prepare(message))
                    self._preparing.add(task)
                    task.add_done_callback(self._preparing.discard)
                case Commit() if message.generation in self._candidates:
                    self._commit(message.generation)
                case Abort():
                    await self._forget(message.generation)
                case Answered():
                    self._desk.answered(message)
                case Serve():
                    self._admitted.set()
                case Stop():
                    self._stop()
        self._desk.close()
        self._stop()

    def _stop(self) -> None:
        self._stopping.set()
        self._admitted.set()

    async def _prepare(self, message: Prepare) -> None:
        try:
            state = applied(State() if message.whole else self._state, message.difference)
            self._candidates[message.generation] = state, await self._prepared(state)
        except ConfigError as error:
            self._channel.send(Refused(message.generation, error.findings))
        except Exception as error:
            _logger.exception("configuration can't be prepared")
            finding = Finding("", f"worker {self._start.slot} can't prepare it: {type(error).__name__}: {error}")
            self._channel.send(Refused(message.generation, (finding,)))
        else:
            self._channel.send(Prepared(message.generation))

    async def _prepared(self, state: State) -> Snapshot:
        return await self._gateway.prepare(state.document, records=state.records, references=state.references)

    def _commit(self, generation: int) -> None:
        self._state, snapshot = self._candidates.pop(generation)
        self._gateway.swap(snapshot)
        self._channel.send(Committed(generation))

    async def _forget(self, generation: int) -> None:
        if generation in self._candidates:
            _, snapshot = self._candidates.pop(generation)
            await snapshot.close()


async def _main(descriptor: int) -> int:
    """Return the exit code."""
    channel = await Channel.over(socket.socket(fileno=descriptor))
    start = await channel.receive()
    code = await _live(channel, start) if isinstance(start, Start) else 0
    channel.close()
    return code


async def _live(channel: Channel, start: Start) -> int:
    configure(start.settings.log_level)
    try:
        worker = Worker(channel, start)
    except ConfigError as error:
        # A plugin is another one on the disk than the supervisor has.
        report_refusal(_logger, error.of(str(start.settings.path)))
        return os.EX_CONFIG
    await worker.run()
    return 0


def _loop_factory(settings_loop: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if settings_loop == "asyncio":
        return None
    with contextlib.suppress(ImportError):
        import uvloop  # noqa: PLC0415 (only where it is wanted)

        return uvloop.new_event_loop
    return None


def main() -> None:
    """Run a worker: `python -m phasegate.server.worker DESCRIPTOR LOOP`, as the supervisor starts it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    descriptor, loop = int(sys.argv[1]), sys.argv[2]
    with asyncio.Runner(loop_factory=_loop_factory(loop)) as runner:
        code = runner.run(_main(descriptor))
    sys.exit(code)


if __name__ == "__main__":
    main()
