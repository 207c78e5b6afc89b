"""Listeners and clients of HTTP/1.1, on asyncio's event loop and on uvloop's."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import pytest
import uvloop

from phasegate.server.serving import Protocol
from tests.http1_client import Client
from tests.listening import Handler, Listening, Scripted, echo, listening

Listen = Callable[..., Awaitable[Listening]]
Connect = Callable[..., Awaitable[Client]]


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run every test on both."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(autouse=True)
async def expected_errors(caplog: pytest.LogCaptureFixture) -> AsyncIterator[set[str]]:
    """What the test expects in the log as an error; any other fails it, and so does an exception that nobody handles."""
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    expected: set[str] = set()
    yield expected
    assert unhandled == []
    records = [record for when in ("setup", "call", "teardown") for record in caplog.get_records(when)]
    assert {record.message for record in records if record.levelno >= logging.ERROR} == expected


@pytest.fixture(params=["native", "hypercorn"])
def mode(request: pytest.FixtureRequest) -> Protocol:
    """Both ways of serving."""
    chosen: Protocol = request.param
    return chosen


@pytest.fixture
async def listen() -> AsyncIterator[Listen]:
    """What serves a scripted application; it stops with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(handler: Handler = echo, **settings: Any) -> Listening:
            chosen = {"graceful_timeout": 0.05, **settings}
            return await stack.enter_async_context(listening(Scripted(handler), **chosen))

        yield start


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
