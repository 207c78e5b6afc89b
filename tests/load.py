"""Load on a gateway that counts what went wrong, one connection at a time, without retries of any kind."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Self


@dataclass
class Load:
    """Clients of HTTP/1.1 that ask the same again and again until they are told to stop.

    `lasting` keep their connections as long as the gateway does; `fleeting` make a new one for each request.
    """

    port: int
    lasting: int = 4
    fleeting: int = 4
    answered: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    _done: asyncio.Event = field(default_factory=asyncio.Event)
    _clients: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        for keeps in [True] * self.lasting + [False] * self.fleeting:
            self._clients.append(asyncio.create_task(self._ask_on(keeps=keeps)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._done.set()
        await asyncio.gather(*self._clients)

    async def until(self, answered: int) -> None:
        """Wait until so many requests were answered, counted from now."""
        wanted = self.answered + answered
        async with asyncio.timeout(60):
            while self.answered < wanted:
                await asyncio.sleep(0.005)

    async def _ask_on(self, *, keeps: bool) -> None:
        while not self._done.is_set():
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError as error:
                self.failures[f"connecting: {error!r}"] += 1
                continue
            try:
                while await self._ask(reader, writer, keeps=keeps) and not self._done.is_set():
                    pass
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failures[f"asking: {error!r}"] += 1
            writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keeps: bool) -> bool:
        """Ask once, and tell whether the connection goes on."""
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n" + (b"" if keeps else b"Connection: close\r\n") + b"\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        self.answered += 1
        if not head.startswith(b"HTTP/1.1 200 "):
            self.failures[head.split(b"\r\n")[0].decode()] += 1
        return b"connection: close" not in lines
