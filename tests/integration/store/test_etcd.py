"""What etcd, its network and its members do to a store, and what comes of it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from phasegate.settings import TLS
from phasegate.store import etcd as etcd_module
from phasegate.store.changes import summary_of
from phasegate.store.etcd import EtcdStore
from phasegate.store.etcd_client import EtcdClient
from phasegate.store.etcd_messages import delete, get, put, revision_of, transaction
from phasegate.store.opening import open_store
from phasegate.store.records import Conflict, Contents, Record, StoreUnavailable, Write
from tests.between import Between
from tests.etcd import Member, etcd_cluster
from tests.etcd_stores import Opener, opened, watching, write
from tests.integration.store.conftest import needs_etcd

pytestmark = pytest.mark.long

__all__ = ["opened"]


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
    # What was on its way when etcd went is asked for again for six seconds.
    async with watching(store, 0, 12) as seen:
        assert await seen() == made[0]
        own.kill()
        waiting = asyncio.create_task(seen())
        async with asyncio.timeout(8):
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
