from collections.abc import AsyncIterator

import pytest

from tests.fake_vault import FakeVault


@pytest.fixture
async def vault() -> AsyncIterator[FakeVault]:
    server = FakeVault()
    await server.start()
    yield server
    await server.stop()
