"""A gateway as its own processes, started the way an operator starts it."""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

PHASEGATE = [sys.executable, "-m", "phasegate"]
DEADLINE_SECONDS = 20


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on, below those that the kernel gives to whoever connects meanwhile."""
    while True:
        port = random.randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class Server:
    """A running `phasegate run`, its configuration folder, and what it has logged so far."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.folder = folder
        self.process = process
        self.lines: list[dict[str, Any]] = []
        self.output = b""
        self._news = asyncio.Event()
        self._ended = False

    async def follow(self) -> None:
        """Collect log lines until the process closes its output."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.output += line
            with contextlib.suppress(ValueError):
                self.lines.append(json.loads(line))
            self._news.set()
        self._ended = True
        self._news.set()

    async def logged(self, event: str, count: int = 1) -> dict[str, Any]:
        """Wait until an event was logged that many times, and return its last line."""
        return await self.until(lambda: self._found(event, count))

    async def until(self, look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
        """Wait until `look` finds something in the log, and return that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE_SECONDS):
                while (found := look()) is None:
                    if self._ended:
                        break
                    self._news.clear()
                    await self._news.wait()
        assert found is not None, f"not in the log of {DEADLINE_SECONDS} s: {self.output.decode()}"
        return found

    @property
    def url(self) -> str:
        """Where it listens."""
        urls: list[str] = next(line["listen"] for line in self.lines if line["event"] == "listening")
        return urls[0]

    @property
    def admin_url(self) -> str:
        """Where its admin address is."""
        return "http://" + next(str(line["admin"]) for line in self.lines if line["event"] == "listening")

    def write_routes(self, routes: Any) -> None:
        """Save routes.yaml as an editor does: a new file put in the old one's place."""
        write_yaml(self.folder / "routes.yaml", routes)

    def workers(self) -> list[int]:
        """Return the process ids of the workers that live."""
        return [pid for pid in children_of(self.process.pid) if is_running(pid)]

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await self.process.wait()

    def _found(self, event: str, count: int) -> dict[str, Any] | None:
        found = [line for line in self.lines if line["event"] == event]
        return found[count - 1] if len(found) >= count else None


def children_of(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def write_yaml(path: Path, value: Any) -> None:
    """Put a new file in the place of an old one, all at once."""
    beside = path.with_suffix(".new")
    beside.write_text(value if isinstance(value, str) else yaml.safe_dump(value))
    beside.replace(path)


def write_conf(folder: Path, routes: Any, **settings: Any) -> Path:
    """Write a configuration folder that listens on free ports."""
    gateway = {
        "listen": [{"address": "127.0.0.1:0"}],
        "admin": {"address": f"127.0.0.1:{free_port()}"},
        "workers": 1,
        "log": {"access": "off"},
        **settings,
    }
    write_yaml(folder / "gateway.yaml", gateway)
    write_yaml(folder / "routes.yaml", routes)
    return folder


@contextlib.asynccontextmanager
async def serving(folder: Path, environment: Mapping[str, str] | None = None) -> AsyncIterator[Server]:
    """Run `phasegate run` on a folder until the block ends; wait until it listens."""
    process = await asyncio.create_subprocess_exec(
        *PHASEGATE,
        "run",
        "--conf",
        str(folder),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    server = Server(folder, process)
    following = asyncio.create_task(server.follow())
    try:
        await server.logged("listening")
        yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        await following


async def run_command(
    *arguments: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> tuple[int, str, str]:
    """Run a `phasegate` command in a folder to its end; return exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        *PHASEGATE,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
        cwd=folder,
    )
    async with asyncio.timeout(DEADLINE_SECONDS):
        output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()
