import asyncio
import shutil
from pathlib import Path

import pytest

from phasegate.errors import StartupError
from phasegate.sealing import KeyRing, SealedStore, forget_ring, open_ring
from phasegate.store.records import StoreUnavailable, Write
from tests.memory_store import MemoryStore


async def filled_store(ring: KeyRing) -> MemoryStore:
    inner = MemoryStore()
    store = SealedStore(inner, ring, lambda key, value: [("key",)])
    await store.apply([Write("routes", "1", {"key": "s3cret"})], base=0, author="", note="")
    return inner


async def test_a_ring_is_made_for_a_store_that_holds_nothing_sealed(tmp_path: Path) -> None:
    inner = MemoryStore()
    await inner.apply([Write("routes", "1", {"uri": "/"})], base=0, author="", note="")
    ring = await open_ring(tmp_path / "var" / "keyring", inner)
    assert len(ring.ids) == 1
    assert (await open_ring(tmp_path / "var" / "keyring", inner)).ids == ring.ids


async def test_no_ring_is_made_for_one_that_does(ring: KeyRing, tmp_path: Path) -> None:
    inner = await filled_store(ring)
    with pytest.raises(StartupError, match=rf"sealed with key {ring.newest}, and there is no key ring {tmp_path}/none"):
        await open_ring(tmp_path / "none", inner)
    assert not (tmp_path / "none").exists()


async def test_nor_for_one_whose_history_does(ring: KeyRing, tmp_path: Path) -> None:
    inner = await filled_store(ring)
    await inner.apply([Write("routes", "1", None)], base=1, author="", note="")
    for base in range(2, 60):
        await inner.apply([Write("routes", "2", {"uri": "/"})], base=base, author="", note="")
    with pytest.raises(StartupError, match="there is no key ring"):
        await open_ring(tmp_path / "none", inner)


async def test_with_a_ring_an_absent_store_is_not_waited_for(ring: KeyRing) -> None:
    inner = MemoryStore()
    inner.away = True
    assert (await open_ring(ring.path, inner)).ids == ring.ids


async def test_without_one_an_absent_store_says_nothing(tmp_path: Path) -> None:
    inner = MemoryStore()
    inner.away = True
    with pytest.raises(StoreUnavailable):
        await open_ring(tmp_path / "keyring", inner)
    assert not (tmp_path / "keyring").exists()


async def test_another_ring_is_refused_before_anything_is_sealed(ring: KeyRing, tmp_path: Path) -> None:
    inner = MemoryStore()
    await open_ring(ring.path, inner)
    other = KeyRing.make(tmp_path / "other")
    with pytest.raises(StartupError) as refused:
        await open_ring(other.path, inner)
    assert str(refused.value).startswith(
        f"the store is used with key {ring.newest}, and {other.path} has {other.newest} instead: copy that file from"
    )
    assert inner.noted == {ring.newest}


async def test_no_ring_is_made_for_a_store_that_one_was_used_with(ring: KeyRing, tmp_path: Path) -> None:
    inner = MemoryStore()
    await open_ring(ring.path, inner)
    with pytest.raises(
        StartupError, match=rf"is used with key {ring.newest}, and there is no key ring {tmp_path}/none"
    ):
        await open_ring(tmp_path / "none", inner)
    assert not (tmp_path / "none").exists()


async def test_of_two_nodes_that_make_rings_at_once_one_starts(tmp_path: Path) -> None:
    inner = MemoryStore()
    rings = await asyncio.gather(
        *(open_ring(tmp_path / name, inner) for name in ("one", "two")), return_exceptions=True
    )
    assert sorted(type(ring).__name__ for ring in rings) == ["KeyRing", "StartupError"]


async def test_a_copy_that_was_rotated_elsewhere_is_the_same_ring(ring: KeyRing, tmp_path: Path) -> None:
    inner = MemoryStore()
    await open_ring(ring.path, inner)
    shutil.copy(ring.path, tmp_path / "older")
    first, newest = ring.newest, ring.rotate()
    await open_ring(ring.path, inner)
    assert inner.noted == {first, newest}
    assert (await open_ring(tmp_path / "older", inner)).ids == (first,)
    assert inner.noted == {first, newest}


async def test_a_store_of_an_earlier_version_is_judged_by_what_is_sealed_in_it(ring: KeyRing, tmp_path: Path) -> None:
    inner = await filled_store(ring)
    other = KeyRing.make(tmp_path / "other")
    with pytest.raises(
        StartupError, match=f"is used with key {ring.newest}, and .* has {other.newest} instead"
    ) as told:
        await open_ring(other.path, inner)
    assert "forget" not in str(told.value)
    assert inner.noted == frozenset()
    await open_ring(ring.path, inner)
    assert inner.noted == {ring.newest}


async def test_a_ring_that_opens_what_is_sealed_is_taken_whatever_was_noted(ring: KeyRing) -> None:
    inner = await filled_store(ring)
    inner.noted = frozenset({"01234567"})
    await open_ring(ring.path, inner)
    assert inner.noted == {"01234567", ring.newest}


async def test_a_store_that_holds_nothing_sealed_can_take_another_ring(ring: KeyRing, tmp_path: Path) -> None:
    inner = MemoryStore()
    await open_ring(ring.path, inner)
    await forget_ring(inner)
    other = await open_ring(tmp_path / "other", inner)
    assert inner.noted == set(other.ids)


async def test_one_that_does_can_not(ring: KeyRing) -> None:
    inner = await filled_store(ring)
    await open_ring(ring.path, inner)
    with pytest.raises(StartupError, match=f"sealed with key {ring.newest}: copy"):
        await forget_ring(inner)
    assert inner.noted == {ring.newest}
