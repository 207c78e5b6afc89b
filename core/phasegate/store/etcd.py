"""The store of a cluster: etcd v3, spoken to through its JSON gateway.

The gateway and not a gRPC client, since aiohttp is there already, and what a store asks is little: two transactions for a
write, a range to read, and a watch that need only say that something happened. What did, is read from the revisions,
which are keys like others; so neither a watch that broke nor a compaction of etcd's own history loses anything.

A revision that is too large for one transaction is written in three steps: its parts, which nobody looks at; the new
head with the revision, which makes it count; then the records. Until these are written it is pending: whoever reads adds
it to the records that it finds, and whoever writes next finishes it first.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from .changes import changes_of, revised, summary_of
from .etcd_client import Cluster, EtcdClient, EtcdRefused
from .etcd_layout import Keys, batches, entry_of, number_of, parts_prefix, records_of
from .etcd_messages import (
    Operation,
    Outcome,
    Pair,
    delete,
    end_of,
    get,
    get_range,
    holds,
    newest,
    outcome_of,
    pairs_of,
    put,
    revision_of,
    transaction,
)
from .following import Bell, News, follow, following
from .packing import unpack_record, unpack_revision, unpack_summary
from .records import Conflict, Contents, Key, NothingKept, Record, Revision, StoreUnavailable, Summary, Write

# What the watch does not tell, since its member hangs or is cut off from the others, a look finds.
_POLL_SECONDS = 1.0
_PAGE = 500
_MOST_AT_ONCE = 50
_LOADS = 5

# https://grpc.io/docs/guides/status-codes/
_OUT_OF_RANGE = 11


class EtcdStore(NothingKept):
    """Records and revisions in etcd, shared by every node that names the same cluster and prefix."""

    def __init__(self, cluster: Cluster) -> None:
        self._keys = Keys(cluster.prefix)
        self._name = f"etcd at {cluster}"
        self._client = EtcdClient(cluster)
        self._bell = Bell()

    async def load(self) -> Contents:
        """Return everything as it is at one moment. Raise StoreUnavailable."""
        for _ in range(_LOADS):
            with contextlib.suppress(_Compacted):
                return await self._load()
        raise StoreUnavailable(f"{self._name} is compacted faster than it can be read")

    async def apply(self, writes: Sequence[Write], *, base: int, author: str, note: str) -> Revision:
        """Write everything as revision `base + 1`. Raise Conflict or StoreUnavailable, ConfigError for too large a record.

        An answer that is lost does no harm: the transaction is sent again, and where it finds a revision written it
        looks whether that is this one.
        """
        before = await self._read({write.key for write in writes}, base)
        revision = Revision(base + 1, time.time(), author, note, changes_of(writes, before, base + 1))
        entry = entry_of(self._keys, revision)
        for batch in batches(entry.parts):
            await self._transact([], batch)
        conditions = [self._at(base), holds(self._keys.pending, None)]
        outcome = await self._transact(conditions, entry.commit, otherwise=[get(self._keys.revision(base + 1))])
        if not outcome.succeeded and [pair.value for pair in outcome.found[0]] != [entry.value]:
            raise self._conflict(base)
        self._bell.ring()
        if entry.parts:
            # It counts already; what fails here, the next writer makes good.
            with contextlib.suppress(StoreUnavailable):
                await self._finish(revision)
        return revision

    async def watch(self, after: int) -> AsyncIterator[Revision | Contents]:
        """Yield each revision after that one, whichever node made it."""
        listening = asyncio.create_task(self._client.listen(self._keys.head, self._bell))
        news = follow(after, self._news, store=self._name, bell=self._bell, poll_seconds=_POLL_SECONDS)
        try:
            async with contextlib.aclosing(news):
                async for item in news:
                    yield item
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def revisions(
        self, *, before: int | None = None, after: int | None = None, limit: int = 50
    ) -> list[Revision]:
        """Return the newest revisions under `before` and over `after`, newest first. Raise StoreUnavailable."""
        end = self._keys.revision(before) if before is not None else self._keys.revisions_end
        first = self._keys.revision(0 if after is None else after + 1)
        answer = await self._ask("kv/range", newest(first, end, limit)["request_range"])
        return [await self._revision(pair) for pair in pairs_of(answer)]

    async def key_ids(self) -> frozenset[str]:
        """Return the ids of the keys that nodes have used the store with. Raise StoreUnavailable."""
        pairs = pairs_of(await self._ask("kv/range", get(self._keys.keys)["request_range"]))
        return frozenset(pairs[0].value.decode().split()) if pairs else frozenset()

    async def note_key_ids(self, ids: frozenset[str], *, known: frozenset[str]) -> bool:
        """Note ids, where these are known; tell whether they were. Raise StoreUnavailable."""
        condition = holds(self._keys.keys, _listed(known) if known else None)
        noted = put(self._keys.keys, _listed(ids)) if ids else delete(self._keys.keys)
        return (await self._transact([condition], [noted])).succeeded

    async def packed_revision(self, number: int) -> bytes | None:
        """Return a revision as it lies in etcd. Raise StoreUnavailable."""
        pairs = pairs_of(await self._ask("kv/range", get(self._keys.revision(number))["request_range"]))
        return await self._whole(pairs[0]) if pairs else None

    async def summaries(self, *, before: int | None = None, limit: int = 50) -> list[Summary]:
        """Return the summaries of the newest revisions under `before`, newest first. Raise StoreUnavailable."""
        keys = self._keys
        end = keys.summary(before) if before is not None else keys.summaries_end
        last = keys.revision(before) if before is not None else keys.revisions_end
        wanted = [newest(keys.summary(0), end, limit), newest(keys.revision(0), last, limit, keys_only=True)]
        summaries, revisions = outcome_of(await self._ask("kv/txn", transaction([], wanted))).found
        found = (unpack_summary(pair.value, self._where(pair)) for pair in summaries)
        known = {summary.number: summary for summary in found}
        # Gateways before this one wrote none.
        numbers = [number_of(pair.key) for pair in revisions]
        return [known.get(number) or summary_of(await self._numbered(number)) for number in numbers]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _load(self) -> Contents:
        heads = transaction([], [get(self._keys.head), get(self._keys.pending)])
        answer = await self._ask("kv/txn", heads)
        (head, pending), moment = map(self._number, outcome_of(answer).found), revision_of(answer)
        records: dict[Key, Record] = {}
        async for pair in self._pairs(self._keys.records, self._keys.records_end, moment=moment):
            record = unpack_record(pair.value, self._where(pair))
            records[record.key] = record
        contents = Contents(head, records)
        return revised(contents, await self._numbered(pending)) if pending else contents

    async def _news(self, after: int) -> News:
        first, end = self._keys.revision(after + 1), self._keys.revisions_end
        wanted = transaction([], [get(self._keys.head), get_range(first, end, _MOST_AT_ONCE)])
        heads, pairs = outcome_of(await self._ask("kv/txn", wanted)).found
        if self._number(heads) == after:
            return ()
        revisions = [await self._revision(pair) for pair in pairs]
        return following(after, revisions) or [await self.load()]

    async def _read(self, keys: Iterable[Key], base: int) -> dict[Key, Record]:
        """Return the records as they are at the base, finished if they were not."""
        records: dict[Key, Record] = {}
        wanted = [get(self._keys.pending), *(get(self._keys.record(key)) for key in keys)]
        for batch in batches(wanted):
            outcome = await self._transact([self._at(base)], batch)
            if not outcome.succeeded:
                raise self._conflict(base)
            for pair in (pair for found in outcome.found for pair in found):
                if pair.key == self._keys.pending:
                    await self._finish(await self._numbered(base))
                    return await self._read(keys, base)
                record = unpack_record(pair.value, self._where(pair))
                records[record.key] = record
        return records

    async def _finish(self, revision: Revision) -> None:
        """Write the records of a pending revision, unless somebody else has."""
        pending = holds(self._keys.pending, str(revision.number).encode())
        for batch in batches(records_of(self._keys, revision)):
            await self._transact([pending], batch)
        await self._transact([pending], [delete(self._keys.pending)])

    async def _numbered(self, number: int) -> Revision:
        pairs = pairs_of(await self._ask("kv/range", get(self._keys.revision(number))["request_range"]))
        if not pairs:
            raise StoreUnavailable(f"{self._name} lacks revision {number}: restore a backup")
        return await self._revision(pairs[0])

    async def _revision(self, pair: Pair) -> Revision:
        data = await self._whole(pair)
        if data is pair.value:
            return unpack_revision(data, self._where(pair))
        return await asyncio.to_thread(unpack_revision, data, self._where(pair))

    async def _whole(self, pair: Pair) -> bytes:
        """Return a packed revision, put together again if it had to be cut."""
        prefix = parts_prefix(self._keys, pair.key, pair.value)
        if prefix is None:
            return pair.value
        return b"".join([part.value async for part in self._pairs(prefix, end_of(prefix))])

    async def _pairs(self, first: str, end: str, *, moment: int = 0) -> AsyncIterator[Pair]:
        """Read a range page by page, as it is now or was at a moment of etcd's."""
        while True:
            page = get_range(first, end, _PAGE)["request_range"]
            answer = await self._ask("kv/range", {**page, "revision": moment})
            pairs = pairs_of(answer)
            for pair in pairs:
                yield pair
            if not answer.get("more"):
                return
            first = f"{pairs[-1].key}\0"

    def _at(self, base: int) -> dict[str, Any]:
        return holds(self._keys.head, str(base).encode() if base else None)

    async def _transact(
        self, conditions: list[dict[str, Any]], then: list[Operation], otherwise: Sequence[Operation] = ()
    ) -> Outcome:
        return outcome_of(await self._ask("kv/txn", transaction(conditions, then, otherwise)))

    async def _ask(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._client.ask(method, body)
        except EtcdRefused as error:
            if error.code == _OUT_OF_RANGE:
                raise _Compacted from error
            raise StoreUnavailable(f"{self._name} refuses: {error}") from error

    def _number(self, heads: Sequence[Pair]) -> int:
        try:
            return int(heads[0].value) if heads else 0
        except ValueError as error:
            raise StoreUnavailable(f"{self._where(heads[0])} is no number: is the prefix Phasegate's own?") from error

    def _where(self, pair: Pair) -> str:
        return f"{self._name}: {pair.key}"

    def _conflict(self, base: int) -> Conflict:
        return Conflict(f"{self._name} is not at revision {base} any more: read it again, then repeat the change")


def _listed(ids: Iterable[str]) -> bytes:
    return " ".join(sorted(ids)).encode()


class _Compacted(Exception):
    """What was asked for is no longer in etcd's history."""
