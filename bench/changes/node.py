"""A node: the gateway with two workers, as an operator runs it, on a store."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..child import ROOT, STOP_SECONDS, Child
from ..cpu import descendants
from ..errors import ProcessFailed
from ..peers import Site
from ..peers.peer import free_port

WORKERS = 2
ADMIN_KEY = "an-admin-key-for-the-benchmark-alone"
_READY_SECONDS = 120.0
_LOOK_SECONDS = 0.005
_METADATA = "Metadata-Version: 2.1\nName: bench-stamp\nVersion: 1\n"
_ENTRY_POINT = "[phasegate.plugins]\nstamp = bench.changes.stamp:Stamp\n"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that was started, the ports of 127.0.0.1 that it serves and is told changes on, and the routes file."""

    child: Child
    port: int
    admin_port: int
    routes: Path
    began: float

    def workers(self) -> Sequence[int]:
        """Return the process ids of its workers, as far as they are there."""
        self.child.check_alive()
        return descendants(self.child.process.pid)

    def stop(self) -> None:
        """End it, and return once it has ended."""
        self.child.process.send_signal(signal.SIGTERM)
        self.child.process.wait(STOP_SECONDS)

    def patience(self) -> Patience:
        """Return how long one may wait for it."""
        return Patience(self)


class Patience:
    """Waits for a node, in short looks, and not for ever."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._deadline = time.monotonic() + _READY_SECONDS

    def wait(self) -> None:
        """Wait for a moment. Raise ProcessFailed when the node has ended, or time is over."""
        self._node.child.check_alive()
        if time.monotonic() > self._deadline:
            raise ProcessFailed(f"a node did not serve within {_READY_SECONDS:.0f} s\n{self._node.child.tail()}")
        time.sleep(_LOOK_SECONDS)


def start_node(site: Site, name: str, store: str, *, document: Mapping[str, Any] | None = None) -> Node:
    """Start a node on a store; a folder of that name is its own, and stays for the next start. `document` is its file's."""
    folder = site.folder / name
    folder.mkdir(exist_ok=True)
    port, admin_port, routes = free_port(), free_port(), folder / "routes.yaml"
    (folder / "gateway.yaml").write_text(yaml.safe_dump(_settings(site, port, admin_port, store)))
    if document is not None or not routes.exists():
        write_routes(routes, document or {"routes": []})
    path = f"PYTHONPATH={ROOT}:{_plugins(site.folder)}"
    arguments = ["env", path, sys.executable, "-m", "phasegate", "run", "--conf", str(folder)]
    began = time.monotonic()
    return Node(site.children.start(name, arguments, site.cores.all), port, admin_port, routes, began)


def write_routes(file: Path, document: Mapping[str, Any]) -> None:
    """Write what the file is to hold, in one go as editors do."""
    dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    beside = file.with_suffix(".new")
    beside.write_text(yaml.dump(dict(document), Dumper=dumper, sort_keys=False))
    beside.replace(file)


def _settings(site: Site, port: int, admin_port: int, store: str) -> dict[str, Any]:
    return {
        "listen": [{"address": f"127.0.0.1:{port}"}],
        "admin": {
            "address": f"127.0.0.1:{admin_port}",
            "keys": [{"name": "bench", "key": ADMIN_KEY, "role": "admin"}],
        },
        "workers": WORKERS,
        "plugins": ["key-auth", "aws-lambda", "stamp"],
        "resources": {"file": "routes.yaml", "store": store},
        # Nodes of one store share it.
        "secrets": {"keyring": str(site.folder / "keyring")},
        "server": {"loop": "uvloop", "graceful_timeout": 5},
        "log": {"level": "warning", "access": "stdout"},
    }


def _plugins(folder: Path) -> Path:
    """Return a folder that offers our plugin as an installed distribution does."""
    offered = folder / "bench_stamp-1.dist-info"
    offered.mkdir(exist_ok=True)
    (offered / "METADATA").write_text(_METADATA)
    (offered / "entry_points.txt").write_text(_ENTRY_POINT)
    return folder
