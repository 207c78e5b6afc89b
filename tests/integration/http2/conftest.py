"""Listeners, and clients that speak HTTP/2 to them frame by frame, on asyncio's event loop and on uvloop's."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import uvloop

from tests.http2_client import Client, Connect, Listen
from tests.listening import Handler, Listening, Scripted, echo, listening

_SLOW = ("abuse", "floods", "fuzz", "graceful_stop", "times", "traffic")


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test twice, apart from the slow ones."""
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": loops["asyncio"]} if item.path.stem.removeprefix("test_") in _SLOW else loops


@pytest.fixture
async def listen(caplog: pytest.LogCaptureFixture) -> AsyncIterator[Listen]:
    """What serves a scripted application; it stops with the test, and nothing may have gone wrong behind the scenes."""
    failures: list[Mapping[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler: Handler = echo, **settings: Any) -> Listening:
            return await stack.enter_async_context(listening(Scripted(handler), **settings))

        yield start
    assert not failures
    assert not [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR]


@pytest.fixture
async def connect(listen: Listen) -> AsyncIterator[Connect]:
    """What connects to a listener; the connections close before it stops."""
    clients: list[Client] = []

    async def start(server: Listening, **settings: Any) -> Client:
        clients.append(await Client.to(server.port, **settings))
        return clients[-1]

    yield start
    for client in clients:
        client.close()


@pytest.fixture
async def server(listen: Listen) -> Listening:
    """A listener that echoes."""
    return await listen()


@pytest.fixture
async def client(server: Listening, connect: Connect) -> Client:
    """A client of the listener that echoes."""
    return await connect(server)
