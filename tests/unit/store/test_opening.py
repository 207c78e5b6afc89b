from pathlib import Path

import pytest

from phasegate import Finding
from phasegate.store.etcd_client import Cluster
from phasegate.store.last_good import Kept
from phasegate.store.no_store import NoStore
from phasegate.store.opening import _cluster, judge_store, open_store
from phasegate.store.records import StoreUnavailable, Write
from phasegate.store.sqlite import SqliteStore


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no store: write `none`"),
        ("redis://h", "names no store: write `none`, `sqlite:FILE` or `etcd:http://HOST:2379/PREFIX`"),
        ("none:", "names no store"),
        ("sqlite", "names no file: write sqlite:var/phasegate.db"),
        ("sqlite:", "names no file"),
        ("sqlite::memory:", "names no file"),
        ("sqlite:///var/x.db", "names no file"),
        ("etcd:", "names no etcd: write etcd:http://HOST:2379/PREFIX"),
        ("etcd:h:2379", "names no etcd"),
        ("etcd:http://h:2379,h:2380/p", "names no etcd"),
        ("etcd:http://h:port/p", "names no etcd"),
        ("etcd:http://[h/p", "names no etcd"),
        ("etcd:http://a/p,http://b/p", "has a path in the midst"),
        ("etcd:http://a/p?cert=x", "has something else than ca=FILE behind its question mark"),
    ],
)
def test_a_text_that_names_no_store_is_told_with_the_remedy(text: str, message: str) -> None:
    (finding,) = judge_store(text, Path())
    assert finding.path == "resources.store"
    assert finding.message.startswith(message)


@pytest.mark.parametrize("rest", ["?s3cr3t@h:2379/p", "?s3cr3t@h?ca=x", "?a=b&s3cr3t@h", "?ca=s3cr3t@h"])
def test_no_part_of_a_password_is_shown(rest: str) -> None:
    (finding,) = judge_store(f"etcd:http://root:12{rest}", Path())
    assert "s3cr3t" not in finding.message


@pytest.mark.parametrize("text", ["none", "sqlite:var/x.db", "etcd:http://h:2379", "etcd:https://a:1,https://b:2/p"])
def test_a_text_that_names_a_store_is_good(text: str) -> None:
    assert judge_store(text, Path()) == []


def test_a_finding_shows_no_password() -> None:
    assert "s3cret" not in str(judge_store("etcd:http://me:s3cret@h:port/p", Path()))
    assert "s3cret" not in repr(_cluster("http://me:s3cret@h:2379/p", Path()))


def test_etcd_is_members_and_a_prefix() -> None:
    cluster = _cluster("https://me:p%2Fw@a:2379,https://b/gate/way/", Path())
    assert cluster.endpoints == ("https://a:2379", "https://b")
    assert (cluster.prefix, cluster.user, cluster.ca) == ("/gate/way", "me", None)
    assert cluster.password is not None
    assert cluster.password.value == "p/w"


def test_the_prefix_has_a_default() -> None:
    assert _cluster("http://[::1]:2379/", Path()) == Cluster(("http://[::1]:2379",), "/phasegate")


def test_paths_are_relative_to_the_folder(tmp_path: Path) -> None:
    store = open_store("sqlite:var/x.db", tmp_path)
    assert isinstance(store, SqliteStore)
    assert store._path == tmp_path / "var" / "x.db"


def test_only_what_is_elsewhere_is_kept_on_disk_besides(tmp_path: Path) -> None:
    assert isinstance(open_store("etcd:http://h", tmp_path, last_good=tmp_path / "copy"), Kept)
    assert isinstance(open_store("sqlite:x.db", tmp_path, last_good=tmp_path / "copy"), SqliteStore)


def test_certificates_that_are_none_are_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    for name, reason in (("ca.pem", "no certificate"), ("gone.pem", "No such file")):
        (finding,) = judge_store(f"etcd:https://h/p?ca={name}", tmp_path)
        assert finding.message.startswith("names a file as ca that holds no certificates in PEM: ")
        assert name not in finding.message
        assert reason in finding.message.lower() or reason in finding.message


async def test_no_store_holds_nothing_and_takes_nothing() -> None:
    store = open_store("none", Path())
    assert isinstance(store, NoStore)
    assert (await store.load()).records == {}
    assert await store.revisions() == []
    with pytest.raises(StoreUnavailable, match=r"let resources\.store in gateway\.yaml name one"):
        await store.apply([Write("routes", "a", {})], base=0, author="", note="")


def test_a_finding_stands_where_it_is_asked_for() -> None:
    assert judge_store("x", Path(), "here") == [
        Finding("here", "names no store: write `none`, `sqlite:FILE` or `etcd:http://HOST:2379/PREFIX`")
    ]
