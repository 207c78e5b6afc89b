"""Tokens: which hold, and which do not."""

import base64

import pytest

from phasegate.explain.kept import Recent
from phasegate.explain.live import Live
from phasegate.explain.tokens import Tokens
from phasegate.testing import FixedClock

KEY = b"k" * 32


def test_a_token_holds_until_its_end() -> None:
    clock = FixedClock()
    tokens = Tokens(KEY, clock.time)
    token, ends = tokens.issue(60)
    assert ends == int(clock.time()) + 60
    clock.advance(59)
    assert tokens.holds(token.encode())
    clock.advance(1)
    assert not tokens.holds(token.encode())


def test_two_tokens_of_one_moment_differ() -> None:
    tokens = Tokens(KEY)
    assert tokens.issue() != tokens.issue()


def test_another_worker_of_the_node_takes_it_and_another_node_does_not() -> None:
    token = Tokens(KEY).issue()[0].encode()
    assert Tokens(KEY).holds(token)
    assert not Tokens(b"x" * 32).holds(token)


def test_no_other_text_holds() -> None:
    token = Tokens(KEY).issue()[0].encode()
    for place in range(len(token)):
        other = b"B" if token[place : place + 1] == b"A" else b"A"
        assert not Tokens(KEY).holds(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("token", [b"", b"x", b"=" * 64, b"\xff" * 64, b"A" * 64, b"A" * 63 + b"\n", b"-" * 64])
def test_garbage_does_not_hold(token: bytes) -> None:
    assert not Tokens(KEY).holds(token)


def test_a_later_end_can_not_be_written_into_one() -> None:
    clock = FixedClock()
    tokens = Tokens(KEY, clock.time)
    data = bytearray(base64.urlsafe_b64decode(tokens.issue(1)[0]))
    data[0] = 0x7F
    clock.advance(5)
    assert not tokens.holds(base64.urlsafe_b64encode(data))


def test_so_many_requests_a_second_are_explained() -> None:
    clock = FixedClock()
    live = Live(Tokens(KEY), Recent(), clock.monotonic)
    token = live.tokens.issue()[0].encode()
    assert [live.admits(token) for _ in range(12)] == [True] * 10 + [False] * 2
    clock.advance(1)
    assert live.admits(token)


def test_wrong_tokens_take_nobody_s_turn() -> None:
    live = Live(Tokens(KEY), Recent(), FixedClock().monotonic)
    assert not any(live.admits(b"A" * 64) for _ in range(50))
    assert live.admits(live.tokens.issue()[0].encode())


async def test_the_last_hundred_explanations_are_kept() -> None:
    recent = Recent()
    for number in range(101):
        recent.keep(str(number), b"%d" % number)
    assert [await recent.find(name) for name in ("0", "1", "100")] == [None, b"1", b"100"]


async def test_one_that_is_too_large_is_not_kept() -> None:
    recent = Recent()
    recent.keep("a", b"x" * 300_000)
    assert await recent.find("a") is None
