"""InvokeWithResponseStream over real sockets; botocore takes the frames apart."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.eventstream import EventStreamBuffer

PATH = "/2021-11-15/functions/app/response-streaming-invocations"
GENERATOR = """
    def handler(event, context):
        yield {"statusCode": 201, "headers": {"x-a": "1"}}
        yield "one "
        yield b"two"
"""

Serving = Callable[..., Awaitable[tuple[int, int, int]]]


def events_of(data: bytes) -> list[tuple[str, bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(message.headers[":event-type"], message.payload) for message in buffer]


def runs(pid: str) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def streamed(all_serving: Serving, client: httpx.AsyncClient) -> Callable[..., Awaitable[httpx.Response]]:
    async def invoke(source: str, **headers: str) -> httpx.Response:
        port = (await all_serving(source))[2]
        return await client.post(f"http://127.0.0.1:{port}{PATH}", content=b"{}", headers=headers)

    return invoke


async def test_what_a_generator_yields_are_the_parts_of_the_answer(streamed: Any) -> None:
    response = await streamed(GENERATOR)
    assert response.headers["content-type"] == "application/vnd.amazon.eventstream"
    head = b'{"statusCode": 201, "headers": {"x-a": "1"}}' + bytes(8)
    parts = [("PayloadChunk", head), ("PayloadChunk", b"one "), ("PayloadChunk", b"two"), ("InvokeComplete", b"{}")]
    assert events_of(response.content) == parts


async def test_what_any_other_handler_returns_is_one_part(streamed: Any) -> None:
    response = await streamed("def handler(event, context):\n    return {'a': 1}\n")
    assert events_of(response.content) == [("PayloadChunk", b'{"a": 1}'), ("InvokeComplete", b"{}")]


async def test_an_error_ends_the_stream(streamed: Any) -> None:
    response = await streamed("def handler(event, context):\n    yield 'x'\n    raise ValueError('no')\n")
    (_, part), (kind, payload) = events_of(response.content)
    assert (part, kind, json.loads(payload)["ErrorCode"]) == (b"x", "InvokeComplete", "Unhandled")
    assert json.loads(json.loads(payload)["ErrorDetails"])["errorType"] == "ValueError"


async def test_a_part_that_is_neither_bytes_nor_text_is_an_error(streamed: Any) -> None:
    ((_, payload),) = events_of((await streamed("def handler(event, context):\n    yield 5\n")).content)
    assert "Runtime.MarshalError" in json.loads(payload)["ErrorDetails"]


async def test_the_log_comes_at_the_end(streamed: Any) -> None:
    (*_, (_, payload)) = events_of((await streamed(GENERATOR, **{"x-amz-log-type": "Tail"})).content)
    assert b"REPORT RequestId" in base64.b64decode(json.loads(payload)["LogResult"])


async def test_an_event_can_t_stream(streamed: Any) -> None:
    assert (await streamed(GENERATOR, **{"x-amz-invocation-type": "Event"})).status_code == 400


async def test_a_generator_that_is_not_streamed_is_no_answer(all_serving: Serving, client: httpx.AsyncClient) -> None:
    port = (await all_serving(GENERATOR))[2]
    response = await client.post(f"http://127.0.0.1:{port}/2015-03-31/functions/app/invocations", content=b"{}")
    assert response.json()["errorType"] == "Runtime.MarshalError"


async def test_a_client_that_leaves_ends_the_function(
    all_serving: Serving, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    source = f"""
        import os

        def handler(event, context):
            open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
            while True:
                yield "x" * 50_000
    """
    port = (await all_serving(source, timeout_seconds=60.0))[2]
    async with client.stream("POST", f"http://127.0.0.1:{port}{PATH}", content=b"{}") as response:
        await anext(response.aiter_raw())
    pid = (tmp_path / "pid").read_text()
    async with asyncio.timeout(10):
        while runs(pid):
            await asyncio.sleep(0.02)
