"""A request's whole way through a gateway without a socket: what it costs in this program's own code, and no more.

Bytes go into a connection of the listener, and come out of a transport that is none; so it is with the upstream. Run as
a program, `python -m tests.hot_path KIND COUNT` answers so many requests, for an instrument to watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import count, cycle, repeat
from types import CodeType, FrameType
from typing import Any
from unittest import mock

import uvloop
from hpack import Encoder

from phasegate import Request, Response
from phasegate.access_log import AccessLog
from phasegate.application import Application
from phasegate.gateway import Gateway
from phasegate.limits import Limits
from phasegate.registry import Registry
from phasegate.schema.tables import Schemas
from phasegate.server.http1.connection import Http1Connection
from phasegate.server.http2.connection import Http2Connection
from phasegate.server.http2.gate import PREFACE
from phasegate.server.listener import Listener
from phasegate.server.roster import Roster
from phasegate.upstream.connection import UpstreamConnection
from phasegate.upstream.pool import Pool
from phasegate_auth import KeyAuth
from phasegate_aws_lambda.plugin import AwsLambda
from tests.listening import Scripted
from tests.zoo import Answers

_FUNCTION = "http://127.0.0.1:9/prod/hello"
_IAM = {"accesskey": "AKIDEXAMPLE", "secretkey": "s" * 40, "aws_region": "eu-west-1"}
ROUTES: dict[str, dict[str, Any]] = {
    "api-key": {"plugins": {"aws-lambda": {"function_uri": _FUNCTION, "authorization": {"apikey": "k" * 20}}}},
    "sigv4": {"plugins": {"aws-lambda": {"function_uri": _FUNCTION, "authorization": {"iam": _IAM}}}},
    "forward": {"upstream": {"nodes": {"127.0.0.1:9": 1}}},
    # A client that sends ever other fields, so that they are parsed each time.
    "parsed": {"upstream": {"nodes": {"127.0.0.1:9": 1}}},
    "h2c": {"upstream": {"nodes": {"127.0.0.1:9": 1}}},
    "key-auth": {"upstream": {"nodes": {"127.0.0.1:9": 1}}, "plugins": {"key-auth": {"header": "user-agent"}}},
    # What lies before them, to tell the layers apart: a plugin that answers, and an application that does.
    "gateway": {"plugins": {"answers": {}}},
    "listener": {},
}
CONSUMER = {"username": "jack", "plugins": {"key-auth": {"key": "test/1"}}}
REQUEST = b"GET /x/abc?a=b HTTP/1.1\r\nHost: gateway.test\r\nUser-Agent: test/1\r\nAccept: */*\r\n\r\n"
_OTHER = REQUEST.replace(b"test/1", b"test/2")
_FIELDS = (
    *((b":method", b"GET"), (b":path", b"/x/abc?a=b"), (b":scheme", b"http"), (b":authority", b"gateway.test")),
    *((b"user-agent", b"test/1"), (b"accept", b"*/*")),
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 26 Nov 2026 03:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"Content-Length: 27\r\nConnection: keep-alive\r\nx-amzn-RequestId: 7f3c8c6e\r\n\r\n"
    b'{"message":"hello, world!"}'
)
_WINDOW = (1 << 30).to_bytes(4, "big")
_WARM_UP = 200
_HTTP2 = ("site-packages/h2", "site-packages/hpack", "site-packages/hyperframe")
_FOR_MANY = (
    *(
        "AccessLog.flush",
        "AccessLog._put_down",
        "_told",
        "_lines",
        "timestamp",
    ),
    *("_blocks", "_write_all", "Sweeper._schedule", "Sweeper._sweep"),
)


class _Transport:
    """Tells of each write, and does nothing else."""

    def __init__(self, written: Callable[[bytes], object]) -> None:
        self.write = written

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str) -> None:
        return None

    def abort(self) -> None:
        """Close nothing."""

    close = pause_reading = resume_reading = abort


class HotPath:
    """A gateway with one route, and one client's connection to it."""

    def __init__(
        self,
        application: Application,
        requests: Iterable[bytes] = repeat(REQUEST),
        speaks: type[Http1Connection | Http2Connection] = Http1Connection,
    ) -> None:
        self.answer = b""
        self._requests = iter(requests)
        self._loop = asyncio.get_running_loop()
        self._left = 0
        self._served = self._loop.create_future()
        listener = Listener(application, Roster(Limits()))
        transport: Any = _Transport(self._answered)
        self._connection = speaks(listener, transport, "192.0.2.1")
        listener.roster.admit(self._connection)
        self._connection.begin()

    async def serve(self, count: int) -> None:
        """Answer so many requests, one after the other."""
        self._left, self._served = count, self._loop.create_future()
        self._loop.call_soon(self._connection.data_received, next(self._requests))
        await self._served

    def _answered(self, data: bytes) -> None:
        if not self._left:
            return
        self.answer = data
        self._left -= 1
        if self._left:
            self._loop.call_soon(self._connection.data_received, next(self._requests))
        else:
            self._served.set_result(None)


@contextlib.asynccontextmanager
async def hot_path(kind: str) -> AsyncIterator[HotPath]:
    """Yield a hot path that is warm."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    gateway = Gateway(Schemas(Registry([AwsLambda, Answers, KeyAuth])), access_log=AccessLog(descriptor))
    document = {"routes": [{"id": "r", "uri": "/x/*", **ROUTES[kind]}], "consumers": [CONSUMER]}
    gateway.swap(await gateway.prepare(document))
    with mock.patch.object(Pool, "connect", _connected):
        path = _path(kind, Scripted(_hello) if kind == "listener" else gateway)
        await path.serve(_WARM_UP)
        yield path
    await gateway.close()
    os.close(descriptor)


def _path(kind: str, application: Application) -> HotPath:
    if kind == "h2c":
        return HotPath(application, _over_http2(), Http2Connection)
    return HotPath(application, cycle((REQUEST, _OTHER)) if kind == "parsed" else repeat(REQUEST))


def _over_http2() -> Iterator[bytes]:
    """Yield what a client sends that lets the server send a lot, a request after the other."""
    encoder = Encoder()
    settings = _frame(4, 0, 0, (4).to_bytes(2, "big") + _WINDOW) + _frame(8, 0, 0, _WINDOW) + _frame(4, 1, 0, b"")
    yield PREFACE + settings + _frame(1, 5, 1, encoder.encode(_FIELDS))
    # From the second on, all fields stand in the table.
    block = encoder.encode(_FIELDS)
    for stream in count(3, 2):
        yield _frame(1, 5, stream, block)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


async def _hello(_: Request) -> Response:
    return Response.text("hello")


async def _connected(pool: Pool, timeouts: object) -> UpstreamConnection:
    """Return a connection to an upstream that answers the same to everything."""
    loop = asyncio.get_running_loop()
    connection = UpstreamConnection(pool, "127.0.0.1:9")
    transport: Any = _Transport(lambda _: loop.call_soon(connection.data_received, ANSWER))
    connection.connection_made(transport)
    return connection


async def bytecodes(path: HotPath, requests: int = 64) -> float:
    """Return how many bytecode instructions a request takes in files of this project, and of what speaks HTTP/2.

    What is done for many requests at once is left out, since how often depends on the machine: ids, which are drawn by the
    hundred, lines of the access log, and what a timer calls.
    """
    found: Counter[CodeType] = Counter()

    def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any]:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "opcode":
            found[frame.f_code] += 1
        return trace

    former = sys.gettrace()
    sys.settrace(trace)
    try:
        await path.serve(requests)
    finally:
        sys.settrace(former)
    return sum(number for code, number in found.items() if _is_counted(code)) / requests


def _is_counted(code: CodeType) -> bool:
    file = code.co_filename
    ours = "phasegate" in file or any(f"/{package}/" in file for package in _HTTP2)
    return ours and "request_ids" not in file and code.co_qualname not in _FOR_MANY


async def _run(kind: str, requests: int) -> None:
    async with hot_path(kind) as path:
        gc.disable()
        await path.serve(requests)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(sys.argv[1], int(sys.argv[2])))
