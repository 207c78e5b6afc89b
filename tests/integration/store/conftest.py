"""Stores on a real etcd and on real files."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from phasegate.store.opening import open_store
from phasegate.store.records import Store
from tests.etcd import ETCD, Member, etcd_cluster

Opener = Callable[[], Store]


@pytest.fixture(scope="session")
def etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Member]:
    """An etcd that all tests share; none of them may stop it."""
    needs_etcd()
    with etcd_cluster(tmp_path_factory.mktemp("etcd")) as (member,):
        yield member


def needs_etcd() -> None:
    """Skip a test where no etcd is installed."""
    if ETCD is None:
        pytest.skip("there is no etcd here: install Debian's etcd-server")


@pytest.fixture(params=["sqlite", "etcd"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a store that nobody has written to yet."""
    if request.param == "sqlite":
        return f"sqlite:{tmp_path}/store/phasegate.db"
    member: Member = request.getfixturevalue("etcd")
    return f"etcd:{member.url}{tmp_path}"


@pytest.fixture
async def opened(place: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Opener]:
    """What opens a store at the place, as one more process would; all are closed with the test.

    Nothing but its watch tells a store on etcd of news.
    """
    monkeypatch.setattr("phasegate.store.etcd._POLL_SECONDS", 60)
    stores: list[Store] = []

    def opener() -> Store:
        stores.append(open_store(place, Path()))
        return stores[-1]

    yield opener
    for store in stores:
        await store.close()


@pytest.fixture
def store(opened: Opener) -> Store:
    """A store that nobody has written to yet."""
    return opened()
