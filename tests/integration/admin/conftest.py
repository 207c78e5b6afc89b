"""A node with the Admin API, in the test's own process, and what its resources are made of."""

from collections.abc import AsyncIterator

import pytest

from phasegate.testing import FakeUpstream
from tests.desk import Node, running_node


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    """A node that serves nothing yet."""
    async with running_node() as started:
        yield started


@pytest.fixture
def target(upstream: FakeUpstream) -> dict[str, object]:
    """An upstream object that leads to the scripted upstream."""
    return {"type": "roundrobin", "nodes": {f"127.0.0.1:{upstream.port}": 1}}
