"""The kit as pytest fixtures, opt-in: `-p phasegate.testing.fixtures` in pytest's `addopts`."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any

import pytest
import pytest_asyncio

from ..plugin import Plugin
from .gateway import RunningGateway, running_gateway
from .upstream import FakeUpstream, fake_upstream

# What fails in the suite shall say why, as in anybody's own tests.
pytest.register_assert_rewrite("phasegate.testing.conformance")

GatewayMaker = Callable[..., Awaitable[RunningGateway]]


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[FakeUpstream]:
    """A scripted upstream on a free port."""
    async with fake_upstream() as server:
        yield server


@pytest_asyncio.fixture
async def start_gateway() -> AsyncIterator[GatewayMaker]:
    """What starts gateways, given a document and plugin classes; they stop with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            document: Mapping[str, Any], plugins: Iterable[type[Plugin]] = (), **settings: Any
        ) -> RunningGateway:
            return await stack.enter_async_context(running_gateway(document, plugins, **settings))

        yield start
