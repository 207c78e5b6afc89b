"""A peer, and what it needs to start."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..child import Child, Children
from ..cores import Cores
from ..errors import ProcessFailed
from ..scenario import Mode, Protocol
from ..tools import Tools

ANSWER = '{"message":"hello"}\n'
"""What the upstream answers, and so must every peer that has one behind it."""
_READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Peer:
    """Something that is measured while it runs.

    `ports` are those of 127.0.0.1 that speak each protocol, `paths` the one that each mode has. `access_log` is a file that
    holds one line a request. A peer that is not `compared` stands in the tables without ratios; `answer` is the body of
    every answer.
    """

    name: str
    summary: str
    child: Child
    ports: Mapping[Protocol, int]
    paths: Mapping[Mode, str]
    access_log: Path | None = None
    compared: bool = True
    answer: str = ANSWER

    def url(self, protocol: Protocol, mode: Mode) -> str:
        """Return where a mode is to be loaded."""
        return f"http://127.0.0.1:{self.ports[protocol]}{self.paths[mode]}"

    def wait(self) -> None:
        """Return once it listens. Raise ProcessFailed when it ended or takes too long."""
        deadline = time.monotonic() + _READY_SECONDS
        while not _listens(self.ports["h1"]):
            self.child.check_alive()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{self.name} did not listen within {_READY_SECONDS:.0f} s\n{self.child.tail()}")
            time.sleep(0.05)


class Cast(NamedTuple):
    """Who is measured, in the order of the tables, and who of them is behind the others, where anybody is."""

    peers: tuple[Peer, ...]
    upstream: Peer | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Where peers start: a temporary folder, what stops them in the end, the cores and the programs."""

    folder: Path
    children: Children
    cores: Cores
    tools: Tools


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
