"""The store of a cluster: etcd v3, spoken to through its JSON gateway.

The gateway and not a gRPC client, since aiohttp is there already, and what a store asks is little: two transactions for a
write, a range to read, and a watch that need only say that something happened. What did, is read from the revisions,
which are keys like others; so neither a watch that broke nor a compaction of etcd's own history loses anything.

    PREFIX/head                 the number of the last revision
    PREFIX/revisions/NUMBER     that revision, with what it changed, and an id that only its writer knows
    PREFIX/records/KIND/ID      one record
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from ..errors import ConfigError, Finding
from .changes import changes_of
from .etcd_client import Cluster, EtcdClient, EtcdRefused
from .etcd_messages import (
    Operation,
    Outcome,
    Pair,
    delete,
    delete_range,
    end_of,
    get,
    get_range,
    holds,
    outcome_of,
    pairs_of,
    put,
    revision_of,
    transaction,
)
from .following import Bell, News, follow, following
from .packing import pack, unpack_record, unpack_revision
from .records import KEPT_REVISIONS, Conflict, Contents, Key, Record, Revision, StoreUnavailable, Write

# What the watch does not tell, since its member hangs or is cut off from the others, a look finds.
_POLL_SECONDS = 1.0
_PAGE = 500
_MOST_AT_ONCE = 50
_LOADS = 5

# https://etcd.io/docs/v3.4/learning/api/
_INVALID, _EXHAUSTED, _OUT_OF_RANGE = 3, 8, 11


class EtcdStore:
    """Records and revisions in etcd, shared by every node that names the same cluster and prefix."""

    def __init__(self, cluster: Cluster) -> None:
        self._keys = _Keys(cluster.prefix)
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
        """Write everything as revision `base + 1`, in one transaction. Raise Conflict or StoreUnavailable.

        Raise ConfigError where etcd takes no transaction as large as this. An answer that is lost does no harm: the
        transaction is sent again, and where it finds the revision written it looks whether that is this one.
        """
        before = await self._read({write.key: write for write in writes}, base)
        revision = Revision(base + 1, time.time(), author, note, changes_of(writes, before, base + 1))
        packed = b'{"write":"%b",%b' % (secrets.token_hex(16).encode(), pack(revision)[1:])
        operations = [*self._operations(revision), put(self._keys.revision(revision.number), packed)]
        outcome = await self._transact(base, operations, otherwise=[get(self._keys.revision(revision.number))])
        if not outcome.succeeded and [pair.value for pair in outcome.found[0]] != [packed]:
            raise self._conflict(base)
        self._bell.ring()
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

    async def revisions(self, *, before: int | None = None, limit: int = 50) -> list[Revision]:
        """Return the newest revisions that are kept, newest first, those under `before` alone. Raise StoreUnavailable."""
        end = self._keys.revision(before) if before is not None else self._keys.revisions_end
        wanted = get_range(self._keys.revision(0), end, limit)["request_range"]
        answer = await self._ask("kv/range", {**wanted, "sort_order": "DESCEND", "sort_target": "KEY"})
        return [unpack_revision(pair.value, self._where(pair)) for pair in pairs_of(answer)]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _load(self) -> Contents:
        answer = await self._ask("kv/range", get(self._keys.head)["request_range"])
        head, moment, records = self._number(pairs_of(answer)), revision_of(answer), dict[Key, Record]()
        first = self._keys.records
        while True:
            page = get_range(first, self._keys.records_end, _PAGE)["request_range"]
            answer = await self._ask("kv/range", {**page, "revision": moment})
            pairs = pairs_of(answer)
            found = [unpack_record(pair.value, self._where(pair)) for pair in pairs]
            records.update((record.key, record) for record in found)
            if not answer.get("more"):
                return Contents(head, records)
            first = f"{pairs[-1].key}\0"

    async def _news(self, after: int) -> News:
        first, end = self._keys.revision(after + 1), self._keys.revisions_end
        wanted = transaction([], [get(self._keys.head), get_range(first, end, _MOST_AT_ONCE)])
        heads, pairs = outcome_of(await self._ask("kv/txn", wanted)).found
        if self._number(heads) == after:
            return ()
        revisions = [unpack_revision(pair.value, self._where(pair)) for pair in pairs]
        return following(after, revisions) or [await self.load()]

    async def _read(self, writes: Mapping[Key, Write], base: int) -> dict[Key, Record]:
        outcome = await self._transact(base, [get(self._keys.record(key)) for key in writes])
        if not outcome.succeeded:
            raise self._conflict(base)
        pairs = [pair for found in outcome.found for pair in found]
        records = [unpack_record(pair.value, self._where(pair)) for pair in pairs]
        return {record.key: record for record in records}

    def _operations(self, revision: Revision) -> list[Operation]:
        records = [
            put(self._keys.record(change.key), pack(change.after))
            if change.after
            else delete(self._keys.record(change.key))
            for change in revision.changes
        ]
        outdated = delete_range(self._keys.revision(0), self._keys.revision(revision.number - KEPT_REVISIONS + 1))
        return [put(self._keys.head, str(revision.number).encode()), outdated, *records]

    async def _transact(self, base: int, then: list[Operation], otherwise: Sequence[Operation] = ()) -> Outcome:
        at_base = holds(self._keys.head, str(base).encode() if base else None)
        try:
            return outcome_of(await self._ask("kv/txn", transaction([at_base], then, otherwise)))
        except _TooLarge as error:
            raise ConfigError([Finding("", _too_large(len(then), str(error)))]) from error

    async def _ask(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        try:
            return await self._client.ask(method, body)
        except EtcdRefused as error:
            if error.code == _OUT_OF_RANGE:
                raise _Compacted from error
            if error.code in (_INVALID, _EXHAUSTED) and ("too many operations" in str(error) or "large" in str(error)):
                raise _TooLarge(str(error)) from error
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


class _Compacted(Exception):
    """What was asked for is no longer in etcd's history."""


class _TooLarge(Exception):
    """More than etcd does at once."""


class _Keys:
    """Where everything lies; revisions sort as they count."""

    def __init__(self, prefix: str) -> None:
        self.head = f"{prefix}/head"
        self.records = f"{prefix}/records/"
        self.records_end = end_of(self.records)
        self.revisions_end = end_of(f"{prefix}/revisions/")
        self._revisions = f"{prefix}/revisions/"

    def revision(self, number: int) -> str:
        return f"{self._revisions}{max(number, 0):016}"

    def record(self, key: Key) -> str:
        return f"{self.records}{key[0]}/{key[1]}"


def _too_large(operations: int, reason: str) -> str:
    return (
        f"is more than etcd takes at once ({operations} operations; {reason}): change less at a time, or start etcd with "
        "larger --max-txn-ops and --max-request-bytes"
    )
