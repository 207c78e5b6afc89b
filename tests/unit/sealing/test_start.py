from pathlib import Path

import pytest

from phasegate.errors import StartupError
from phasegate.sealing import KeyRing, SealedStore, open_ring
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


async def test_with_a_ring_the_store_is_not_asked(ring: KeyRing) -> None:
    inner = MemoryStore()
    inner.away = True
    assert (await open_ring(ring.path, inner)).ids == ring.ids


async def test_without_one_an_absent_store_says_nothing(tmp_path: Path) -> None:
    inner = MemoryStore()
    inner.away = True
    with pytest.raises(StoreUnavailable):
        await open_ring(tmp_path / "keyring", inner)
    assert not (tmp_path / "keyring").exists()
