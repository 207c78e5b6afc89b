"""Planted secrets, and everything that a gateway prints: they must not meet."""

from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from phasegate.testing import FakeUpstream, Reply
from tests.process import Server, run_command, serving, write_conf

SECRET = "pl4nted-s3cret"
IAM = {"accesskey": f"{SECRET}-access", "secretkey": f"{SECRET}-secret", "session_token": f"{SECRET}-token"}

CALLERS: dict[str, Any] = {
    "basic-auth": {"username": "jack", "password": SECRET},
    "hmac-auth": {"key_id": "jack", "secret_key": SECRET},
    "jwt-auth": {"key": "jack", "secret": SECRET * 3},
    "aws-sigv4-auth": {"access_key_id": "jack", "secret_access_key": SECRET * 2},
}
TOKEN = jwt.encode({"key": "jack", "exp": 4_000_000_000, "x": SECRET}, SECRET * 3, algorithm="HS256")
PRESENTED = (
    httpx.BasicAuth("jack", SECRET)._auth_header,
    httpx.BasicAuth("jack", f"{SECRET}-wrong")._auth_header,
    httpx.BasicAuth(SECRET, SECRET)._auth_header,
    f"Basic {SECRET}",
    f"Bearer {TOKEN}",
    f"Bearer {TOKEN}{SECRET}",
    f"Bearer {SECRET}",
    f'Signature keyId="jack",algorithm="hmac-sha256",headers="{SECRET}",signature="{SECRET}"',
    f"AWS4-HMAC-SHA256 Credential={SECRET}",
    f"AWS4-HMAC-SHA256 Credential={SECRET}/1/2/3/4, SignedHeaders=host, Signature={SECRET}",
)


def document(upstream: FakeUpstream) -> dict[str, Any]:
    def function(uri: str, **config: Any) -> dict[str, Any]:
        return {"aws-lambda": {"function_uri": uri, **config}}

    good, bad = f"{upstream.url}/fn?code={SECRET}", "http://127.0.0.1:1/fn"
    return {
        "routes": [
            {"id": "key", "uri": "/key", "plugins": function(good, authorization={"apikey": SECRET})},
            {"id": "iam", "uri": "/iam", "plugins": function(good, authorization={"iam": dict(IAM)})},
            {
                "id": "query",
                "uri": "/query",
                "plugins": function(good, authorization={"iam": dict(IAM)}, sign_location="query"),
            },
            {
                "id": "down",
                "uri": "/down",
                "plugins": function(bad, authorization={"iam": dict(IAM)}, sign_location="query"),
            },
            {
                "id": "callers",
                "uri": "/callers",
                "plugins": {name: {} for name in CALLERS} | {"csrf": {"key": SECRET}},
                "upstream": {"nodes": {"127.0.0.1:1": 1}},
            },
            {
                "id": "guarded",
                "uri": "/guarded",
                "plugins": {"key-auth": {}},
                "upstream": {"nodes": {"127.0.0.1:1": 1}},
            },
        ],
        "consumers": [{"username": "jack", "plugins": {"key-auth": {"key": SECRET}, **CALLERS}}],
    }


def settings() -> dict[str, Any]:
    return {"plugins": ["aws-lambda", "key-auth", "csrf", *CALLERS], "log": {"level": "debug", "access": "stderr"}}


async def ask(server: Server) -> None:
    async with httpx.AsyncClient(verify=False, timeout=10) as client:
        for path in ("/key", "/iam", "/query", "/down", "/guarded", "/none", "/%zz"):
            url = httpx.URL(server.url).copy_with(raw_path=f"{path}?token={SECRET}".encode())
            response = await client.get(url, headers={"authorization": SECRET, "apikey": SECRET, "cookie": SECRET})
            assert SECRET not in response.text
            assert SECRET not in str(response.headers)
        for presented in PRESENTED:
            response = await client.post(f"{server.url}/callers", headers={"authorization": presented})
            assert SECRET not in response.text + str(response.headers)
        await client.get(server.url, headers={"host": f"user:{SECRET}@host"})


async def test_nothing_that_is_logged_or_answered_holds_one(tmp_path: Path, upstream: FakeUpstream) -> None:
    async with serving(write_conf(tmp_path, document(upstream), **settings())) as server:
        await ask(server)
        upstream.reply(Reply(raw=b"HTTP/1.1 200 OK\r\n" + SECRET.encode(), close=True))
        await ask(server)
        broken = document(upstream)
        broken["routes"][0]["plugins"]["aws-lambda"]["authorization"] = SECRET
        broken["routes"][1]["plugins"]["aws-lambda"]["authorization"]["iam"]["session_token"] = [SECRET]
        broken["consumers"].append({"username": "jill", "plugins": {"key-auth": {"key": SECRET}}})
        server.write_routes(broken)
        await server.logged("configuration refused", 3)
        assert await server.stop() == 0
    assert b'"event":"access"' in server.output
    assert [line for line in server.output.splitlines() if SECRET.encode() in line] == []


@pytest.mark.parametrize("command", [["check"], ["routes"], ["plugins", "--conf"]])
async def test_no_command_prints_one(tmp_path: Path, upstream: FakeUpstream, command: list[str]) -> None:
    code, output, errors = await run_command(*command, str(write_conf(tmp_path, document(upstream), **settings())))
    assert (code, errors) == (0, "")
    assert SECRET not in output + errors


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_no_doctor_tells_one(tmp_path: Path, upstream: FakeUpstream, options: list[str]) -> None:
    upstream.reply(Reply(status=403, headers={"date": SECRET}, body=SECRET.encode()))
    told = document(upstream)
    direct = {"function": "app", "endpoint": upstream.url, "authorization": {"iam": dict(IAM)}}
    told["routes"].append({"id": "direct", "uri": "/direct", "plugins": {"aws-lambda": direct}})
    folder = str(write_conf(tmp_path, told, **settings()))
    code, output, errors = await run_command("doctor", *options, folder)
    assert (code, errors) == (1, "")
    assert "may not call app" in output
    assert SECRET not in output


async def test_no_error_about_a_filled_in_variable_shows_it(tmp_path: Path) -> None:
    routes = {"routes": [{"id": "${PLANTED}", "uri": "${PLANTED}", "priority": "${PLANTED}", "status": "${PLANTED}"}]}
    folder = str(write_conf(tmp_path, routes))
    code, output, errors = await run_command("check", folder, environment={"PLANTED": SECRET})
    assert code == 1
    assert "a value from the environment" in errors
    assert SECRET not in output + errors
