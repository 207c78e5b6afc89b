"""`phasegate explain` as an operator uses it, on a gateway of two workers and on a folder alone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from phasegate.testing import FakeUpstream
from tests.admin_client import CONNECTIONS, KEY, admin_settings, administering
from tests.process import Server, run_command, serving, write_conf

SECRET = "pl4nted-s3cret"
ENVIRONMENT = {"PHASEGATE_FN_KEY": SECRET, "PLANTED": SECRET}


def document(upstream: FakeUpstream) -> dict[str, Any]:
    nodes = {"nodes": {upstream.address: 1}}
    function = {"function_uri": f"{upstream.url}/fn", "authorization": {"apikey": "$env://PHASEGATE_FN_KEY"}}
    return {
        "routes": [
            {"id": "site", "uri": "/site/*", "methods": ["GET"], "upstream": nodes},
            {"id": "guarded", "uri": "/guarded", "plugins": {"key-auth": {}}, "upstream": nodes},
            {"id": "fn", "uri": "/fn", "plugins": {"aws-lambda": function}},
            {"id": "down", "uri": "/down", "upstream": {"nodes": {"127.0.0.1:1": 1}}},
        ],
        "consumers": [{"username": "jack", "plugins": {"key-auth": {"key": "${PLANTED}"}}}],
    }


def conf(folder: Path, upstream: FakeUpstream) -> Path:
    plugins = ["key-auth", "aws-lambda"]
    return write_conf(folder, document(upstream), plugins=plugins, workers=2, admin=admin_settings())


@pytest.fixture
async def server(tmp_path: Path, upstream: FakeUpstream) -> AsyncIterator[Server]:
    async with serving(conf(tmp_path, upstream), ENVIRONMENT) as server:
        yield server


async def explained(folder: Path, *arguments: str) -> str:
    """Return what the command prints; it has to succeed, and shows no secret."""
    code, output, errors = await run_command("explain", "--conf", str(folder), *arguments, environment=ENVIRONMENT)
    assert (code, errors) == (0, "")
    assert SECRET not in output
    return output


async def test_the_running_gateway_is_asked(server: Server, upstream: FakeUpstream) -> None:
    output = await explained(server.folder, "/site/a?token=t", "-H", "X-A: 1")
    assert "├─ route site: /site/*, from the file\n" in output
    assert f"calls GET {upstream.url}/site/a?token=***: 200" in output
    assert "\x1b" not in output
    assert upstream.received[0].get("x-a") == "1"


async def test_each_way_to_fail_has_its_tree(server: Server) -> None:
    assert "it takes GET, not POST\n" in await explained(server.folder, "POST", "/site/a")
    assert "its uri /site/* matches /site/ and below, not /site\n" in await explained(server.folder, "/site")
    assert "found no credential: Missing API key in request" in await explained(server.folder, "/guarded")
    assert "stopped by key-auth in authenticate\n" in await explained(server.folder, "/guarded", "-H", "apikey: x")
    assert "for consumer jack" in await explained(server.folder, "/guarded", "-H", f"apikey: {SECRET}")
    assert "refused 502: can't connect to 127.0.0.1:1" in await explained(server.folder, "/down")


async def test_json_and_dry_run(server: Server, upstream: FakeUpstream) -> None:
    told = json.loads(await explained(server.folder, "--json", "--dry-run", "-d", "hello", "/fn"))
    assert (told["request"]["method"], told["dry_run"], told["answer"]) == ("POST", True, None)
    assert upstream.received == []
    assert f"calls GET {upstream.url}/fn: 200" in await explained(server.folder, "/fn")
    assert upstream.received[0].get("x-api-key") == SECRET


async def test_a_real_request_is_explained_whichever_worker_answers(server: Server) -> None:
    name, _, token = (await explained(server.folder, "--token", "--seconds", "60")).strip().partition(": ")
    for number in range(CONNECTIONS):
        async with httpx.AsyncClient() as client:
            headers = {name: token, "x-request-id": f"request-{number}"}
            assert (await client.get(f"{server.url}/site/a?key={SECRET}", headers=headers)).status_code == 200
    # The command waits for one that is still on its way; by then the others are there.
    assert "route site" in await explained(server.folder, "--request", f"request-{CONNECTIONS - 1}")
    async with administering(server) as admin:
        for number in range(CONNECTIONS):
            assert (await admin.get(f"explain/requests/request-{number}"))["route"]["id"] == "site"
    assert SECRET not in server.output.decode()
    assert token not in server.output.decode()


async def test_a_token_outlives_the_workers_that_saw_it_made(server: Server) -> None:
    name, _, token = (await explained(server.folder, "--token")).strip().partition(": ")
    server.process.send_signal(1)
    await server.logged("workers replaced")
    async with httpx.AsyncClient() as client:
        await client.get(f"{server.url}/none", headers={name: token, "x-request-id": "request-0"})
    assert "no route" in await explained(server.folder, "--request", "request-0")


async def test_without_an_explanation_the_command_says_what_it_takes(server: Server) -> None:
    code, output, errors = await run_command("explain", "--conf", str(server.folder), "--request", "nobody-sent-it")
    assert (code, output) == (1, "")
    assert errors.startswith("error: there is no explanation of request nobody-sent-it: was it sent with x-phasegate-")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give a URL or a path"),
        (("GET", "/a", "/b"), "give a URL or a path"),
        (("/a", "-H", "no-colon"), "--header takes 'NAME: VALUE'"),
        (("/a", "--token"), "a URL goes with neither --token nor --request"),
        (("--token", "--candidate", "."), "--candidate goes with a request"),
    ],
)
async def test_a_wrong_use_is_told(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    code, _, errors = await run_command("explain", *arguments, folder=tmp_path)
    assert code == 2
    assert words in errors


async def test_what_is_no_request_is_told(server: Server) -> None:
    folder = str(server.folder)
    code, _, errors = await run_command("explain", "--conf", folder, "ftp://x/")
    message = "error: invalid request to explain: url is neither a path nor an http or https URL\n"
    assert (code, errors) == (1, message)
    candidate = await run_command("explain", "--candidate", folder, "ftp://x/", environment=ENVIRONMENT)
    assert candidate == (1, "", message)


async def test_a_folder_is_explained_without_a_gateway(tmp_path: Path, upstream: FakeUpstream) -> None:
    folder = str(conf(tmp_path, upstream))
    arguments = ("--candidate", folder, "/guarded", "-H", f"apikey: {SECRET}", "--from", "10.0.0.9")
    code, output, errors = await run_command("explain", *arguments, environment=ENVIRONMENT)
    assert (code, errors) == (0, "")
    assert "from 10.0.0.9," in output.splitlines()[0]
    assert f"calls GET {upstream.url}/guarded: 200" in output
    assert SECRET not in output
    assert [received.get("x-consumer-username") for received in upstream.received] == ["jack"]


async def test_a_folder_that_can_not_be_served_is_refused_as_check_does(tmp_path: Path) -> None:
    folder = str(write_conf(tmp_path, {"routes": [{"id": "a", "uri": "a"}]}))
    code, _, errors = await run_command("explain", "--candidate", folder, "/a")
    assert code == 1
    assert "routes[0].uri: is no path" in errors


async def test_a_viewer_s_key_explains_nothing(tmp_path: Path, upstream: FakeUpstream) -> None:
    keys = [{"name": "eyes", "key": KEY, "role": "viewer"}]
    folder = write_conf(
        tmp_path, document(upstream), plugins=["key-auth", "aws-lambda"], admin=admin_settings(keys=keys)
    )
    async with serving(folder, ENVIRONMENT):
        environment = {"PHASEGATE_ADMIN_KEY": KEY}
        code, _, errors = await run_command("explain", "--conf", str(folder), "/site/a", environment=environment)
    assert code == 1
    assert "does not take the key: invalid method for role viewer" in errors
    assert upstream.received == []
