"""Plugins that look at each request and answer and let them pass: `Passing0`, `Passing1` and so on, as many as are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from phasegate import Exchange, Plugin, Response, hookimpl

_METADATA = "Metadata-Version: 2.1\nName: bench-passing\nVersion: 1\n"
_WANTED = "x-bench-passing"


@dataclass(kw_only=True)
class Passing(Plugin):
    """Has an access and a response phase, of which neither does anything for an ordinary request."""

    schema: ClassVar = {"header": {"type": "string", "default": _WANTED}}

    header: str

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Answer a request that has the header."""
        if exchange.request.headers.get(self.header) is not None:
            return Response.text("seen")
        return None

    @hookimpl
    async def response(self, exchange: Exchange, response: Response) -> None:
        """Take the header out of an answer that is no success."""
        if response.status >= 500:
            response.headers.remove(self.header)


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
