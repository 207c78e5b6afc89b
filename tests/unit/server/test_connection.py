"""What every connection does with what it sends."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from phasegate.limits import Limits
from phasegate.server.connection import Connection
from phasegate.server.listener import Listener
from phasegate.server.roster import Roster
from tests.listening import Scripted, echo


class _Transport:
    """Keeps what is written; its socket is one to ask, and no more."""

    def __init__(self, below: socket.socket) -> None:
        self.written: list[bytes] = []
        self.write = self.written.append
        self._socket = below

    def get_extra_info(self, name: str) -> socket.socket:
        return self._socket

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


class Sending:
    """Connections of one listener, and what they have sent."""

    def __init__(self, below: socket.socket) -> None:
        self._below = below
        self._listener = Listener(Scripted(echo), Roster(Limits()))

    def connection(self) -> tuple[Connection, list[bytes]]:
        transport: Any = _Transport(self._below)
        return Connection(self._listener, transport, "192.0.2.1"), transport.written


@pytest.fixture
async def sending() -> AsyncIterator[Sending]:
    near, far = socket.socketpair()
    with near, far:
        yield Sending(near)


async def test_what_is_sent_soon_leaves_in_one_write_at_the_end_of_the_turn(sending: Sending) -> None:
    connection, written = sending.connection()
    connection.write_soon(b"a")
    connection.write_soon(b"b")
    assert written == []
    await asyncio.sleep(0)
    assert written == [b"ab"]
    connection.write_soon(b"c")
    await asyncio.sleep(0)
    assert written == [b"ab", b"c"]


async def test_what_is_sent_at_once_stays_behind_what_waits(sending: Sending) -> None:
    connection, written = sending.connection()
    connection.write(b"a")
    connection.write_soon(b"b")
    connection.write(b"c")
    assert written == [b"a", b"bc"]
    await asyncio.sleep(0)
    assert written == [b"a", b"bc"]


async def test_a_lot_is_not_gathered(sending: Sending) -> None:
    connection, written = sending.connection()
    connection.write_soon(b"a")
    connection.write_soon(bytes(65_535))
    assert written == []
    connection.write_soon(b"b")
    assert [len(data) for data in written] == [65_537]


async def test_nothing_is_lost_where_many_send_in_one_turn(sending: Sending) -> None:
    connections = [sending.connection() for _ in range(200)]
    for connection, _ in connections:
        connection.write_soon(b"a")
    await asyncio.sleep(0)
    assert [written for _, written in connections] == [[b"a"]] * 200


async def test_what_waits_is_sent_before_anybody_asks_what_was_taken(sending: Sending) -> None:
    connection, written = sending.connection()
    connection.write_soon(b"a")
    assert connection.not_taken() == 0
    assert written == [b"a"]
    await asyncio.sleep(0)
    assert written == [b"a"]


async def test_a_client_that_is_gone_is_sent_nothing(sending: Sending) -> None:
    connection, written = sending.connection()
    connection.write_soon(b"a")
    connection.lost()
    await asyncio.sleep(0)
    connection.write(b"b")
    assert written == []
