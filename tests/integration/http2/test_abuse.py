"""Attacks: whoever tries is cut off, nobody else notices, and nothing is left of it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hyperframe.frame import ContinuationFrame, PingFrame, PriorityFrame, SettingsFrame

from phasegate import Request, Response
from phasegate.limits import Limits
from tests.http2_client import LARGEST_WINDOW, Client, Connect, Listen, data, head, raw, reset, settings, window
from tests.listening import Listening

pytestmark = pytest.mark.long

ATTACKERS = 3
SOON = 0.1
LARGE = bytes(1_000_000)
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_MOST_BYTES = 100_000_000

Attack = Callable[[Client], None]


async def serves(request: Request) -> Response:
    """Answer at once, at length for `/large`, without end for `/endless`, never for `/waits`, and else with the body."""
    if request.path == "/large":
        return Response(200, {}, LARGE)
    if request.path == "/endless":
        return Response(200, {}, endless())
    if request.path == "/waits":
        await asyncio.Event().wait()
    return Response(200, {}, b"".join([block async for block in request.body]))


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield bytes(65_536)


def rapid_reset(client: Client) -> None:
    for stream in range(1, 2401, 2):
        client.send(client.headers(stream, head("/waits")), reset(stream))


def resets_by_the_server(client: Client) -> None:
    for stream in range(1, 2401, 2):
        client.send(client.headers(stream, head("/waits")), data(stream, bytes(16)))


def continuation(client: Client) -> None:
    client.send(client.headers(1, whole=False), ContinuationFrame(1, b"\0\1a\1b").serialize() * 20_000)


def large_continuation(client: Client) -> None:
    client.send(client.headers(1, whole=False), ContinuationFrame(1, bytes(16_384)).serialize() * 500)


def pings(client: Client) -> None:
    client.send(PingFrame(0).serialize() * 20_000)


def acknowledged_settings(client: Client) -> None:
    client.send(SettingsFrame(0).serialize() * 20_000)


def all_settings(client: Client) -> None:
    for place in range(0x100, 0x10000, 32):
        client.send(settings(dict.fromkeys(range(place, place + 32), 1)))


def priorities(client: Client) -> None:
    client.send(PriorityFrame(99, depends_on=1).serialize() * 20_000)


def empty_data(client: Client) -> None:
    client.send(client.headers(1, head("/waits", method="POST"), end=False), data(1).serialize() * 20_000)


def window_updates(client: Client) -> None:
    client.send(client.headers(1, head("/waits")), window(1, 1).serialize() * 20_000)


def unknown_frames(client: Client) -> None:
    client.send(raw(0x16, bytes(100)) * 20_000)


def malformed_requests(client: Client) -> None:
    for stream in range(1, 2401, 2):
        client.send(client.headers(stream, [(b"X", b"")]))


def requests_without_number(client: Client) -> None:
    for stream in range(1, 2401, 2):
        client.send(client.headers(stream, head("/waits")))


def unread_answers(client: Client) -> None:
    client.open(0, LARGEST_WINDOW - 65_535)
    client.send(settings({4: LARGEST_WINDOW}))
    client.send(*[client.headers(stream, head("/endless")) for stream in range(1, 200, 2)])


def shut_windows(client: Client) -> None:
    client.send(settings({4: 0}))
    client.send(*[client.headers(stream, head("/large")) for stream in range(1, 200, 2)])


def windows_of_one_byte(client: Client) -> None:
    client.send(settings({4: 1}))
    client.send(*[client.headers(stream, head("/large")) for stream in range(1, 200, 2)])
    client.send(*[window(stream, 1).serialize() * 5 for stream in range(1, 200, 2)])


def stalled_bodies(client: Client) -> None:
    for stream in range(1, 200, 2):
        client.send(client.headers(stream, head("/", method="POST"), end=False), data(stream, bytes(1000)))


def unread_bodies(client: Client) -> None:
    for stream in range(1, 200, 2):
        client.send(client.headers(stream, head("/large", method="POST"), end=False))
        client.send(*[data(stream, bytes(16_384))] * 2)


def half_a_block(client: Client) -> None:
    client.send(client.headers(1, whole=False))


def table_bomb(client: Client) -> None:
    client.send(raw(1, b"\x40\x01a\x7f\xb0\x1e" + bytes(4015) + b"\xbe" * 12_000, flags=5, stream=1))


ATTACKS: list[Attack] = [
    rapid_reset,
    resets_by_the_server,
    continuation,
    large_continuation,
    pings,
    acknowledged_settings,
    all_settings,
    priorities,
    empty_data,
    window_updates,
    unknown_frames,
    malformed_requests,
    requests_without_number,
    unread_answers,
    shut_windows,
    windows_of_one_byte,
    stalled_bodies,
    unread_bodies,
    half_a_block,
    table_bomb,
]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_attack_is_cut_off_and_harms_nobody(
    listen: Listen, connect: Connect, attack: Attack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.server.http2.connection._LINGER_SECONDS", SOON)
    # The bystander stands idle while the attackers' work is done, in the same process.
    times = {"head_timeout": SOON, "body_timeout": SOON, "idle_timeout": 20 * SOON, "write_timeout": SOON}
    server = await listen(serves, limits=Limits(**times, body_rate=10_000))  # type: ignore[arg-type]
    other = await connect(server)
    await other.get(1)
    before = (len(asyncio.all_tasks()), descriptors(), server.connections)
    memory = resident_bytes()
    attackers = [await connect(server, receive_buffer=4096) for _ in range(ATTACKERS)]
    for attacker in attackers:
        attack(attacker)
    peak = await until_cut_off(server, other)
    for attacker in attackers:
        attacker.close()
        await attacker.until_gone()
    await asyncio.sleep(0.02)
    assert (len(asyncio.all_tasks()), server.connections) == before[::2]
    # Fewer where others that ran in this process before are only now let go.
    assert descriptors() <= before[1]
    assert peak - memory < _MOST_BYTES


async def until_cut_off(server: Listening, other: Client) -> int:
    """Let another client ask until it is the only one left, and return how much memory was in use at most."""
    stream, peak = 3, 0
    async with asyncio.timeout(30):
        while server.connections > 1 or stream < 40:
            assert (await other.get(stream)).status == 200
            await asyncio.sleep(0.005)
            stream, peak = stream + 2, max(peak, resident_bytes())
    return peak
