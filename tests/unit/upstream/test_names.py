import asyncio
import socket

import pytest

from phasegate.upstream.names import Names


class Resolving:
    """A loop whose resolver answers as told, and counts how often it is asked."""

    def __init__(self, loop: asyncio.AbstractEventLoop, addresses: list[str]) -> None:
        self.addresses = addresses
        self.asked = 0
        self.now = 0.0
        self.gate = asyncio.Event()
        self.gate.set()
        self.create_task = loop.create_task

    def time(self) -> float:
        return self.now

    async def getaddrinfo(self, host: str, port: int, **options: int) -> list[object]:
        self.asked += 1
        await self.gate.wait()
        if not self.addresses:
            raise socket.gaierror(-2, "Name or service not known")
        return [
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)) for address in self.addresses
        ]


@pytest.fixture
async def loop() -> Resolving:
    return Resolving(asyncio.get_running_loop(), ["192.0.2.1", "192.0.2.2"])


@pytest.fixture
def names(loop: Resolving) -> Names:
    return Names(loop)  # type: ignore[arg-type]


async def firsts(names: Names, count: int) -> list[str]:
    return [(await names.addresses("a.test", 80))[0][4][0] for _ in range(count)]


async def test_addresses_take_turns(names: Names) -> None:
    assert await firsts(names, 3) == ["192.0.2.2", "192.0.2.1", "192.0.2.2"]


@pytest.mark.parametrize(("seconds", "asked"), [(9.9, 1), (10.0, 2)])
async def test_an_answer_is_kept_for_a_while(names: Names, loop: Resolving, seconds: float, asked: int) -> None:
    await firsts(names, 1)
    loop.now = seconds
    await firsts(names, 1)
    assert loop.asked == asked


async def test_many_ask_once_and_one_that_gives_up_ends_it_for_nobody(names: Names, loop: Resolving) -> None:
    loop.gate.clear()
    asking = [asyncio.ensure_future(names.addresses("a.test", 80)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()
    loop.gate.set()
    assert [len(found) for found in await asyncio.gather(*asking[1:])] == [2] * 4
    assert loop.asked == 1


async def test_a_failure_is_not_kept(names: Names, loop: Resolving) -> None:
    found, loop.addresses = loop.addresses, []
    with pytest.raises(socket.gaierror):
        await names.addresses("a.test", 80)
    loop.addresses = found
    assert len(await names.addresses("a.test", 80)) == 2


@pytest.mark.parametrize(("host", "family"), [("192.0.2.9", socket.AF_INET), ("2001:db8::1", socket.AF_INET6)])
async def test_an_address_needs_no_resolver(names: Names, loop: Resolving, host: str, family: int) -> None:
    assert [found[:2] + found[4:] for found in await names.addresses(host, 80)] == [
        (family, socket.SOCK_STREAM, (host, 80))
    ]
    assert loop.asked == 0
