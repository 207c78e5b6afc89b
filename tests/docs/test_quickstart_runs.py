"""The quickstart, done as it says: its files written, its commands run, on other ports where its own may be taken."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.process import free_port

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("curl") is None, reason="install curl to run the page's commands"),
]

PAGE = (Path(__file__).resolve().parent.parent.parent / "docs" / "quickstart.md").read_text()
PORTS = ("9001", "9002", "9004", "9080", "9180")
SERVE, RUN, CHANGE = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


class Quickstart:
    """A folder with the page's files, and a shell in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        self.environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        for name, text in re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(self.moved(text))
        with (folder / "gateway" / "gateway.yaml").open("a") as settings:
            settings.write(self.moved("admin: {address: 127.0.0.1:9180}\n"))

    def moved(self, text: str) -> str:
        """Return a text with the ports that are this test's."""
        return re.sub("|".join(PORTS), lambda found: self.ports[found[0]], text)

    async def run(self, commands: str) -> str:
        """Run commands as they stand on the page, and return what they print."""
        process = await self._shell(self.moved(commands))
        output, _ = await process.communicate()
        assert process.returncode == 0, output
        return output.decode()

    @contextlib.asynccontextmanager
    async def running(self, commands: str, ready: bytes) -> AsyncIterator[None]:
        """Run commands, the last of which stays, until the block ends; wait until a line holds `ready`."""
        process = await self._shell(re.sub(r"^(?=phasegate (?:run|lambda))", "exec ", commands, flags=re.MULTILINE))
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while ready not in (line := await process.stdout.readline()):
                assert line, "it ended early"
        rest = asyncio.create_task(process.stdout.read())
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            await rest
            await process.wait()

    async def _shell(self, commands: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *("sh", "-ec", commands),
            cwd=self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


async def test_the_quickstart_does_what_it_says(tmp_path: Path) -> None:
    page = Quickstart(tmp_path)
    requests = re.findall(r"^\$ (curl .*)\n(.*)$", PAGE, re.MULTILINE)
    assert len(requests) == 3
    faces = page.moved("--rest 127.0.0.1:9001 --url 127.0.0.1:9002 --invoke 127.0.0.1:9004")
    async with (
        page.running(f"{SERVE.strip()} {faces}", b"/invocations"),
        page.running(RUN, b'"listening"'),
    ):
        for command, answer in requests:
            assert (await page.run(command.replace("curl ", "curl -s "))).strip() == answer
        await page.run(CHANGE)
        assert await page.run("curl -s http://127.0.0.1:9080/open") == "Hello, world!"
