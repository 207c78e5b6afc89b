"""`export`, `diff` and `apply` against a gateway, as an operator runs them."""

import asyncio
import os
import pty
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml

from tests.process import PHASEGATE, Server, run_command, serving, write_conf, write_yaml

NODES = {"nodes": {"127.0.0.1:1": 1}}
FILE = {"routes": [{"id": "filed", "uri": "/filed", "upstream": NODES}]}
FUNCTION = {"function_uri": "https://a.test/fn", "authorization": {"apikey": "s3cret-1"}}
SECRET = "s3cret"
SAME = "the store holds what the file says\n"


def document() -> dict[str, Any]:
    return {
        "routes": [
            {"id": "hello", "uri": "/hello/*", "methods": ["GET"], "plugins": {"aws-lambda": dict(FUNCTION)}},
            {"id": "old", "uri": "/old/*", "upstream_id": "u"},
        ],
        "upstreams": [{"id": "u", **NODES}],
        "consumers": [{"username": "jack", "plugins": {"key-auth": {"key": "s3cret-2"}}}],
        "credentials": [{"id": "jack/spare", "plugins": {"key-auth": {"key": "s3cret-3"}}}],
    }


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """A gateway with an empty store, and one route in its file."""
    (tmp_path / "conf").mkdir()
    async with serving(write_conf(tmp_path / "conf", FILE, plugins=["key-auth", "aws-lambda"])) as running:
        yield running


async def run(server: Server, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command beside the gateway's folder."""
    return await run_command(*arguments, folder=server.folder.parent, environment=environment)


async def apply(server: Server, content: Any) -> str:
    """Have the store hold something, and return the file's name."""
    write_yaml(server.folder.parent / "store.yaml", content)
    code, _, errors = await run(server, "apply", "store.yaml", "--yes")
    assert code == 0, errors
    return "store.yaml"


def api(server: Server) -> httpx.AsyncClient:
    key = (server.folder / "var" / "admin-key").read_text().strip()
    return httpx.AsyncClient(base_url=f"{server.admin_url}/apisix/admin", headers={"x-api-key": key})


async def test_applying_makes_one_revision_and_applying_again_none(server: Server) -> None:
    name = await apply(server, document())
    assert await run(server, "diff", name) == (0, SAME, "")
    assert await run(server, "apply", name) == (0, SAME, "")
    async with api(server) as client:
        revisions = (await client.get("/revisions")).json()
    assert revisions["revision"] == 1
    assert revisions["list"][0]["note"] == "apply store.yaml: 5 created"


async def test_what_was_exported_is_applied_without_a_change(server: Server) -> None:
    await apply(server, document())
    for options in ((), ("--secrets",)):
        code, _, errors = await run(server, "export", *options, "--output", "out.yaml")
        assert (code, errors) == (0, "")
        out = server.folder.parent / "out.yaml"
        assert (SECRET in out.read_text()) is bool(options)
        assert out.stat().st_mode & 0o777 == 0o600
        assert await run(server, "apply", "out.yaml") == (0, SAME, "")


async def test_an_export_is_read_as_it_was_applied(server: Server) -> None:
    await apply(server, document())
    _, output, _ = await run(server, "export", "--secrets")
    assert yaml.safe_load(output) == document()


async def test_a_diff_says_what_changes_and_shows_no_secret(server: Server) -> None:
    await apply(server, document())
    changed = document()
    changed["routes"] = [
        {
            **changed["routes"][0],
            "plugins": {
                "key-auth": {},
                "aws-lambda": {"function_uri": "https://b.test/fn", "authorization": {"apikey": "s3cret-9"}},
            },
        }
    ]
    changed["upstreams"].append({"id": "v", "nodes": {"127.0.0.1:2": 1}})
    write_yaml(server.folder.parent / "changed.yaml", changed)
    code, output, errors = await run(server, "diff", "changed.yaml")
    assert (code, errors) == (2, "")
    assert output.splitlines() == [
        "~ routes/hello",
        "    plugins.aws-lambda.authorization.apikey: *** -> *** (another)",
        "    plugins.aws-lambda.function_uri: https://a.test/fn -> https://b.test/fn",
        "    plugins.key-auth: {}",
        "    => GET /hello/* goes to https://b.test/fn instead of https://a.test/fn",
        "    => GET /hello/* runs through aws-lambda with another configuration",
        "    => GET /hello/* needs key-auth from now on",
        "+ upstreams/v",
        "    => touches no route",
        "- routes/old",
        "    => requests to /old/* will find no route",
        "",
        "1 to create, 1 to update, 1 to delete (from revision 1)",
    ]
    code, output, _ = await run(server, "apply", "changed.yaml", "--yes")
    assert (code, output.splitlines()[-1]) == (0, "revision 2: 1 created, 1 updated, 1 deleted")
    assert SECRET not in output
    assert await run(server, "diff", "changed.yaml") == (0, SAME, "")


async def test_a_dry_run_changes_nothing(server: Server) -> None:
    write_yaml(server.folder.parent / "store.yaml", document())
    code, output, _ = await run(server, "apply", "store.yaml", "--dry-run")
    assert (code, output.splitlines()[-1]) == (0, "5 to create, 0 to update, 0 to delete (from revision 0)")
    assert (await run(server, "export"))[1].endswith("\nroutes: []\n")


async def test_without_a_terminal_it_has_to_be_said(server: Server) -> None:
    write_yaml(server.folder.parent / "store.yaml", document())
    process = await asyncio.create_subprocess_exec(
        *PHASEGATE,
        "apply",
        "store.yaml",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        cwd=server.folder.parent,
    )
    _, errors = await process.communicate()
    assert process.returncode == 1
    assert errors == b"error: nothing is changed: there is no terminal to ask at, so say --yes\n"


@pytest.mark.parametrize(("answer", "revision"), [(b"y\n", 1), (b"n\n", 0)])
async def test_at_a_terminal_it_asks(server: Server, answer: bytes, revision: int) -> None:
    write_yaml(server.folder.parent / "store.yaml", document())
    ours, theirs = pty.openpty()
    os.write(ours, answer)
    process = await asyncio.create_subprocess_exec(
        *PHASEGATE,
        "apply",
        "store.yaml",
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=server.folder.parent,
    )
    output, _ = await process.communicate()
    os.close(ours)
    os.close(theirs)
    assert b"Apply this? [y/N]" in output
    assert process.returncode == (0 if revision else 1)
    async with api(server) as client:
        assert (await client.get("/revisions")).json()["revision"] == revision


async def test_a_change_between_question_and_answer_is_a_conflict(server: Server) -> None:
    write_yaml(server.folder.parent / "store.yaml", document())
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *PHASEGATE,
        "apply",
        "store.yaml",
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=server.folder.parent,
    )
    assert process.stdout is not None
    await process.stdout.readuntil(b"Apply this?")
    async with api(server) as client:
        assert (await client.put("/upstreams/other", json=NODES)).status_code == 201
    os.write(ours, b"y\n")
    _, errors = await process.communicate()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 1
    assert errors == b"error: the store has changed meanwhile: run diff again, and apply what it says then\n"
    assert "+ routes/hello" in (await run(server, "diff", "store.yaml"))[1]


async def test_a_mask_keeps_what_is_stored_and_is_refused_where_nothing_is(server: Server) -> None:
    content = document()
    await apply(server, content)
    content["consumers"][0]["plugins"]["key-auth"]["key"] = "***"
    content["consumers"].append({"username": "jill", "plugins": {"key-auth": {"key": "***"}}})
    write_yaml(server.folder.parent / "masked.yaml", content)
    code, output, errors = await run(server, "diff", "masked.yaml")
    assert (code, output) == (1, "")
    assert errors == (
        "error: consumers/jill: failed to check the configuration of plugin key-auth err: "
        'property "key" validation failed: is ***, and no secret is stored here: send the secret itself\n'
    )
    content["consumers"].pop()
    write_yaml(server.folder.parent / "masked.yaml", content)
    assert await run(server, "diff", "masked.yaml") == (0, SAME, "")


async def test_private_keys_stay_masked_and_stay_in_force(server: Server) -> None:
    leaf = trustme.CA().issue_cert("a.test")
    cert, key = leaf.cert_chain_pems[0].bytes().decode(), leaf.private_key_pem.bytes().decode()
    await apply(server, {"ssls": [{"id": "1", "cert": cert, "key": key, "sni": "a.test"}]})
    code, output, errors = await run(server, "export", "--secrets", "--output", "out.yaml")
    assert (code, output) == (0, "")
    assert errors.startswith("note: the private keys of ssls are masked")
    text = (server.folder.parent / "out.yaml").read_text()
    assert "PRIVATE KEY" not in text
    assert "    cert: |\n      -----BEGIN CERTIFICATE-----\n" in text
    assert await run(server, "diff", "out.yaml") == (0, SAME, "")


async def test_variables_are_filled_in_and_never_shown(server: Server) -> None:
    plugin = {"function_uri": "https://${FN_HOST}/", "timeout": "${FN_MS}", "authorization": {"apikey": "${FN_KEY}"}}
    write_yaml(
        server.folder.parent / "env.yaml",
        {"routes": [{"id": "e", "uri": "/e", "priority": "${PRIO:-7}", "plugins": {"aws-lambda": plugin}}]},
    )
    environment = {"FN_HOST": "hidden.test", "FN_MS": "500", "FN_KEY": SECRET}
    code, output, errors = await run(server, "apply", "env.yaml", "--yes", **environment)
    assert (code, errors) == (0, "")
    assert "hidden" not in output
    (route,) = yaml.safe_load((await run(server, "export", "--secrets"))[1])["routes"]
    assert route["priority"] == 7
    assert route["plugins"]["aws-lambda"] == {
        "function_uri": "https://hidden.test/",
        "timeout": 500,
        "authorization": {"apikey": SECRET},
    }
    code, _, errors = await run(server, "diff", "env.yaml")
    assert code == 1
    assert "environment variable FN_HOST is not set" in errors
    code, _, errors = await run(server, "diff", "env.yaml", **{**environment, "FN_HOST": "hidden host"})
    assert (code, "hidden" in errors) == (1, False)
    assert "routes/e: failed to check the configuration of plugin aws-lambda" in errors


@pytest.mark.parametrize(
    ("content", "errors"),
    [
        (FILE, ["routes/filed is owned by the file "]),
        (
            {"routes": [{"id": "a", "uri": "/a", "upstream_id": "no"}, {"id": "b", "uri": 5}]},
            [
                "routes/a: failed to fetch upstream info by upstream id [no], response code: 404",
                'routes/b: invalid configuration: property "uri" validation failed: must be a string (got 5)',
            ],
        ),
        (
            {"routes": [{"id": "a", "uri": "/a", "update_time": 5}]},
            ["routes/a: the property is forbidden: update_time"],
        ),
        ({"rotues": []}, ["store.yaml: rotues: is not a known key: did you mean 'routes'?"]),
        ("", ["store.yaml: is empty: write `routes: []` where no route is wanted"]),
        ("routes: [", None),
    ],
)
async def test_what_is_refused_is_told_with_its_path(server: Server, content: Any, errors: list[str] | None) -> None:
    write_yaml(server.folder.parent / "store.yaml", content)
    for command in ("diff", "apply"):
        code, output, told = await run(server, command, "store.yaml")
        assert (code, output) == (1, "")
        if errors is None:
            assert told.startswith("error: store.yaml:")
        else:
            lines = told.splitlines()
            assert len(lines) == len(errors)
            assert all(line.startswith(f"error: {error}") for line, error in zip(lines, errors, strict=True)), lines


async def test_deleting_what_the_file_refers_to_is_refused(server: Server) -> None:
    await apply(server, {"upstreams": [{"id": "u", **NODES}]})
    server.write_routes({"routes": [{"id": "filed", "uri": "/filed", "upstream_id": "u"}]})
    await server.logged("configuration accepted")
    write_yaml(server.folder.parent / "store.yaml", {"routes": []})
    code, _, errors = await run(server, "apply", "store.yaml", "--yes")
    assert code == 1
    assert errors.startswith("error: ")
    assert "routes[0].upstream_id" in errors


async def test_who_can_not_be_asked(server: Server) -> None:
    write_yaml(server.folder.parent / "store.yaml", document())
    wrong = "no-key-of-this-gateway"
    code, _, errors = await run(server, "diff", "store.yaml", PHASEGATE_ADMIN_KEY=wrong)
    assert (code, errors) == (1, f"error: {server.admin_url} does not take the key: wrong apikey\n")
    code, _, errors = await run(server, "export", "--admin", server.url)
    assert code == 1
    assert f"give the one of {server.url} by --key-file or PHASEGATE_ADMIN_KEY" in errors
    code, _, errors = await run(server, "export", "--admin", server.url, PHASEGATE_ADMIN_KEY=wrong)
    assert (code, errors) == (1, f"error: {server.url} is no Admin API of Phasegate: name its address with --admin\n")
    code, _, errors = await run(
        server, "diff", "store.yaml", "--admin", "http://127.0.0.1:1", PHASEGATE_ADMIN_KEY=wrong
    )
    assert code == 1
    assert errors.startswith("error: nobody listens at http://127.0.0.1:1: start the gateway")
    code, _, errors = await run(server, "diff")
    assert code == 1
    assert "Missing argument 'FILE'" in errors


async def test_a_key_comes_from_a_file_or_the_settings(tmp_path: Path) -> None:
    keys = [
        {"name": "eyes", "key": "a-viewer-key-of-some", "role": "viewer"},
        {"name": "ops", "key": "an-admin-key-of-some"},
    ]
    async with serving(with_keys(tmp_path / "conf", keys)) as server:
        await apply(server, {"routes": [{"id": "a", "uri": "/a", "upstream": NODES}]})
        viewer = tmp_path / "viewer-key"
        viewer.write_text("a-viewer-key-of-some\n")
        viewer.chmod(0o600)
        code, output, _ = await run(server, "export", "--key-file", "viewer-key", "--admin", server.admin_url)
        assert code == 0
        assert "id: a" in output
        code, _, errors = await run(server, "export", "--secrets", "--key-file", "viewer-key")
        assert (code, errors) == (1, f"error: {server.admin_url} does not take the key: secrets are for role admin\n")


def with_keys(folder: Path, keys: list[dict[str, str]]) -> Path:
    """Write a configuration folder with keys of its own."""
    folder.mkdir()
    settings = yaml.safe_load((write_conf(folder, FILE) / "gateway.yaml").read_text())
    settings["admin"]["keys"] = keys
    write_yaml(folder / "gateway.yaml", settings)
    return folder


async def test_a_thousand_routes(server: Server) -> None:
    routes = [{"id": f"r{index}", "uri": f"/r/{index}/*", "upstream_id": "u"} for index in range(1000)]
    name = await apply(server, {"routes": routes, "upstreams": [{"id": "u", **NODES}]})
    assert await run(server, "diff", name) == (0, SAME, "")
    routes[500]["uri"] = "/other"
    write_yaml(server.folder.parent / "store.yaml", {"routes": routes[:999], "upstreams": [{"id": "u", **NODES}]})
    code, output, _ = await run(server, "apply", "store.yaml", "--yes")
    assert (code, output.splitlines()[-1]) == (0, "revision 2: 1 updated, 1 deleted")
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{server.url}/r/999/x")).status_code == 404
        assert (await client.get(f"{server.url}/other")).status_code == 502
