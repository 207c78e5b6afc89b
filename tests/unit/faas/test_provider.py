"""Credentials over time: loaded once for all, ahead of their end, and kept until it when loading fails. The clock is turned."""

import asyncio
import logging
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from phasegate import Secret
from phasegate.faas import CredentialsUnavailable, Provider, Token
from phasegate.testing import FixedClock

HOUR = 3600.0
PATIENT = 20.0


@dataclass
class Bank:
    """Gives keys that last for an hour, numbered, once its door is open; raises what it is told to."""

    clock: FixedClock
    lasts: float | None = HOUR
    error: Exception | None = None
    loads: int = 0
    door: threading.Event = field(default_factory=threading.Event)

    def load(self) -> Token:
        self.loads += 1
        number = self.loads
        assert self.door.wait(30)
        if self.error is not None:
            raise self.error
        expires = None if self.lasts is None else self.clock.time() + self.lasts
        return Token(Secret(f"s3cret-{number}"), expires)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def bank(clock: FixedClock) -> Bank:
    bank = Bank(clock)
    bank.door.set()
    return bank


@pytest.fixture
async def provider(bank: Bank, clock: FixedClock) -> AsyncIterator[Provider[Token]]:
    provider = Provider("the bank", bank.load, clock, logging.getLogger("bank"))
    yield provider
    bank.door.set()
    assert await provider.landed(PATIENT)


async def key(provider: Provider[Token], clock: FixedClock) -> str:
    return (await provider.get(clock.time(), PATIENT)).secret.value


async def settled(provider: Provider[Token], clock: FixedClock, seconds: float) -> str | None:
    """Let time pass, have a request look, and return the key that holds once what that began has ended."""
    clock.advance(seconds)
    provider.at(clock.time())
    assert await provider.landed(PATIENT)
    keys = provider.at(clock.time())
    return keys.secret.value if keys else None


async def test_many_who_wait_are_one_load(provider: Provider[Token], bank: Bank, clock: FixedClock) -> None:
    bank.door.clear()
    waiting = [asyncio.create_task(key(provider, clock)) for _ in range(100)]
    await asyncio.sleep(0)
    bank.door.set()
    assert await asyncio.gather(*waiting) == ["s3cret-1"] * 100
    assert bank.loads == 1


async def test_who_asks_goes_on_with_the_old_keys_while_new_ones_are_loaded(
    provider: Provider[Token], bank: Bank, clock: FixedClock
) -> None:
    assert await key(provider, clock) == "s3cret-1"
    bank.door.clear()
    clock.advance(HOUR - 800)
    assert [await key(provider, clock) for _ in range(100)] == ["s3cret-1"] * 100
    bank.door.set()
    assert await provider.landed(PATIENT)
    assert await key(provider, clock) == "s3cret-2"
    assert bank.loads == 2


@pytest.mark.parametrize(("lasts", "due"), [(HOUR, HOUR - 900), (12 * HOUR, 12 * HOUR - 900), (900, 450)])
async def test_keys_are_loaded_a_quarter_of_an_hour_before_their_end_or_at_half_of_their_time(
    lasts: float, due: float, provider: Provider[Token], bank: Bank, clock: FixedClock
) -> None:
    bank.lasts = lasts
    await key(provider, clock)
    assert await settled(provider, clock, due - 1) == "s3cret-1"
    assert await settled(provider, clock, 1) == "s3cret-2"


async def test_how_far_ahead_is_the_vendors_to_say(bank: Bank, clock: FixedClock) -> None:
    provider = Provider("the bank", bank.load, clock, logging.getLogger("bank"), ahead_seconds=300)
    await key(provider, clock)
    assert await settled(provider, clock, HOUR - 301) == "s3cret-1"
    assert await settled(provider, clock, 1) == "s3cret-2"


async def test_keys_without_an_end_are_loaded_anew_each_hour(
    provider: Provider[Token], bank: Bank, clock: FixedClock
) -> None:
    bank.lasts = None
    await key(provider, clock)
    assert await settled(provider, clock, HOUR - 1) == "s3cret-1"
    assert await settled(provider, clock, 1) == "s3cret-2"


async def test_the_last_good_keys_are_kept_until_they_really_end(
    provider: Provider[Token], bank: Bank, clock: FixedClock
) -> None:
    await key(provider, clock)
    bank.error = OSError("the bank is closed")
    assert await settled(provider, clock, HOUR - 900) == "s3cret-1"
    assert await settled(provider, clock, 899) == "s3cret-1"
    assert await settled(provider, clock, 1) is None
    with pytest.raises(CredentialsUnavailable, match="no credentials from the bank: the bank is closed"):
        await key(provider, clock)


async def test_attempts_get_rarer(provider: Provider[Token], bank: Bank, clock: FixedClock) -> None:
    bank.error = OSError("closed")
    await settled(provider, clock, 0)
    for number, wait in enumerate([2, 4, 8, 16, 32, 32], 1):
        await settled(provider, clock, wait - 0.5)
        assert bank.loads == number
        await settled(provider, clock, 0.5)
        assert bank.loads == number + 1


async def test_who_asks_between_two_attempts_is_told_at_once_when_the_next_one_is(
    provider: Provider[Token], bank: Bank, clock: FixedClock
) -> None:
    bank.error = OSError("closed")
    await settled(provider, clock, 0)
    with pytest.raises(CredentialsUnavailable) as caught:
        await key(provider, clock)
    assert caught.value.headers == {"retry-after": "2"}
    assert bank.loads == 1


async def test_a_load_that_hangs_holds_nobody_up_for_ever(
    provider: Provider[Token], bank: Bank, clock: FixedClock
) -> None:
    bank.door.clear()
    with pytest.raises(CredentialsUnavailable, match="still being loaded"):
        await provider.get(clock.time(), 0.01)


async def test_keys_that_are_over_already_are_none(provider: Provider[Token], bank: Bank, clock: FixedClock) -> None:
    bank.lasts = -1
    with pytest.raises(CredentialsUnavailable, match="have expired, by this machine's clock"):
        await key(provider, clock)


async def test_other_keys_are_loaded_when_these_are_refused(
    provider: Provider[Token], bank: Bank, clock: FixedClock
) -> None:
    refused = await provider.get(clock.time(), PATIENT)
    clock.advance(60)
    renewed = await asyncio.gather(*(provider.renew(refused, PATIENT) for _ in range(100)))
    assert renewed == [True] * 100
    assert (await key(provider, clock), bank.loads) == ("s3cret-2", 2)
    assert await provider.renew(refused, PATIENT)
    assert bank.loads == 2


async def test_a_source_that_gives_the_same_keys_again_is_not_asked_for_each_refusal(
    provider: Provider[Token], bank: Bank, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = Token(Secret("s3cret"))
    loads: list[Token] = []

    def load() -> Token:
        loads.append(same)
        return same

    monkeypatch.setattr(provider, "_load", load)
    await key(provider, clock)
    clock.advance(60)
    assert [await provider.renew(same, PATIENT) for _ in range(10)] == [False] * 10
    assert len(loads) == 2


async def test_the_log_says_why_and_grows_louder(
    provider: Provider[Token], bank: Bank, clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bank.error = OSError("the bank is closed")
    await settled(provider, clock, 0)
    bank.error = None
    await settled(provider, clock, 2)
    bank.error = OSError("the bank is closed")
    await settled(provider, clock, HOUR - 900)
    await settled(provider, clock, 400)
    told = [(record.levelname, record.getMessage()) for record in caplog.records]
    unavailable = "credentials unavailable"
    assert told == [
        ("WARNING", unavailable),
        ("INFO", "credentials are back"),
        ("WARNING", unavailable),
        ("ERROR", unavailable),
    ]
    assert "s3cret" not in caplog.text
    assert vars(caplog.records[0])["reason"] == "the bank is closed"


async def test_keys_are_at_hand_before_anybody_asks(provider: Provider[Token], bank: Bank, clock: FixedClock) -> None:
    provider.open()
    assert await provider.landed(PATIENT)
    assert provider.at(clock.time()) is not None
    provider.close()


def test_a_load_that_hangs_does_not_keep_the_process_from_ending() -> None:
    program = """
import asyncio, logging, time
from phasegate.testing import FixedClock
from phasegate.faas import Provider

async def main():
    Provider("the bank", lambda: time.sleep(600), FixedClock(), logging.getLogger()).open()
    await asyncio.sleep(0)

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=50)
