"""Providers are shared by equal sources of one gateway, and let go with the last that used them."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from phasegate import Secret
from phasegate.testing import FixedClock, make_services
from phasegate_aws_lambda import sharing
from phasegate_aws_lambda.credentials import Keys, Role, Source
from phasegate_aws_lambda.provider import Load, loader
from phasegate_aws_lambda.sharing import Providers, providers_of

STATIC = Keys("AKIDSTATIC", Secret("s3cret"))


def source(profile: str | None = None, **tags: str) -> Source:
    role = Role(role_arn="arn:aws:iam::123456789012:role/caller", tags=tags, sts_endpoint="http://127.0.0.1:1")
    return Source(static=STATIC, profile=profile, roles=(role,), region="eu-west-1")


async def test_equal_sources_have_one_provider() -> None:
    providers, services = Providers(), make_services()
    first, second = [await providers.take(source(team="a"), services) for _ in range(2)]
    assert first is second
    for other in (source(team="b"), source(profile="p", team="a")):
        assert await providers.take(other, services) is not first
        providers.drop(other)
    for _ in range(2):
        providers.drop(source(team="a"))


async def test_a_provider_goes_with_its_last_user() -> None:
    providers, services = Providers(), make_services()
    for _ in range(2):
        await providers.take(source(), services)
    providers.drop(source())
    assert len(providers) == 1
    providers.drop(source())
    assert len(providers) == 0
    with pytest.raises(KeyError):
        providers.drop(source())


async def test_two_gateways_share_nothing() -> None:
    first, second = make_services(), make_services()
    assert providers_of(first) is providers_of(first)
    assert providers_of(first) is not providers_of(second)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What every load waits for."""
    door = threading.Event()

    def loader(source: Source, slots: threading.Semaphore) -> Load:
        def load() -> Keys:
            assert door.wait(30)
            return STATIC

        return load

    monkeypatch.setattr(sharing, "loader", loader)
    yield door
    door.set()


async def test_a_configuration_waits_five_seconds_for_all_of_its_keys(
    door: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FixedClock()
    providers, services = Providers(), make_services(clock=clock)

    async def take(number: int) -> int:
        await providers.take(source(team=str(number)), services)
        return len([record for record in caplog.records if record.getMessage() == "credentials are late"])

    door.set()
    for number in range(6):
        assert await take(number) == 0
        clock.advance(0.9)
    door.clear()
    assert await take(6) == 1
    clock.advance(1.1)
    door.set()
    assert await take(7) == 1


async def test_few_sources_are_asked_at_once(place: Any) -> None:
    asked = [source(team=str(number)) for number in range(12)]
    sts = place(lambda request: (500, b""))
    sts.gate.clear()
    slots = threading.Semaphore(2)
    threads = [threading.Thread(target=_try, args=(loader(at(one, sts.url), slots),)) for one in asked]
    for thread in threads:
        thread.start()
    while len(sts.asked) < 2:
        await asyncio.sleep(0.01)
    assert not slots.acquire(blocking=False)
    assert len(sts.asked) == 2
    sts.gate.set()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert {request.form["Tags.member.1.Value"] for request in sts.asked} == {str(number) for number in range(12)}


def at(given: Source, url: str) -> Source:
    return replace(given, roles=(replace(given.roles[0], sts_endpoint=url),))


def _try(load: Load) -> None:
    with contextlib.suppress(Exception):
        load()
