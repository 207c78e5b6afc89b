"""Stores on etcd for tests that say at which of its members."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from phasegate.store.etcd import EtcdStore
from phasegate.store.opening import open_store
from phasegate.store.records import Revision, Store, Write

Opener = Callable[[str], EtcdStore]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """What opens a store at URLs of etcd's members, with a prefix of the test's own."""
    stores: list[Store] = []

    def opener(urls: str) -> EtcdStore:
        store = open_store(f"etcd:{urls}{tmp_path}", Path())
        assert isinstance(store, EtcdStore)
        stores.append(store)
        return store

    yield opener
    for store in stores:
        await store.close()


async def write(store: Store, base: int, text: str = "") -> Revision:
    return await store.apply([Write("routes", "a", {"text": text})], base=base, author="", note="")


@contextlib.asynccontextmanager
async def watching(store: Store, after: int, seconds: float = 4) -> AsyncIterator[Callable[[], Any]]:
    news = store.watch(after)
    try:
        yield lambda: asyncio.wait_for(anext(news), seconds)
    finally:
        await news.aclose()  # type: ignore[attr-defined]
