"""A peer, and what it needs to start."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..certificates import Certificates
from ..child import Child, Children
from ..cores import Cores
from ..errors import ProcessFailed
from ..scenario import Mode, Protocol
from ..tools import Tools

ANSWER = '{"message":"hello"}\n'
"""What the upstream answers, and so must every peer that has one behind it."""
KEPT = 2048
"""How many upstream connections every peer keeps: more than there ever are, so that none is closed."""
_READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Peer:
    """Something that is measured while it runs.

    `ports` are those of 127.0.0.1 that speak each protocol, `paths` the one that each mode has, `headers` what its requests
    need. `script` makes wrk's requests differ from each other; `access_log` is a file that holds one line a request. A peer
    that is not `compared` stands in the tables without ratios; `answer` is the body of every answer.
    """

    name: str
    summary: str
    child: Child
    ports: Mapping[Protocol, int]
    paths: Mapping[Mode, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    script: str | None = None
    access_log: Path | None = None
    compared: bool = True
    answer: str = ANSWER
    ready_seconds: float = _READY_SECONDS

    def url(self, protocol: Protocol, mode: Mode) -> str:
        """Return where a mode is to be loaded."""
        scheme = "https" if protocol in {"h1s", "h2s"} else "http"
        return f"{scheme}://127.0.0.1:{self.ports[protocol]}{self.paths[mode]}"

    def wait(self) -> None:
        """Return once it listens. Raise ProcessFailed when it ended or takes too long."""
        deadline = time.monotonic() + self.ready_seconds
        while not all(map(_listens, self.ports.values())):
            self.child.check_alive()
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"{self.name} did not listen within {self.ready_seconds:.0f} s\n{self.child.tail()}"
                )
            time.sleep(0.05)


@dataclass(frozen=True, slots=True)
class Absent:
    """A peer that can't be measured here, and what it needs."""

    name: str
    remedy: str


class Cast(NamedTuple):
    """Who is measured, in the order of the tables, who of them is behind the others, where anybody is, and who is missing.

    `authority` is the file of the certificate that those who speak TLS are to be judged by.
    """

    peers: tuple[Peer, ...]
    upstream: Peer | None = None
    absent: tuple[Absent, ...] = ()
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Where peers start: a temporary folder, what stops them in the end, the cores and the programs."""

    folder: Path
    children: Children
    cores: Cores
    tools: Tools


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a peer is to be started: in front of which upstream (`http://host:port`, or https), and with how many workers.

    With `certificates` it speaks TLS on ports of its own beside the others, and trusts their authority. `suffix` tells
    apart peers of one kind, `cores` are others than a server's.
    """

    upstream: str
    certificates: Certificates | None = None
    workers: int = 1
    suffix: str = ""
    cores: frozenset[int] | None = None

    @property
    def scheme(self) -> str:
        """What the upstream speaks."""
        return self.upstream.partition("://")[0]

    @property
    def address(self) -> str:
        """The upstream's host and port."""
        return self.upstream.partition("://")[2]

    @property
    def workers_text(self) -> str:
        """The number of workers, in words."""
        return "one worker" if self.workers == 1 else f"{self.workers} workers"

    def named(self, kind: str) -> str:
        """Return the name of a peer of this kind."""
        return kind + self.suffix


def ports_of(setup: Setup) -> dict[Protocol, int]:
    """Return a free port for each protocol without TLS, and one for both with it where there are certificates."""
    ports: dict[Protocol, int] = {"h1": free_port(), "h2c": free_port()}
    if setup.certificates is not None:
        ports["h1s"] = ports["h2s"] = free_port()
    return ports


def python(setup: Setup) -> list[str]:
    """Return how a peer in Python begins: it trusts the authority where there is one."""
    trust = [f"SSL_CERT_FILE={setup.certificates.authority}"] if setup.certificates else []
    return ["env", *trust, sys.executable] if trust else [sys.executable]


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
