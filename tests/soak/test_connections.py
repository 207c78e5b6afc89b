"""Very many connections leave nothing behind in a worker."""

import asyncio
from pathlib import Path

from phasegate.testing import FakeUpstream
from tests.process import serving, write_conf

SHORT = 50_000
AT_ONCE = 64
ALLOWED_BYTES = 24 << 20


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


async def ask_once(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /nowhere HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 404 ")
    writer.close()


async def ask_often(port: int, count: int) -> None:
    for _ in range(count):
        await ask_once(port)


async def test_fifty_thousand_short_connections_leave_nothing_behind(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, {"routes": []})) as server:
        port, (pid,) = int(server.url.rpartition(":")[2]), server.workers()
        await ask_often(port, 1_000)
        before, bytes_before = descriptors(pid), resident_bytes(pid)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(ask_often(port, SHORT // AT_ONCE))
        assert descriptors(pid) == before
        assert resident_bytes(pid) - bytes_before < ALLOWED_BYTES
