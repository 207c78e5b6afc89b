"""Streams through the two front ends: a REST API in transfer mode STREAM, a function URL in invoke mode RESPONSE_STREAM."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from ..streams import ENDS, NODE, PYTHON, RAISES

pytestmark = pytest.mark.long

Serving = Callable[..., Awaitable[tuple[int, int, int]]]
Begin = Callable[..., Awaitable[str]]

# A stream that waits, after its first part, for a file; what it does then is its own.
EXITS = {"python": "os._exit(1)", "node": "process.exit(1)"}
HANGS = {"python": "time.sleep(60)", "node": "for (;;);"}
FLOODS = {
    "python": "while True: yield bytes(50_000)",
    "node": "for (;;) if (!body.write(Buffer.alloc(50_000))) await new Promise((r) => body.once('drain', r))",
}
BARE = "def handler(event, context):\n    yield 'one '\n    yield b'two'\n"


def runs(pid: str) -> bool:
    """Tell whether a process runs; one that is dead and not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


class Front:
    """A front end before one function, which is let go on by `go`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder

    def go(self) -> None:
        (self._folder / "go").touch()

    @property
    def pid(self) -> str:
        return (self._folder / "pid").read_text()

    @property
    def ended(self) -> bool:
        return not runs(self.pid)


@pytest.fixture(params=["rest", "url"])
def face(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["python", "node"])
def language(request: pytest.FixtureRequest) -> str:
    if request.param == "node" and shutil.which("node") is None:
        pytest.skip("Node.js is not installed")
    return str(request.param)


@pytest.fixture
async def front(
    all_serving: Serving, face: str, language: str, tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[Front]]]:
    """Return a function that serves a handler that streams its first part, waits to be let go on, and does as told."""

    async def start(then: dict[str, str], timeout_seconds: float = 30.0) -> Front:
        places = {"pid": str(tmp_path / "pid"), "go": str(tmp_path / "go")}
        source = {"python": PYTHON, "node": NODE}[language].format(then=then[language], **places)
        file = {"python": "app.py", "node": "app.mjs"}[language]
        rest, url, _ = await all_serving(source, timeout_seconds=timeout_seconds, file=file, streams=True)
        return Front({"rest": f"http://127.0.0.1:{rest}/prod/", "url": f"http://127.0.0.1:{url}/"}[face], tmp_path)

    yield start
    (tmp_path / "go").touch()


async def test_first_part_is_out_while_the_function_runs_and_the_head_is_the_responses(
    front: Callable[..., Awaitable[Front]], client: httpx.AsyncClient
) -> None:
    served = await front(ENDS)
    async with client.stream("GET", served.url) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        served.go()
        assert b"".join([piece async for piece in pieces]) == b"last"
    assert (response.status_code, response.headers["x-a"]) == (203, "1")
    assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert response.headers["content-type"] == "text/plain"
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.headers["x-amzn-requestid"]


@pytest.mark.parametrize("then", [RAISES, EXITS], ids=["raises", "exits"])
async def test_failure_after_the_head_cuts_the_answer(
    front: Callable[..., Awaitable[Front]], client: httpx.AsyncClient, then: dict[str, str]
) -> None:
    served = await front(then)
    async with client.stream("GET", served.url) as response:
        pieces = response.aiter_raw()
        await anext(pieces)
        served.go()
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)


async def test_timeout_after_the_head_cuts_the_answer(
    front: Callable[..., Awaitable[Front]], client: httpx.AsyncClient
) -> None:
    served = await front(HANGS, timeout_seconds=2.0)
    with pytest.raises(httpx.RemoteProtocolError):
        await client.get(served.url)
    await until(lambda: served.ended)


async def test_client_that_leaves_ends_a_function_that_is_silent(
    front: Callable[..., Awaitable[Front]], client: httpx.AsyncClient
) -> None:
    served = await front(HANGS)
    async with client.stream("GET", served.url) as response:
        pieces = response.aiter_raw()
        assert await anext(pieces) == b"first"
        assert not served.ended
    await until(lambda: served.ended)


async def test_client_that_reads_nothing_holds_the_function_up(
    front: Callable[..., Awaitable[Front]], client: httpx.AsyncClient
) -> None:
    served = await front(FLOODS)
    served.go()
    async with client.stream("GET", served.url) as response:
        pieces = response.aiter_raw()
        await anext(pieces)
        before = -1
        while before != (now := ticks(served.pid)):
            before = now
            await asyncio.sleep(0.3)
        assert not served.ended
    await until(lambda: served.ended)


def ticks(pid: str) -> int:
    """Return the time that a process has worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


BROKEN = {
    "an exception": "raise ValueError",
    "an end": "import os; os._exit(1)",
    "a status that is none": "yield {'statusCode': 99}",
    "a header that is none": "yield {'headers': {'a b': '1'}}",
    "a head over 16 KB": "yield {'headers': {'a': 'x' * 17_000}}",
}


@pytest.mark.parametrize("statement", BROKEN.values(), ids=BROKEN)
async def test_failure_before_the_head_is_a_502(
    all_serving: Serving, client: httpx.AsyncClient, statement: str
) -> None:
    source = f"def handler(event, context):\n    {statement}\n    yield 'x'\n"
    rest, url, _ = await all_serving(source, streams=True)
    assert (await client.get(f"http://127.0.0.1:{rest}/prod/")).status_code == 502
    assert (await client.get(f"http://127.0.0.1:{url}/")).status_code == 502


async def test_stream_without_a_head_is_a_body_of_a_url_and_malformed_for_an_api(
    all_serving: Serving, client: httpx.AsyncClient
) -> None:
    rest, url, _ = await all_serving(BARE, streams=True)
    assert (await client.get(f"http://127.0.0.1:{rest}/prod/")).status_code == 502
    response = await client.get(f"http://127.0.0.1:{url}/")
    assert (response.status_code, response.text) == (200, "one two")
    assert response.headers["content-type"] == "application/octet-stream"


async def test_result_that_is_no_stream_is_a_body_of_a_url_and_malformed_for_an_api(
    all_serving: Serving, client: httpx.AsyncClient
) -> None:
    rest, url, _ = await all_serving("def handler(event, context):\n    return {'statusCode': 201}\n", streams=True)
    assert (await client.get(f"http://127.0.0.1:{rest}/prod/")).status_code == 502
    response = await client.get(f"http://127.0.0.1:{url}/")
    assert (response.status_code, response.json()) == (200, {"statusCode": 201})


async def test_multi_value_headers_of_a_head_are_an_apis_alone(all_serving: Serving, client: httpx.AsyncClient) -> None:
    source = "def handler(event, context):\n    yield {'multiValueHeaders': {'x-a': ['1', '2']}}\n    yield ''\n"
    rest, url, _ = await all_serving(source, streams=True)
    assert (await client.get(f"http://127.0.0.1:{rest}/prod/")).headers.get_list("x-a") == ["1", "2"]
    assert "x-a" not in (await client.get(f"http://127.0.0.1:{url}/")).headers


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_answer_that_has_no_body_streams_none(all_serving: Serving, method: str, status: int) -> None:
    source = f"def handler(event, context):\n    yield {{'statusCode': {status}}}\n    yield 'x'\n"
    _, url, _ = await all_serving(source, streams=True)
    reader, writer = await asyncio.open_connection("127.0.0.1", url)
    writer.write(f"{method} / HTTP/1.1\r\nHost: f\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert body == b""


async def test_busy_function_is_throttled_before_a_stream_begins(
    front: Callable[..., Awaitable[Front]], client: httpx.AsyncClient, face: str
) -> None:
    served = await front(ENDS)
    async with client.stream("GET", served.url) as one, client.stream("GET", served.url) as two:
        pieces = [one.aiter_raw(), two.aiter_raw()]
        assert [await anext(each) for each in pieces] == [b"first", b"first"]
        assert (await client.get(served.url)).status_code == {"rest": 500, "url": 429}[face]


async def test_client_that_leaves_a_buffered_call_lets_the_function_end(all_serving: Serving, tmp_path: Path) -> None:
    source = f"""
        import os, time

        def handler(event, context):
            open({str(tmp_path / "begun")!r}, "w")
            while not os.path.exists({str(tmp_path / "go")!r}):
                time.sleep(0.01)
            open({str(tmp_path / "done")!r}, "w")
    """
    for port, path in zip(await all_serving(source), ("/prod/", "/", None), strict=True):
        if path is None:
            continue
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        await until((tmp_path / "begun").exists)
        writer.transport.abort()
        await asyncio.sleep(0.1)  # outrun, this proves nothing and breaks nothing
        (tmp_path / "go").touch()
        await until((tmp_path / "done").exists)
        for name in ("begun", "go", "done"):
            (tmp_path / name).unlink()
