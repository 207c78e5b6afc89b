"""Revisions that are larger than one of etcd's transactions: they count whole or not at all."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest

from phasegate import ConfigError
from phasegate.store.changes import revised
from phasegate.store.etcd import EtcdStore
from phasegate.store.etcd_messages import get_range, pairs_of
from phasegate.store.records import Conflict, Contents, Key, Record, Revision, Write
from tests.etcd import Member
from tests.etcd_stores import Opener, opened, watching, write

pytestmark = pytest.mark.long

__all__ = ["opened"]


def many(text: str = "", count: int = 350) -> list[Write]:
    """More than etcd takes in one transaction, by number and by size."""
    return [Write("routes", f"r{index}", {"text": text or "x" * 4000}) for index in range(count)]


async def left(store: EtcdStore, prefix: Path, name: str) -> int:
    """Count the keys under a name."""
    answer = await store._client.ask(
        "kv/range", get_range(f"{prefix}/{name}", f"{prefix}/{name}~", 1000)["request_range"]
    )
    return len(pairs_of(answer))


async def test_a_revision_larger_than_a_transaction_counts_at_once(
    etcd: Member, opened: Opener, tmp_path: Path
) -> None:
    store, other = opened(etcd.url), opened(etcd.url)
    async with watching(other, 0) as seen:
        waiting = asyncio.create_task(seen())
        made = [await store.apply(many(), base=0, author="ops", note="import")]
        assert await waiting == made[0]
        made.append(await other.apply([Write("routes", f"r{n}", None) for n in range(120)], base=1, author="", note=""))
        assert await seen() == made[1]
    assert await other.load() == Contents(2, {key: record for key, record in records(made) if int(key[1][1:]) >= 120})
    assert await store.revisions() == made[::-1]
    assert await left(store, tmp_path, "pending") == 0


def records(made: list[Revision]) -> list[tuple[Key, Record]]:
    return [(change.key, change.after) for change in made[0].changes if change.after]


class Died(Exception):
    """A writer is no more."""


def dying(store: EtcdStore, transactions: int) -> None:
    """Let a store die after it wrote to etcd so often."""
    ask, done = store._client.ask, 0

    async def asked(method: str, body: Any) -> Any:
        nonlocal done
        if "request_put" in str(body) or "request_delete" in str(body):
            if done == transactions:
                raise Died
            done += 1
        return await ask(method, body)

    store._client.ask = asked  # type: ignore[method-assign]


@pytest.mark.parametrize("transactions", range(9))
async def test_a_writer_that_dies_at_any_point_leaves_the_old_state_or_the_new(
    etcd: Member, opened: Opener, tmp_path: Path, transactions: int
) -> None:
    store, other = opened(etcd.url), opened(etcd.url)
    old = await store.apply(many("old", 5), base=0, author="", note="")
    dying(store, transactions)
    with contextlib.suppress(Died):
        await store.apply([*many(count=300), Write("routes", "r0", None)], base=1, author="", note="")
    found = await other.load()
    texts = {record.value["text"] for record in found.records.values()}
    assert (found.revision, len(found.records), texts) in [(1, 5, {"old"}), (2, 299, {"x" * 4000})]
    revision = await other.apply([Write("routes", "r299", {"text": "y"})], base=found.revision, author="", note="")
    contents = revised(found, revision)
    assert await other.load() == contents
    assert await left(other, tmp_path, "pending") == 0
    assert await left(other, tmp_path, "records/") == len(contents.records)
    assert (await other.revisions())[-1] == old


async def test_of_two_large_writes_at_once_one_wins(etcd: Member, opened: Opener) -> None:
    stores = [opened(etcd.url), opened(etcd.url)]
    for base in range(3):
        results = await asyncio.gather(
            *(store.apply(many(f"{base}-{n}" * 1000), base=base, author="", note="") for n, store in enumerate(stores)),
            return_exceptions=True,
        )
        (won,) = [n for n, result in enumerate(results) if isinstance(result, Revision)]
        assert isinstance(results[1 - won], Conflict)
        found = (await stores[0].load()).records.values()
        assert {record.value["text"][:3] for record in found} == {f"{base}-{won}"}


async def test_parts_go_with_their_revision(
    etcd: Member, opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phasegate.store.etcd_layout.KEPT_REVISIONS", 2)
    store = opened(etcd.url)
    await store.apply(many(), base=0, author="", note="")
    assert await left(store, tmp_path, "parts/") == 3
    for base in (1, 2):
        await write(store, base)
    assert await left(store, tmp_path, "parts/") == 0


async def test_a_record_that_etcd_never_takes_is_refused(etcd: Member, opened: Opener) -> None:
    store = opened(etcd.url)
    with pytest.raises(ConfigError, match="routes/r: takes more than the 1 MiB that etcd keeps under a key"):
        await store.apply([Write("routes", "r", {"text": "x" * 2_000_000})], base=0, author="", note="")
    await store.apply([Write("routes", "r", {"text": "x" * 1_000_000})], base=0, author="", note="")
    await store.apply([Write("routes", "r", {"text": "y" * 1_000_000})], base=1, author="", note="")
    assert (await store.load()).records["routes", "r"].value == {"text": "y" * 1_000_000}
