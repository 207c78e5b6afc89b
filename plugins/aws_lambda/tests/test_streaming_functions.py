"""Real functions that stream, in both languages, by each way to them: what holds for one of them holds for all."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from phasegate.testing import RunningGateway
from phasegate.testing.fixtures import GatewayMaker
from phasegate_aws_lambda.plugin import AwsLambda
from phasegate_aws_lambda.testing import FunctionMaker, RunningFunction

from .streams import ENDS, NODE, PYTHON, RAISES

pytestmark = pytest.mark.long

MEBIBYTE = 1 << 20
IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "the-secret-key", "session_token": "the-session-token"}
LONG = {
    "python": "for _ in range(3200): yield bytes(65_536)",
    "node": """
        const part = Buffer.alloc(65_536);
        for (let count = 0; count < 3200; count++) if (!body.write(part)) await once(body, 'drain');
        body.end();
    """,
}
ENDLESS = {
    "python": "while True: yield bytes(65_536)",
    "node": "for (;;) if (!body.write(Buffer.alloc(65_536))) await once(body, 'drain');",
}


@pytest.fixture(params=["function-url", "rest-api", "invoke-stream"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["python", "node"])
def language(request: pytest.FixtureRequest) -> str:
    if request.param == "node" and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    return str(request.param)


class Function:
    """A function behind a gateway; it streams its first part and waits to be let go on."""

    def __init__(self, gateway: RunningGateway, folder: Path) -> None:
        self.url = gateway.url
        self._folder = folder

    def go(self) -> None:
        (self._folder / "go").touch()

    @property
    def pid(self) -> str:
        return (self._folder / "pid").read_text()

    async def ended(self) -> None:
        """Wait until its process is gone."""
        async with asyncio.timeout(10):
            while self._runs():
                await asyncio.sleep(0.02)

    def _runs(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    async def held_up(self) -> None:
        """Wait until its process works no more, and is still there."""
        before = -1
        while before != (now := self._ticks()):
            before = now
            await asyncio.sleep(0.3)

    def _ticks(self) -> int:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


def plugin_of(way: str, faces: RunningFunction) -> dict[str, Any]:
    if way == "rest-api":
        return {"function_uri": f"http://127.0.0.1:{faces.rest_port}/prod"}
    if way == "function-url":
        signed = IAM | {"aws_region": "us-east-1", "service": "lambda"}
        return {"function_uri": faces.url, "authorization": {"iam": signed}}
    endpoint = {"endpoint": faces.endpoint, "authorization": {"iam": IAM}}
    return {"function": "app", "mode": "invoke-stream", **endpoint}


@pytest.fixture
def streaming(
    way: str,
    language: str,
    start_gateway: GatewayMaker,
    local_faces: FunctionMaker,
    tmp_path: Path,
) -> Callable[..., Awaitable[Function]]:
    """Return a function that starts a gateway before a function that does as told after its first part."""

    async def start(then: dict[str, str]) -> Function:
        places = {"pid": str(tmp_path / "pid"), "go": str(tmp_path / "go")}
        source = {"python": PYTHON, "node": NODE}[language].format(then=then[language], **places)
        file = {"python": "app.py", "node": "app.mjs"}[language]
        faces = await local_faces(source, timeout_seconds=50.0, file=file, streams=True)
        plugin = plugin_of(way, faces) | {"timeout": 30_000}
        route = {"id": "r", "uri": "/", "plugins": {"aws-lambda": plugin}}
        return Function(await start_gateway({"routes": [route]}, [AwsLambda]), tmp_path)

    return start


def memory(name: str) -> int:
    """Return what Linux says of this process's memory, in mebibytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def test_first_part_is_out_while_the_function_runs(streaming: Any, client: httpx.AsyncClient) -> None:
    function = await streaming(ENDS)
    async with client.stream("GET", function.url) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        function.go()
        assert b"".join([piece async for piece in pieces]) == b"last"
    assert (response.status_code, response.headers["content-type"]) == (203, "text/plain")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]


async def test_failure_after_the_first_part_cuts_the_answer(
    streaming: Any, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    function = await streaming(RAISES)
    async with client.stream("GET", function.url) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        function.go()
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)
    assert "stream_aborted" in [getattr(record, "code", None) for record in caplog.records]


async def test_client_that_leaves_ends_the_function_while_that_is_silent(
    streaming: Any, client: httpx.AsyncClient
) -> None:
    function = await streaming(ENDS)
    async with client.stream("GET", function.url) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
    await function.ended()


async def test_client_that_reads_nothing_holds_the_function_up(streaming: Any, client: httpx.AsyncClient) -> None:
    function = await streaming(ENDLESS)
    function.go()
    async with client.stream("GET", function.url) as response:
        pieces = response.aiter_raw()
        await anext(pieces)
        await function.held_up()
    await function.ended()


@pytest.mark.parametrize("way", ["function-url"])
async def test_200_megabytes_pass_at_flat_memory(streaming: Any) -> None:
    function = await streaming(LONG)
    url = httpx.URL(function.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", url.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    await reader.readuntil(b"first")
    function.go()
    forget_peak()
    before, received = memory("VmRSS"), 0
    while block := await reader.read(MEBIBYTE):
        received += len(block)
    writer.close()
    assert received > 200 * MEBIBYTE
    assert memory("VmHWM") - before < 30
