"""Providers are shared by equal sources of one gateway, and let go with the last that used them."""

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from phasegate import Secret
from phasegate.faas import Lease, Token, leases
from phasegate.faas.leases import Providers, providers_of
from phasegate.testing import FixedClock, make_services


@dataclass
class Bank:
    """Where all tokens come from; `door` holds loads back while it is not set."""

    door: threading.Event = field(default_factory=threading.Event)
    inside: int = 0
    loads: int = 0


@dataclass(frozen=True)
class Source:
    """One token of the bank's."""

    name: str
    bank: Bank = field(compare=False)

    def load(self) -> Token:
        self.bank.inside += 1
        assert self.bank.door.wait(30)
        self.bank.loads += 1
        return Token(Secret(f"s3cret-{self.name}"))

    def __str__(self) -> str:
        return f"the bank for {self.name}"


@pytest.fixture
def bank() -> Bank:
    bank = Bank()
    bank.door.set()
    return bank


async def test_equal_sources_have_one_provider(bank: Bank) -> None:
    providers, services = Providers(), make_services()
    first, second = [await providers.take(Source("a", bank), services) for _ in range(2)]
    assert first is second
    assert await providers.take(Source("b", bank), services) is not first
    assert bank.loads == 2
    for name in ("a", "a", "b"):
        providers.drop(Source(name, bank))


async def test_a_provider_goes_with_its_last_user(bank: Bank) -> None:
    providers, services = Providers(), make_services()
    for _ in range(2):
        await providers.take(Source("a", bank), services)
    providers.drop(Source("a", bank))
    assert len(providers) == 1
    providers.drop(Source("a", bank))
    assert len(providers) == 0
    with pytest.raises(KeyError):
        providers.drop(Source("a", bank))


async def test_a_lease_is_a_share_with_its_first_credentials(bank: Bank) -> None:
    services = make_services()
    lease = await Lease.take(Source("a", bank), services)
    token = lease.provider.at(0)
    assert token == Token(Secret("s3cret-a"))
    lease.close()
    assert len(providers_of(services)) == 0


async def test_two_gateways_share_nothing() -> None:
    first, second = make_services(), make_services()
    assert providers_of(first) is providers_of(first)
    assert providers_of(first) is not providers_of(second)


async def test_a_configuration_waits_five_seconds_for_all_of_its_credentials(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FixedClock()
    providers, services = Providers(), make_services(clock=clock)

    async def take(number: int) -> int:
        await providers.take(Source(str(number), bank), services)
        return len([record for record in caplog.records if record.getMessage() == "credentials are late"])

    for number in range(6):
        assert await take(number) == 0
        clock.advance(0.9)
    bank.door.clear()
    assert await take(6) == 1
    clock.advance(1.1)
    bank.door.set()
    assert await take(7) == 1


async def test_few_sources_are_asked_at_once(bank: Bank) -> None:
    bank.door.clear()
    providers, services = Providers(), make_services()
    taking = [asyncio.create_task(providers.take(Source(str(number), bank), services)) for number in range(12)]
    while bank.inside < 4:
        await asyncio.sleep(0.01)
    assert bank.inside == 4
    bank.door.set()
    await asyncio.gather(*taking)
    assert bank.loads == 12


async def test_sources_that_hang_keep_no_other_from_its_credentials(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "_IN_TURN_SECONDS", 0.05)
    hanging = Bank()
    providers, services = Providers(), make_services()
    taking = [asyncio.create_task(providers.take(Source(str(number), hanging), services)) for number in range(5)]
    while hanging.inside < 4:
        await asyncio.sleep(0.01)
    provider = await providers.take(Source("other", bank), services)
    assert provider.at(0) is not None
    hanging.door.set()
    await asyncio.gather(*taking)
