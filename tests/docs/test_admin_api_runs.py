"""The commands of the page on the Admin API, run as they stand there, one after the other."""

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from phasegate.admin.kinds import KINDS
from tests.desk import ADMIN_KEY, running_node

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "admin-api.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="install curl to run the page's commands")
async def test_every_command_of_the_page_succeeds() -> None:
    async with running_node() as node:
        environment = {**os.environ, "ADMIN": f"{node.admin_url}/apisix/admin", "KEY": ADMIN_KEY}
        process = await asyncio.create_subprocess_exec(
            "sh", "-ec", "\n".join(COMMANDS), env=environment, stdout=asyncio.subprocess.PIPE
        )
        output, _ = await process.communicate()
        assert process.returncode == 0
        assert output.count(b"\n") == PAGE.count("curl -sf ")
        assert {key for key in node.desk.view.records if key[0] == "routes"} == {("routes", "2")}


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "credentials"])
def test_every_kind_is_on_the_page(kind: str) -> None:
    assert f"`{kind}" in PAGE
