"""`check` and `routes` on a folder whose store holds something: judged together with the file, and nothing is made."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.sealing import KeyRing, SealedStore, SecretFields
from phasegate.store.opening import open_store
from phasegate.store.records import Write
from tests.etcd import etcd_cluster
from tests.integration.store.conftest import needs_etcd
from tests.process import run_command, write_conf

NODES = {"nodes": {"127.0.0.1:1980": 1}}
FILED = {"id": "filed", "uri": "/filed", "upstream": NODES}
STORED = Write("routes", "stored", {"uri": "/stored", "upstream": NODES})
SQLITE = "sqlite:var/phasegate.db"


def conf(folder: Path, *routes: Any, store: str = SQLITE) -> str:
    return str(write_conf(folder, {"routes": [FILED, *routes]}, resources={"store": store}, plugins=["key-auth"]))


async def write(folder: Path, writes: Sequence[Write], place: str = SQLITE, *, last_good: Path | None = None) -> None:
    """Write to a store as a node does, secrets sealed by a ring that is made for it."""
    schemas = Schemas(Registry.load(["key-auth"]))
    store = open_store(place, folder, last_good=last_good)
    sealed = SealedStore(store, KeyRing.make(folder / "var" / "keyring"), SecretFields(schemas))
    await sealed.apply(writes, base=0, author="", note="")
    sealed.served((await sealed.load()).revision)
    await sealed.close()


def listing(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


async def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    folder = conf(tmp_path)
    for command in ("check", "routes"):
        assert (await run_command(command, folder))[0] == 0
    assert listing(tmp_path) == ["gateway.yaml", "routes.yaml"]


async def test_routes_come_from_the_file_or_the_store(tmp_path: Path) -> None:
    folder = conf(tmp_path)
    await write(tmp_path, [STORED])
    before = listing(tmp_path)
    _, output, errors = await run_command("routes", folder)
    assert errors == ""
    assert [line.split()[:4] for line in output.splitlines()] == [
        ["ID", "FROM", "HOST", "URI"],
        ["filed", "file", "any", "/filed"],
        ["stored", "store", "any", "/stored"],
    ]
    _, output, _ = await run_command("check", folder)
    assert output == f"{folder}: ok (2 routes, 1 plugin, 1 worker, 1 record of the store)\n"
    assert listing(tmp_path) == before


async def test_file_and_store_are_judged_together(tmp_path: Path) -> None:
    folder = conf(
        tmp_path, {"id": "uses", "uri": "/uses", "upstream_id": "u"}, {"id": "not", "uri": "/", "upstream_id": "v"}
    )
    bad = Write("routes", "bad", {"uri": "/bad", "service_id": "nowhere"})
    await write(
        tmp_path, [Write("upstreams", "u", NODES), bad, Write("routes", "filed", {"uri": "/x", "upstream": NODES})]
    )
    code, output, errors = await run_command("check", folder)
    assert (code, output) == (1, "")
    assert sorted(errors.splitlines()) == [
        f"error: {tmp_path}/routes.yaml: routes[2].upstream_id: there is no upstream 'v'; known: u",
        "error: store: routes/bad.service_id: there is no service 'nowhere'; known: none",
        "error: store: routes/filed.id: 'filed' is taken by routes[0]: choose another",
    ]


async def test_a_doubt_about_a_record_is_the_stores(tmp_path: Path) -> None:
    folder = conf(tmp_path)
    await write(tmp_path, [Write("routes", "idle", {"uri": "/idle"})])
    code, output, _ = await run_command("check", folder)
    assert code == 0
    assert output.startswith("warning: store: routes/idle: has neither an upstream nor a plugin")


async def test_sealed_secrets_are_opened_by_the_ring_alone(tmp_path: Path) -> None:
    folder = conf(tmp_path)
    await write(
        tmp_path, [Write("consumers", "jack", {"username": "jack", "plugins": {"key-auth": {"key": "s3cret"}}})]
    )
    assert (await run_command("check", folder))[0] == 0
    (tmp_path / "var" / "keyring").unlink()
    code, _, errors = await run_command("check", folder)
    assert code == 1
    assert "there is no key ring" in errors
    assert not (tmp_path / "var" / "keyring").exists()


async def test_references_are_read(tmp_path: Path) -> None:
    folder = conf(tmp_path)
    key = {"key-auth": {"key": "$env://PHASEGATE_JACK"}}
    await write(tmp_path, [Write("consumers", "jack", {"username": "jack", "plugins": key})])
    code, _, errors = await run_command("check", folder)
    assert code == 1
    assert errors.startswith("error: store: consumers/jack.plugins.key-auth.key: ")
    assert (await run_command("check", folder, environment={"PHASEGATE_JACK": "s3cret"}))[0] == 0


async def test_a_damaged_store_is_an_error(tmp_path: Path) -> None:
    folder = conf(tmp_path)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "phasegate.db").write_bytes(b"no database " * 100)
    code, _, errors = await run_command("check", folder)
    assert code == 1
    assert errors.startswith("error: the store can't be used: ")


async def test_without_its_etcd_the_file_is_judged_alone(tmp_path: Path) -> None:
    folder = conf(tmp_path, store="etcd:http://127.0.0.1:1/p")
    code, output, errors = await run_command("check", folder)
    assert (code, errors) == (0, "")
    assert output.startswith(
        f"warning: {tmp_path}/gateway.yaml: the store can't be reached, so the file is judged alone"
    )
    assert listing(tmp_path) == ["gateway.yaml", "routes.yaml"]


@pytest.mark.timeout(90)
async def test_etcd_is_read_and_its_last_good_copy_when_it_is_gone(tmp_path: Path) -> None:
    needs_etcd()
    home = tmp_path / "conf"
    home.mkdir()
    with etcd_cluster(tmp_path / "etcd") as (member,):
        place = f"etcd:{member.url}/p"
        folder = conf(home, store=place)
        await write(home, [STORED], place, last_good=home / "var" / "last-good")
        there = await run_command("routes", folder)
    gone = await run_command("routes", folder)
    assert there[0] == gone[0] == 0
    assert "stored  store" in there[1]
    assert there[1] == gone[1]
    assert gone[2].startswith(
        f"warning: {home}/gateway.yaml: the store can't be reached, so its last good copy is judged, revision 1"
    )
