"""Bad input of every sort: the right status, the reason, and nothing changed, neither in the store nor in what is served."""

import json
from pathlib import Path
from typing import Any

from phasegate.testing import FakeUpstream
from tests.admin_client import AdminClient, admin_settings, administering
from tests.process import serving, write_conf

UPSTREAM = {"nodes": {"127.0.0.1:1": 1}}
BAD = [
    ("PUT", "routes/1", b'{"uri": "/x"', 400, "invalid request body"),
    ("PUT", "routes/1", b"", 400, "missing configurations"),
    ("PUT", "routes/1", b"[]", 400, "invalid configuration"),
    ("PUT", "routes/1", {"uri": 7, "upstream": UPSTREAM}, 400, 'property "uri" validation failed'),
    ("PUT", "routes/1", {"uri": "/x", "tiemout": 1, "upstream": UPSTREAM}, 400, "tiemout"),
    ("PUT", "routes/1", {"uri": "/x", "upstream": {"nodes": {"127.0.0.1:1": "one"}}}, 400, "nodes"),
    (
        "PUT",
        "routes/1",
        {"uri": "/x", "plugins": {"no-such": {}}, "upstream": UPSTREAM},
        400,
        "unknown plugin [no-such]",
    ),
    ("PUT", "routes/1", {"uri": "/x", "plugins": {"key-auth": {"heeader": "a"}}}, 400, "plugin key-auth err"),
    ("PUT", "routes/1", {"uri": "/x", "upstream_id": "none"}, 400, "upstream id [none]"),
    ("PUT", "routes/1", {"uri": "/x", "service_id": "none"}, 400, "service id [none]"),
    ("PUT", "routes/1", {"id": "2", "uri": "/x", "upstream": UPSTREAM}, 400, "wrong route id"),
    ("PUT", "routes/1", {"uri": "/x", "create_time": 1, "upstream": UPSTREAM}, 400, "create_time"),
    ("PUT", "routes", {"uri": "/x", "upstream": UPSTREAM}, 400, "missing route id"),
    ("POST", "routes/1", {"uri": "/x", "upstream": UPSTREAM}, 400, "do not need it"),
    ("PUT", "routes/kept?ttl=soon", {"uri": "/x", "upstream": UPSTREAM}, 400, "ttl"),
    ("PATCH", "routes/kept", {"uri": None}, 400, "uri"),
    ("PATCH", "routes/none", {"uri": "/x"}, 404, "Key not found"),
    ("PUT", "consumers/jack", {"username": "jill"}, 400, "wrong username"),
    ("PUT", "consumers/none/credentials/1", {"plugins": {"key-auth": {"key": "k"}}}, 404, "consumer not found"),
    ("PUT", "consumers", {"username": "jill", "plugins": {"key-auth": {"key": "jacks-key"}}}, 400, "key"),
    ("PUT", "nonsense/1", {"uri": "/x"}, 404, "Unsupported resource type: nonsense"),
    ("PUT", "stream_routes/1", {}, 400, "not supported"),
    ("DELETE", "upstreams/used", None, 400, "can not delete this upstream, route [kept] is still using it now"),
    ("DELETE", "routes/none", None, 404, "Key not found"),
    (
        "PUT",
        "routes/1",
        json.dumps({"uri": "/x", "desc": "d" * 1_600_000}).encode(),
        400,
        "maximum size 1572864 allowed",
    ),
]


async def fill(admin: AdminClient, upstream: FakeUpstream) -> None:
    await admin.write("PUT", "upstreams/used", {"nodes": {upstream.address: 1}})
    await admin.write("PUT", "routes/kept", {"uri": "/kept", "upstream_id": "used"})
    await admin.write("PUT", "consumers", {"username": "jack", "plugins": {"key-auth": {"key": "jacks-key"}}})


async def state(admin: AdminClient) -> list[Any]:
    return [await admin.shown(kind) for kind in ("routes", "upstreams", "consumers", "revisions")]


async def test_whatever_is_wrong_changes_nothing(tmp_path: Path, upstream: FakeUpstream) -> None:
    folder = write_conf(tmp_path, {"routes": []}, admin=admin_settings(), workers=2, plugins=["key-auth"])
    async with serving(folder) as server, administering(server) as admin:
        await fill(admin, upstream)
        before = await state(admin)
        for method, path, body, status, words in BAD:
            got, answer = await admin.ask(method, path, body)
            assert (got, words in str(answer)) == (status, True), (method, path, answer)
        assert await state(admin) == before
        assert await admin.revision() == 3
        assert await admin.statuses("/kept") == {200}
        assert await admin.statuses("/x") == {404}


async def test_a_wrong_key_changes_nothing(tmp_path: Path) -> None:
    folder = write_conf(tmp_path, {"routes": []}, admin=admin_settings(), workers=2)
    async with serving(folder) as server, administering(server) as admin, administering(server, "a-wrong-key") as wrong:
        for method in ("PUT", "PATCH", "DELETE", "GET"):
            status, answer = await wrong.ask(method, "routes/1", {"uri": "/x", "upstream": UPSTREAM})
            assert (status, answer["error_msg"]) == (401, "failed to check token")
        assert await admin.revision() == 0
        assert b"a-wrong-key" not in server.output
