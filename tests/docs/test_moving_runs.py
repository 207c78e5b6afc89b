"""The script of the page on moving from APISIX, run between two Admin APIs of one shape."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from phasegate.store.records import Write
from tests.configured_node import proposal
from tests.desk import ADMIN_KEY, running_node

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "moving-from-apisix.md").read_text()


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The page's script in a file."""
    path = tmp_path / "copy.py"
    path.write_text(re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0])
    return path


async def copy(script: Path, source: str, target: str) -> tuple[int | None, str]:
    urls = [part for url in (source, target) for part in (f"{url}/apisix/admin", ADMIN_KEY)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(script), *urls), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


async def test_the_script_takes_everything_over_in_one_revision_and_nothing_twice(script: Path) -> None:
    async with running_node() as old, running_node() as new:
        await old.desk.propose(
            proposal(
                Write("upstreams", "1", {"id": "1", "nodes": {"127.0.0.1:1980": 1}}),
                Write("consumers", "jack", {"username": "jack"}),
                Write("credentials", "jack/laptop", {"id": "laptop", "plugins": {"key-auth": {"key": "jacks-key"}}}),
                Write("routes", "2", {"id": "2", "uri": "/x", "upstream_id": "1", "plugins": {"key-auth": {}}}),
            )
        )
        assert await copy(script, old.admin_url, new.admin_url) == (0, "4 resources, revision 1\n")
        taken = {key: record.value for key, record in new.desk.view.records.items()}
        assert taken.keys() == old.desk.view.records.keys()
        assert taken["credentials", "jack/laptop"]["plugins"] == {"key-auth": {"key": "jacks-key"}}
        assert await copy(script, old.admin_url, new.admin_url) == (0, "4 resources, revision 1\n")


async def test_what_can_not_be_taken_is_told_and_nothing_is_written(script: Path) -> None:
    routes = [{"id": "1", "uri": "/x", "plugins": {"key-auth": {}}}]
    async with running_node({"routes": routes}) as old, running_node(plugins=()) as new:
        code, output = await copy(script, old.admin_url, new.admin_url)
        assert code == 1
        assert "key-auth" in output
        assert new.desk.view.records == {}
