"""What stands between a client and etcd, and loses what passes."""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit


class Between:
    """Passes bytes on between a store and etcd; the next writes, or the answers to them, are lost as often as it is told."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._etcd = parts.hostname, parts.port
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self.lose_writes = 0
        self.lose_answers = 0
        self.before_loss: Callable[[], Awaitable[object]] | None = None

    async def start(self) -> str:
        """Listen, and return the URL."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close everything."""
        assert self._server
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(*self._etcd)
        doomed = asyncio.Event()
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._requests(reader, requests, doomed)),
                    asyncio.ensure_future(self._answers(answers, writer, doomed)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            writer.close()
            requests.close()

    async def _requests(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await source.read(1 << 16):
            if b"request_put" in data and self.lose_writes:
                self.lose_writes -= 1
                if self.before_loss:
                    await self.before_loss()
                return
            if b"request_put" in data and self.lose_answers:
                self.lose_answers -= 1
                doomed.set()
            sink.write(data)

    async def _answers(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await source.read(1 << 16):
            if doomed.is_set():
                return
            sink.write(data)
