"""The handlers in docs/aws-lambda.md, served by the local Lambda."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from phasegate_aws_lambda.local.function import Function
from phasegate_aws_lambda.local.keys import Keys
from phasegate_aws_lambda.local.log import Log
from phasegate_aws_lambda.local.server import Address, Addresses, LocalLambda

pytestmark = pytest.mark.long

PAGE = (Path(__file__).parents[2] / "docs" / "aws-lambda.md").read_text()
CODE = re.findall(r"```(python|javascript)\n(.*?)```", PAGE, re.DOTALL)
HANDLERS = [(language, source) for language, source in CODE if re.search(r"\bhandler\b", source)]
ANY_PORT = Address("127.0.0.1", 0)


@pytest.fixture
async def url_of(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Return a function that serves a handler, and returns the function URL."""
    servers: list[LocalLambda] = []

    async def serve(language: str, source: str) -> str:
        if language == "javascript" and shutil.which("node") is None:
            pytest.skip("Node.js is not installed")
        path = tmp_path / ("app.py" if language == "python" else "app.mjs")
        path.write_text(source)
        function = Function(path=path, handler="handler", name="app", timeout_seconds=20.0)
        streams = "streamifyResponse" in source
        servers.append(LocalLambda(function, Keys(), concurrency=1, log=Log(io.StringIO()), streams=streams))
        return f"http://{(await servers[-1].open(Addresses(ANY_PORT, ANY_PORT, ANY_PORT))).url}/?name=you"

    yield serve
    for server in servers:
        await server.close()


@pytest.mark.parametrize(("language", "source"), HANDLERS)
async def test_handler_of_the_page_answers(url_of: Callable[..., Awaitable[str]], language: str, source: str) -> None:
    async with httpx.AsyncClient(timeout=20) as client:
        response = await client.get(await url_of(language, source))
    assert response.status_code == 200
    assert response.text == ("one\ntwo\n" if "streamifyResponse" in source else '"Hello, you!"')


def test_page_has_a_handler_of_each_kind() -> None:
    assert {(language, "streamifyResponse" in source) for language, source in HANDLERS} == {
        ("python", False),
        ("javascript", False),
        ("javascript", True),
    }
