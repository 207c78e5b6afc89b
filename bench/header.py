"""What stands above everything that a run says: the machine, the versions, the cores."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from .cores import Cores
from .machine import machine, versions
from .tools import Tools

WIDTH = 120


@dataclass(frozen=True, slots=True)
class Header:
    """The facts, in plain text and as what JSON can hold."""

    text: str
    document: dict[str, Any]


def header(tools: Tools, cores: Cores) -> Header:
    """Return the facts of this run."""
    facts, found = machine(), versions(tools)
    lines = [
        f"{facts['processor']}, {facts['cores']} cores, {facts['system']}, {facts['python']}",
        *textwrap.wrap(", ".join(f"{name} {version}" for name, version in found.items()), WIDTH),
        cores.summary,
    ]
    return Header("\n".join(lines), {"machine": facts, "versions": found, "pinning": cores.summary})
