"""What leaves together at the end of a turn."""

from __future__ import annotations

import asyncio

import pytest

from phasegate.outbox import Outbox


class _Sender:
    def __init__(self, name: str, sent: list[str], *, fails: bool = False) -> None:
        self._name, self._sent, self._fails = name, sent, fails

    def abort(self) -> None:
        self._sent.append(f"{self._name} aborted")

    def flush(self) -> None:
        if self._fails:
            raise RuntimeError(self._name)
        self._sent.append(self._name)


async def test_senders_are_called_in_their_order_at_the_end_of_the_turn() -> None:
    sent: list[str] = []
    outbox = Outbox(asyncio.get_running_loop())
    for name in "abc":
        outbox.add(_Sender(name, sent))
    assert sent == []
    await asyncio.sleep(0)
    assert sent == ["a", "b", "c"]
    outbox.add(_Sender("d", sent))
    await asyncio.sleep(0)
    assert sent == ["a", "b", "c", "d"]


async def test_what_comes_before_a_later_turn_has_left_when_that_begins() -> None:
    sent: list[str] = []
    Outbox(asyncio.get_running_loop()).add(_Sender("a", sent))
    seen: list[list[str]] = []
    asyncio.get_running_loop().call_soon(lambda: seen.append([*sent]))
    await asyncio.sleep(0)
    assert seen == [["a"]]


async def test_many_do_not_wait_for_each_other() -> None:
    sent: list[str] = []
    outbox = Outbox(asyncio.get_running_loop())
    for number in range(100):
        outbox.add(_Sender(str(number), sent))
    assert sent == [str(number) for number in range(64)]
    await asyncio.sleep(0)
    assert len(sent) == 100


async def test_one_that_fails_is_closed_and_keeps_no_other_from_sending(caplog: pytest.LogCaptureFixture) -> None:
    sent: list[str] = []
    outbox = Outbox(asyncio.get_running_loop())
    outbox.add(_Sender("a", sent, fails=True))
    outbox.add(_Sender("b", sent))
    await asyncio.sleep(0)
    assert sent == ["a aborted", "b"]
    assert "connection closed, for it can't send" in caplog.text
