"""Crowds of routes, plugins and consumers, and the upstream that takes its time."""

import asyncio
import importlib.metadata
from pathlib import Path

import pytest

from bench.credentials import API_KEY
from bench.peers import ANSWER
from bench.sizes import passing
from bench.sizes.crowds import _STRIDE as STRIDE
from bench.sizes.crowds import ROUTES
from bench.waiting.slow import Slow

ASKED = f"GET /api-key HTTP/1.1\r\nX-API-Key: {API_KEY}\r\n\r\n".encode()


def test_each_plugin_has_a_name_of_its_own_and_is_offered(tmp_path: Path) -> None:
    passing.offer(tmp_path, 3)
    (distribution,) = importlib.metadata.distributions(path=[str(tmp_path)])
    loaded = [point.load() for point in distribution.entry_points]
    assert [each.name for each in loaded] == [passing.name(number) for number in range(3)]


def test_nothing_else_is_made() -> None:
    with pytest.raises(AttributeError):
        _ = passing.Passingly


@pytest.mark.parametrize("count", ROUTES)
def test_every_number_comes_once_in_a_turn(count: int) -> None:
    number, seen = 0, set()
    for _ in range(count):
        number = (number + STRIDE) % count
        seen.add(number)
    assert len(seen) == count


@pytest.mark.parametrize(("asked", "status"), [(ASKED, b"200"), (ASKED.replace(b"-40-", b"-41-"), b"403")])
async def test_the_slow_upstream_answers_who_has_the_key(asked: bytes, status: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Slow(0), "127.0.0.1", 0)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        for part in (asked[:20], asked[20:], asked):
            writer.write(part)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.split()[1] == status
        if status == b"200":
            assert await reader.readexactly(len(ANSWER)) == ANSWER.encode()
        writer.close()
