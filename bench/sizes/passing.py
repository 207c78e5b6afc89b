"""Plugins that let each request and answer pass: `Passing0`, `Passing1` and so on, as many as are asked for.

They do nothing of their own, so that what is measured is what it costs to ask them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from phasegate import Exchange, Plugin, Response, hookimpl

_METADATA = "Metadata-Version: 2.1\nName: bench-passing\nVersion: 1\n"


@dataclass(kw_only=True)
class Passing(Plugin):
    """Has an access and a response phase."""

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let the request through."""
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> Response | None:
        """Keep the answer."""
        return None


def name(number: int) -> str:
    """Return what the plugin of this number is called."""
    return f"passing-{number}"


def offer(folder: Path, count: int) -> None:
    """Let a folder offer so many of them, as an installed distribution does."""
    offered = folder / "bench_passing-1.dist-info"
    offered.mkdir(exist_ok=True)
    points = [f"{name(number)} = {__name__}:Passing{number}" for number in range(count)]
    (offered / "METADATA").write_text(_METADATA)
    (offered / "entry_points.txt").write_text("\n".join(["[phasegate.plugins]", *points, ""]))


def __getattr__(attribute: str) -> type[Passing]:
    """Return the plugin class of that name."""
    number = attribute.removeprefix("Passing")
    if not number.isdecimal():
        raise AttributeError(attribute)
    attributes = {"name": name(int(number)), "priority": int(number), "__module__": __name__, "__annotations__": {}}
    made: type[Passing] = dataclass(kw_only=True)(type(attribute, (Passing,), attributes))
    return made
