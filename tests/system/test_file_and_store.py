"""What stands in the file and what is in the store are served together, and neither overrides the other."""

from pathlib import Path
from typing import Any

from phasegate.testing import FakeUpstream
from tests.admin_client import admin_settings, administering
from tests.process import serving, write_conf


def routes(upstream: FakeUpstream, *ids: str) -> dict[str, Any]:
    return {"routes": [{"id": id_, "uri": f"/{id_}", "upstream": {"nodes": {upstream.address: 1}}} for id_ in ids]}


def conf(folder: Path, upstream: FakeUpstream) -> Path:
    return write_conf(folder, routes(upstream, "filed"), admin=admin_settings(), workers=2)


async def test_routes_of_both_live_side_by_side(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(conf(tmp_path, upstream)) as server, administering(server) as admin:
        await admin.write("PUT", "routes/stored", routes(upstream, "stored")["routes"][0])
        assert (await admin.get("routes"))["total"] == 2
        server.write_routes(routes(upstream, "filed", "saved"))
        await server.logged("configuration accepted")
        for path in ("/filed", "/saved", "/stored"):
            assert await admin.statuses(path) == {200}
        await admin.write("DELETE", "routes/stored")
        assert (await admin.statuses("/filed"), await admin.statuses("/stored")) == ({200}, {404})


async def test_a_saved_file_that_clashes_with_the_store_is_refused(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(conf(tmp_path, upstream)) as server, administering(server) as admin:
        await admin.write("PUT", "routes/stored", routes(upstream, "stored")["routes"][0])
        server.write_routes(routes(upstream, "other", "stored"))
        refused = await server.logged("configuration refused")
        assert (refused["file"], refused["path"]) == (str(tmp_path / "routes.yaml"), "routes/stored.id")
        assert "taken by routes[1]" in refused["detail"]
        assert (await admin.statuses("/filed"), await admin.statuses("/other")) == ({200}, {404})
        await admin.write("DELETE", "routes/stored")
        server.write_routes(routes(upstream, "other", "stored"))
        await server.logged("configuration accepted")
        assert await admin.statuses("/other") == {200}


async def test_what_the_file_owns_can_not_be_written(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(conf(tmp_path, upstream)) as server, administering(server) as admin:
        for method in ("PUT", "PATCH", "DELETE"):
            body = None if method == "DELETE" else {"uri": "/changed"}
            status, answer = await admin.ask(method, "routes/filed", body)
            assert status == 400
            assert str(tmp_path / "routes.yaml") in answer["error_msg"]
        assert await admin.revision() == 0
        assert await admin.statuses("/filed") == {200}
