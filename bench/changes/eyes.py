"""Eyes on every worker of a node: a kept connection to each, told apart by who holds its other end (proc_pid_fd(5))."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..errors import SliceFailed
from .line import Line, request
from .node import WORKERS, Node

NOWHERE = "/nowhere"
"""A path that no route has: the cheapest answer of a worker."""


@contextlib.contextmanager
def eyes(node: Node) -> Iterator[Mapping[int, Line]]:
    """Return a connection to each worker by its process id, once all of them answer. Raise ProcessFailed."""
    found: dict[int, Line] = {}
    patience = node.patience()
    with contextlib.ExitStack() as stack:
        while len(found) < WORKERS:
            line = _connected(node.port)
            if line is None:
                patience.wait()
                continue
            stack.callback(line.close)
            # The kernel chooses by the client's port: of many connections some meet the other worker.
            found.setdefault(holder(node, line), line)
            if len(found) < WORKERS:
                patience.wait()
        yield found


def holder(node: Node, line: Line) -> int:
    """Return which worker holds the other end of a connection. Raise SliceFailed."""
    line.ask(request("GET", NOWHERE))
    workers = node.workers()
    socket = f"socket:[{inode(Path(f'/proc/{workers[0]}/net/tcp').read_text(), node.port, line.own_port)}]"
    for worker in workers:
        if socket in _open_files(worker):
            return worker
    raise SliceFailed("no worker holds a connection that was answered")


def inode(table: str, port: int, peer_port: int) -> str:
    """Return the inode of the connection between two ports, at the first one's end, by a table as in /proc/net/tcp."""
    for fields in (line.split() for line in table.splitlines()[1:]):
        if fields[1].endswith(f":{port:04X}") and fields[2].endswith(f":{peer_port:04X}"):
            return fields[9]
    raise SliceFailed(f"the system knows no connection from port {peer_port} to port {port}")


def _connected(port: int) -> Line | None:
    try:
        return Line(port)
    except OSError:
        return None


def _open_files(pid: int) -> set[str]:
    names: set[str] = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            names.add(str(file.readlink()))
    return names
