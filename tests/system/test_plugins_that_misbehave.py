"""Plugins that hang and block in a running gateway: what the operator reads."""

from pathlib import Path
from typing import Any

import aiohttp

from tests.process import serving, write_conf

MODULE = """
import asyncio
import time
from dataclasses import dataclass
from typing import ClassVar
from phasegate import Plugin, hookimpl

@dataclass(kw_only=True)
class Moody(Plugin):
    name: ClassVar[str] = "moody"
    schema: ClassVar = {"mood": {"type": "string", "required": True}}
    mood: str

    @hookimpl
    async def access(self, exchange):
        if self.mood == "blocks":
            time.sleep(0.5)
        elif self.mood == "hangs":
            await asyncio.Event().wait()
        elif self.mood == "raises":
            raise ValueError("never mind")
"""


def install(library: Path) -> dict[str, str]:
    """Install a distribution with the plugin, and return the environment that sees it."""
    metadata = library / "phasegate_moody-1.dist-info"
    metadata.mkdir(parents=True)
    (library / "phasegate_moody.py").write_text(MODULE)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: phasegate-moody\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[phasegate.plugins]\nmoody = phasegate_moody:Moody\n")
    return {"PYTHONPATH": str(library)}


def whose(line: dict[str, Any]) -> tuple[str, str, str]:
    return line["plugin"], line["phase"], line["route"]


async def test_the_log_names_plugin_phase_and_route(tmp_path: Path) -> None:
    environment = install(tmp_path / "lib")
    routes = [{"id": mood, "uri": f"/{mood}", "plugins": {"moody": {"mood": mood}}} for mood in MOODS]
    limits = {"phase_timeout": 0.2, "loop_stall": 0.2}
    folder = write_conf(tmp_path, {"routes": routes}, plugins=["moody"], limits=limits)
    async with serving(folder, environment) as server, aiohttp.ClientSession() as client:
        for mood, status in MOODS.items():
            async with client.get(f"{server.url}/{mood}") as answer:
                assert answer.status == status
        blocked = await server.logged("event loop stands still")
        assert (whose(blocked), "time.sleep(0.5)" in blocked["stack"]) == (("moody", "access", "blocks"), True)
        await server.logged("event loop goes on")
        failed = {
            whose(line)[2]: line for line in server.lines if line["event"] == "request failed" and "phase" in line
        }
        assert {route: (line["code"], whose(line)) for route, line in failed.items()} == {
            "raises": ("plugin_failed", ("moody", "access", "raises")),
            "hangs": ("plugin_timeout", ("moody", "access", "hangs")),
        }
        assert "ValueError: never mind" in failed["raises"]["traceback"]
        assert await server.stop() == 0


# None of them answers: where nothing goes wrong, there is no upstream.
MOODS = {"raises": 500, "hangs": 504, "blocks": 503}
