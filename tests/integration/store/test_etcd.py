"""What etcd, its network and its members do to a store, and what comes of it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from phasegate import ConfigError
from phasegate.settings import TLS
from phasegate.store import etcd as etcd_module
from phasegate.store.changes import revised, summary_of
from phasegate.store.etcd import EtcdStore
from phasegate.store.etcd_client import EtcdClient
from phasegate.store.etcd_messages import delete, get, get_range, pairs_of, put, revision_of, transaction
from phasegate.store.opening import open_store
from phasegate.store.records import Conflict, Contents, Key, Record, Revision, Store, StoreUnavailable, Write
from tests.etcd import Member, etcd_cluster
from tests.integration.store.conftest import needs_etcd

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


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Member]:
    """An etcd that one test may stop."""
    needs_etcd()
    with etcd_cluster(tmp_path) as (member,):
        yield member


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Member]]:
    """A cluster of three, of which a test may take one away for a while."""
    needs_etcd()
    with etcd_cluster(tmp_path_factory.mktemp("three"), 3) as members:
        yield members


async def write(store: Store, base: int, text: str = "") -> Revision:
    return await store.apply([Write("routes", "a", {"text": text})], base=base, author="", note="")


@contextlib.asynccontextmanager
async def watching(store: Store, after: int, seconds: float = 4) -> AsyncIterator[Callable[[], Any]]:
    news = store.watch(after)
    try:
        yield lambda: asyncio.wait_for(anext(news), seconds)
    finally:
        await news.aclose()  # type: ignore[attr-defined]


class Between:
    """Passes bytes on between a store and etcd; the next writes, or the answers to them, are lost as often as it is told."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._etcd = parts.hostname, parts.port
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self.lose_writes = 0
        self.lose_answers = 0
        self.before_loss: Callable[[], Awaitable[object]] | None = None

    async def start(self) -> str:
        """Listen, and return the URL."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close everything."""
        assert self._server
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._passing.add(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(*self._etcd)
        doomed = asyncio.Event()
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._requests(reader, requests, doomed)),
                    asyncio.ensure_future(self._answers(answers, writer, doomed)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            writer.close()
            requests.close()

    async def _requests(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await source.read(1 << 16):
            if b"request_put" in data and self.lose_writes:
                self.lose_writes -= 1
                if self.before_loss:
                    await self.before_loss()
                return
            if b"request_put" in data and self.lose_answers:
                self.lose_answers -= 1
                doomed.set()
            sink.write(data)

    async def _answers(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await source.read(1 << 16):
            if doomed.is_set():
                return
            sink.write(data)


@pytest.fixture
async def between(etcd: Member) -> AsyncIterator[Between]:
    """What stands between a store and the shared etcd."""
    passing = Between(etcd.url)
    yield passing
    await passing.stop()


async def test_a_write_whose_answer_is_lost_is_there_once(etcd: Member, between: Between, opened: Opener) -> None:
    store, other = opened(await between.start()), opened(etcd.url)
    between.lose_answers = 2
    revision = await write(store, 0)
    assert between.lose_answers == 0
    assert await other.revisions() == [revision]


async def test_a_write_that_is_lost_is_made_again(etcd: Member, between: Between, opened: Opener) -> None:
    store, other = opened(await between.start()), opened(etcd.url)
    between.lose_writes = 2
    revision = await write(store, 0)
    assert between.lose_writes == 0
    assert await other.revisions() == [revision]


async def test_a_lost_write_that_another_overtakes_is_a_conflict(
    etcd: Member, between: Between, opened: Opener
) -> None:
    store, other = opened(await between.start()), opened(etcd.url)
    between.lose_writes = 1
    between.before_loss = lambda: write(other, 0, "other")
    with pytest.raises(Conflict):
        await write(store, 0, "own")
    assert (await other.load()).records["routes", "a"].value == {"text": "other"}


async def test_a_write_that_was_sent_twice_is_found_although_others_followed(etcd: Member, opened: Opener) -> None:
    store, other = opened(etcd.url), opened(etcd.url)
    ask = store._client.ask

    async def twice(method: str, body: Any) -> Any:
        answer = await ask(method, body)
        if "request_put" in str(body):
            await write(other, 1)
            await write(other, 2)
            answer = await ask(method, body)
        return answer

    store._client.ask = twice  # type: ignore[method-assign]
    revision = await write(store, 0, "first")
    assert (await other.revisions())[-1] == revision
    assert (await other.load()).revision == 3


async def test_a_watch_goes_on_after_etcd_was_away(
    own: Member, opened: Opener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    store, other = opened(own.url), opened(own.url)
    made = [await write(other, 0)]
    async with watching(store, 0) as seen:
        assert await seen() == made[0]
        own.kill()
        waiting = asyncio.create_task(seen())
        async with asyncio.timeout(4):
            while "store unavailable" not in caplog.messages:
                await asyncio.sleep(0.01)
        own.restart([own])
        made += [await write(other, 1), await write(other, 2)]
        assert [await waiting, await seen()] == made[1:]
    told = [message for message in caplog.messages if message.startswith("store")]
    assert told == ["store unavailable", "store back"]


async def test_a_write_waits_for_nobody_where_etcd_is_away(opened: Opener) -> None:
    store = opened("http://127.0.0.1:1")
    async with asyncio.timeout(5):
        with pytest.raises(StoreUnavailable, match=r"etcd can't be reached at http://127.0.0.1:1: Cannot connect"):
            await write(store, 0)


async def test_revisions_without_a_summary_are_listed_by_what_they_hold(opened: Opener, etcd: Member) -> None:
    store = opened(etcd.url)
    made = [await write(store, base) for base in range(3)]
    await store._transact([], [delete(store._keys.summary(2))])
    assert await store.summaries() == [summary_of(revision) for revision in reversed(made)]
    assert await store.summaries(before=3, limit=1) == [summary_of(made[1])]


async def test_something_else_than_etcd_is_told(opened: Opener, upstream: Any) -> None:
    store = opened(upstream.url)
    with pytest.raises(StoreUnavailable, match=r"is that an etcd of version 3\.4 or later"):
        await store.load()


async def compact(store: EtcdStore) -> None:
    """Have etcd forget its own history."""
    answer = await store._client.ask("kv/range", get("x")["request_range"])
    await store._client.ask("kv/compaction", {"revision": revision_of(answer), "physical": True})


async def test_a_compaction_loses_a_watch_nothing(etcd: Member, opened: Opener) -> None:
    store, other = opened(etcd.url), opened(etcd.url)
    made = [await write(other, base) for base in range(3)]
    async with watching(store, 0) as seen:
        assert await seen() == made[0]
        made += [await write(other, base) for base in range(3, 6)]
        await compact(other)
        assert [await seen() for _ in made[1:]] == made[1:]


async def test_contents_are_loaded_whole_in_spite_of_writes_and_a_compaction(
    etcd: Member, opened: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(etcd_module, "_PAGE", 2)
    store, other = opened(etcd.url), opened(etcd.url)
    await store.apply([Write("routes", f"r{number}", {}) for number in range(5)], base=0, author="", note="")
    ask, pages = store._client.ask, 0

    async def asked(method: str, body: Any) -> Any:
        nonlocal pages
        pages += 1
        if pages in (2, 3):
            base = pages - 1
            await other.apply([Write("routes", f"r{number}", {}) for number in (0, 4)], base=base, author="", note="")
        if pages == 3:
            await compact(other)
        return await ask(method, body)

    store._client.ask = asked  # type: ignore[method-assign]
    contents = await store.load()
    assert contents == await other.load()
    assert sorted(record.modified for record in contents.records.values()) == [1, 1, 1, 3, 3]


async def test_what_no_watch_tells_a_look_finds(etcd: Member, opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(etcd_module, "_POLL_SECONDS", 0.05)
    store, other = opened(etcd.url), opened(etcd.url)
    store._client.listen = lambda *_: asyncio.sleep(60)  # type: ignore[method-assign]
    async with watching(store, 0) as seen:
        waiting = asyncio.create_task(seen())
        assert await write(other, 0) == await waiting


@pytest.mark.parametrize("way", ["kill", "pause"])
async def test_a_cluster_that_loses_its_leader_serves_on(three: list[Member], opened: Opener, way: str) -> None:
    leader, *others = sorted(three, key=Member.leads, reverse=True)
    store, other = opened(",".join(member.url for member in (leader, *others))), opened(others[0].url)
    made = [await write(store, 0)]
    async with watching(store, 0, 10) as seen:
        assert await seen() == made[0]
        getattr(leader, way)()
        made += [await write(store, base) for base in range(1, 4)]
        made.append(await write(other, 4))
        assert [await seen() for _ in made[1:]] == made[1:]
    leader.kill()
    leader.restart(three)
    assert (await opened(leader.url).load()).revision == 5


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


async def test_a_value_that_is_none_of_ours_is_named(etcd: Member, opened: Opener, tmp_path: Path) -> None:
    store = opened(etcd.url)
    await store._client.ask("kv/txn", transaction([], [put(f"{tmp_path}/records/routes/a", b"text")]))
    with pytest.raises(
        StoreUnavailable, match=f"{tmp_path}/records/routes/a holds something else than Phasegate wrote"
    ):
        await store.load()


async def test_prefixes_keep_gateways_apart(etcd: Member, tmp_path: Path) -> None:
    stores = [open_store(f"etcd:{etcd.url}{tmp_path}/{name}", Path()) for name in ("a", "ab")]
    await write(stores[0], 0, "a")
    assert (await stores[1].load()).revision == 0
    await write(stores[1], 0, "ab")
    record = Record("routes", "a", {"text": "a"}, 1, 1)
    assert await stores[0].load() == Contents(1, {record.key: record})
    for store in stores:
        await store.close()


async def enable_auth(client: EtcdClient) -> None:
    """Have etcd ask for a password."""
    user = {"name": "root", "password": "p:s@s/w"}
    await client.ask("auth/user/add", user)
    await client.ask("auth/role/add", {"name": "root"})
    await client.ask("auth/user/grant", {"user": "root", "role": "root"})
    await client.ask("auth/enable", {})


async def test_a_password_is_used_and_a_token_renewed(own: Member, opened: Opener) -> None:
    stranger = opened(own.url)
    await enable_auth(stranger._client)
    with pytest.raises(StoreUnavailable, match="user name is empty"):
        await stranger.load()
    store = opened(own.url.replace("://", "://root:p%3As%40s%2Fw@"))
    async with watching(store, 0) as seen:
        waiting = asyncio.create_task(seen())
        revision = await write(store, 0)
        assert await waiting == revision
        store._client._token = "expired.1"
        assert (await write(store, 1)).number == 2
    with pytest.raises(StoreUnavailable, match="authentication failed") as caught:
        await opened(own.url.replace("://", "://root:guessed@")).load()
    assert "guessed" not in str(caught.value)


async def test_https_is_verified(tmp_path: Path, certificate: TLS, authority: trustme.CA, opened: Opener) -> None:
    needs_etcd()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with etcd_cluster(tmp_path, tls=certificate) as (member,):
        with pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            await opened(member.url).load()
        store = open_store(f"etcd:{member.url}/p?ca=ca.pem", tmp_path)
        await write(store, 0)
        await store.close()
