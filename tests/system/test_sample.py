"""What a newcomer gets: `make run`'s program and conf/ as it is shipped."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.process import run_command

CURL = shutil.which("curl")
ROOT = Path(__file__).resolve().parent.parent.parent
PORTS = (9001, 9002, 9003, 9004, 9080, 9180)


def busy_ports() -> list[int]:
    """Return those of the sample's ports that somebody listens on."""
    busy = []
    for port in PORTS:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                busy.append(port)
    return busy


def copy_as_shipped(folder: Path) -> None:
    """Copy conf/ into a folder, without what an earlier run left in it."""
    shutil.copytree(ROOT / "conf", folder / "conf", ignore=shutil.ignore_patterns("var"))


@pytest.fixture
async def sample(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Path]:
    """The sample, run from a copy of conf/ and ended by a signal; skipped where one of its ports is taken."""
    if busy := busy_ports():
        pytest.skip(f"ports {busy} are in use, and the sample wants them")
    copy_as_shipped(tmp_path)
    program = str(tmp_path / "conf" / "sample" / "run.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, program, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        async for line in process.stdout:
            if b"Ctrl-C stops everything" in line:
                break
    yield tmp_path
    process.send_signal(getattr(request, "param", signal.SIGINT))
    async with asyncio.timeout(30):
        await process.communicate()
    assert busy_ports() == []


def keys(folder: Path) -> dict[str, str]:
    lines = (folder / "var" / "sample.env").read_text().splitlines()
    return dict(line.removeprefix("export ").split("=", 1) for line in lines)


def admin_key(folder: Path) -> str:
    return (folder / "conf" / "var" / "admin-key").read_text().strip()


async def test_a_second_one_says_what_is_taken_and_starts_nothing(sample: Path) -> None:
    second = await asyncio.create_subprocess_exec(
        sys.executable, "conf/sample/run.py", cwd=sample, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(20):
        said, error = await second.communicate()
    assert (second.returncode, said) == (1, b"")
    assert error.startswith(b"taken already on 127.0.0.1: 9080, 9180, 9001, 9002, 9003, 9004. End what listens there")
    async with httpx.AsyncClient(verify=False) as client:
        assert (await client.get("http://127.0.0.1:9080/aws?name=Phasegate")).status_code == 200


async def test_everything_that_it_says_to_try_works(sample: Path) -> None:
    base = "http://127.0.0.1:9080"
    async with httpx.AsyncClient(verify=False) as client, httpx.AsyncClient(http1=False, http2=True) as http2:
        first = await client.get(f"{base}/aws?name=Phasegate")
        second = await http2.get(f"{base}/aws?name=Phasegate")
        signed = await client.get(f"{base}/signed/?name=Phasegate")
        unknown = await client.get(f"{base}/guarded")
        known = await client.get(f"{base}/guarded", headers={"apikey": keys(sample)["PHASEGATE_SAMPLE_CONSUMER_KEY"]})
        site = await client.get(f"{base}/site/page")
        written = await client.put(
            "http://127.0.0.1:9180/apisix/admin/routes/1",
            headers={"x-api-key": admin_key(sample)},
            json={"uri": "/here/*", "upstream": {"nodes": {"127.0.0.1:9003": 1}}},
        )
        here = await client.get(f"{base}/here/page")
        edited = await after_editing(client, sample, f"{base}/aws?name=Phasegate")
    assert (first.status_code, first.text) == (200, '"Hello, Phasegate!"')
    assert (second.status_code, second.text, second.http_version) == (200, '"Hello, Phasegate!"', "HTTP/2")
    assert first.headers["x-amzn-requestid"]
    assert (signed.status_code, signed.text) == (200, '"Hello, Phasegate!"')
    assert (unknown.status_code, known.status_code) == (401, 200)
    assert site.text.startswith("You asked for /site/page")
    assert (written.status_code, here.text[:24]) == (201, "You asked for /here/page")
    assert edited == '"Good morning, Phasegate!"'


async def after_editing(client: httpx.AsyncClient, folder: Path, url: str) -> str:
    """Save a changed function, and return the first answer that shows it."""
    function = folder / "conf" / "sample" / "hello.py"
    function.write_text(function.read_text().replace("Hello, {name}", "Good morning, {name}"))
    async with asyncio.timeout(10):
        while "morning" not in (text := (await client.get(url)).text):
            await asyncio.sleep(0.05)
    return text


@pytest.mark.parametrize("sample", [signal.SIGTERM, signal.SIGHUP], indirect=True)
async def test_the_keys_are_for_their_owner_alone(sample: Path) -> None:
    assert (sample / "var" / "sample.env").stat().st_mode & 0o777 == 0o600


async def test_conf_as_shipped_is_good_once_its_variables_are_set(tmp_path: Path) -> None:
    copy_as_shipped(tmp_path)
    names = (
        "PHASEGATE_LAMBDA_API_KEY",
        "PHASEGATE_LAMBDA_ACCESS_KEY",
        "PHASEGATE_LAMBDA_SECRET_KEY",
        "PHASEGATE_SAMPLE_CONSUMER_KEY",
    )
    environment = {name: f"value-{number}" for number, name in enumerate(names)}
    code, output, errors = await run_command("check", str(tmp_path / "conf"), environment=environment)
    assert (code, errors) == (0, "")
    assert "ok (4 routes, 2 plugins" in output


async def test_conf_ships_no_key_and_no_key_of_a_later_version() -> None:
    text = (ROOT / "conf" / "gateway.yaml").read_text() + (ROOT / "conf" / "routes.yaml").read_text()
    without = {name: "" for name in os.environ if name.startswith("PHASEGATE_")}
    code, _, errors = await run_command("check", str(ROOT / "conf"), environment=without)
    assert code == 1
    assert errors.count("is not set") == text.count("${PHASEGATE_")


# The commands of the article that introduced aws-lambda for APISIX, one after the other.
BY_KEY = """
{
"plugins": {
"aws-lambda": {
"function_uri": "https://x9w6z07gb9.execute-api.us-east-1.amazonaws.com/default/test-apisix",
"authorization": {
"apikey": "<Generated API key to access the Lambda function>"
},
"ssl_verify": false
}
},
"uri": "/aws"
}"""
BY_IAM = """
{
"plugins": {
"aws-lambda": {
"function_uri": "https://ajycz5e0v9.execute-api.us-east-1.amazonaws.com/default/test-apisix",
"authorization": {
"iam": {
"accesskey": "<access key>",
"secretkey": "<access key secret>"
}
},
"ssl_verify": false
}
},
"uri": "/aws"
}"""
DISABLED = """
{
"uri": "/aws",
"plugins": {},
"upstream": {
"type": "roundrobin",
"nodes": {
"127.0.0.1:1980": 1
}
}
}"""


async def curl(*arguments: str) -> str:
    """Run curl as a reader of the article does, and return what it prints."""
    assert CURL is not None
    process = await asyncio.create_subprocess_exec(CURL, "-s", *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode()


async def put(key: str, body: str) -> dict[str, Any]:
    """Run one of the article's commands; only host, port and key are others."""
    url = "http://127.0.0.1:9180/apisix/admin/routes/1"
    answer: dict[str, Any] = json.loads(await curl(url, "-H", f"X-API-KEY: {key}", "-X", "PUT", "-d", body))
    return answer


@pytest.mark.skipif(CURL is None, reason="install curl to run the article's commands")
async def test_the_article_s_commands_work_as_they_stand(sample: Path) -> None:
    key = admin_key(sample)
    for body in (BY_KEY, BY_IAM, DISABLED):
        answer = await put(key, body)
        assert (answer["key"], answer["value"]["uri"]) == ("/apisix/routes/1", "/aws")


@pytest.mark.skipif(CURL is None, reason="install curl to run the article's commands")
async def test_a_route_goes_to_a_function_by_key_then_by_iam_then_to_an_upstream(sample: Path) -> None:
    key, known = admin_key(sample), keys(sample)
    by_key = json.loads(BY_KEY)
    by_key["plugins"]["aws-lambda"]["function_uri"] = "http://127.0.0.1:9001/default/hello"
    by_key["plugins"]["aws-lambda"]["authorization"]["apikey"] = known["PHASEGATE_LAMBDA_API_KEY"]
    by_iam = json.loads(BY_IAM)
    by_iam["plugins"]["aws-lambda"]["function_uri"] = "http://127.0.0.1:9002/"
    by_iam["plugins"]["aws-lambda"]["authorization"]["iam"] = {
        "accesskey": known["PHASEGATE_LAMBDA_ACCESS_KEY"],
        "secretkey": known["PHASEGATE_LAMBDA_SECRET_KEY"],
        "service": "lambda",
    }
    await put(key, json.dumps(by_key))
    assert await curl("127.0.0.1:9080/aws?name=APISIX") == '"Hello, APISIX!"'
    assert await curl("--http2-prior-knowledge", "127.0.0.1:9080/aws?name=APISIX") == '"Hello, APISIX!"'
    await put(key, json.dumps(by_iam))
    assert await curl("127.0.0.1:9080/aws?name=APISIX") == '"Hello, APISIX!"'
    await put(key, DISABLED.replace("1980", "9003"))
    assert (await curl("127.0.0.1:9080/aws")).startswith("You asked for /aws")
