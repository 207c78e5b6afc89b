"""etcd as its own processes, one member or a cluster, on free ports of 127.0.0.1."""

import contextlib
import json
import shutil
import signal
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from phasegate.settings import TLS
from tests.process import DEADLINE_SECONDS, free_port

ETCD = shutil.which("etcd")


class Member:
    """One member of a cluster; it keeps its ports and its data when it is started again."""

    def __init__(self, name: str, folder: Path, options: tuple[str, ...] = (), tls: TLS | None = None) -> None:
        self.name = name
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{free_port()}"
        self.peer_url = f"http://127.0.0.1:{free_port()}"
        self._folder = folder / name
        self._options = (*options, "--cert-file", str(tls.cert), "--key-file", str(tls.key)) if tls else options
        self._trust = ssl._create_unverified_context() if tls else None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, cluster: str) -> None:
        """Start it; `ready` tells when it serves."""
        assert ETCD
        addresses = ["--listen-client-urls", self.url, "--advertise-client-urls", self.url]
        addresses += ["--listen-peer-urls", self.peer_url, "--initial-advertise-peer-urls", self.peer_url]
        arguments = ["--name", self.name, "--data-dir", str(self._folder), "--initial-cluster", cluster]
        pace = ["--heartbeat-interval", "20", "--election-timeout", "200", "--log-level", "error"]
        self._process = subprocess.Popen(
            [ETCD, *arguments, *addresses, *pace, *self._options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def ready(self) -> None:
        """Wait until it serves and there is a leader."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not self._is_healthy():
            assert time.monotonic() < deadline, "etcd does not start"
            time.sleep(0.01)

    def restart(self, members: "list[Member]") -> None:
        """Start it again after it was killed, and wait until it serves."""
        self.start(initial_cluster(members))
        self.ready()

    def leads(self) -> bool:
        """Tell whether it is the cluster's leader."""
        status = self._ask("maintenance/status", {})
        return bool(status["leader"] == status["header"]["member_id"])

    def compact(self) -> None:
        """Have it forget every version of a key but the newest."""
        newest = self._ask("maintenance/status", {})["header"]["revision"]
        self._ask("kv/compaction", {"revision": newest, "physical": True})

    def pause(self) -> None:
        """Stop it where it is: its connections stay open, and nothing answers on them."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _ask(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/v3/{method}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def _is_healthy(self) -> bool:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"{self.url}/health", timeout=5, context=self._trust) as answer,
        ):
            return b'"true"' in answer.read()
        return False


@contextlib.contextmanager
def etcd_cluster(
    folder: Path, size: int = 1, options: tuple[str, ...] = (), tls: TLS | None = None
) -> Iterator[list[Member]]:
    """Run a cluster for the length of a block."""
    members = [Member(f"m{index}", folder, options, tls) for index in range(size)]
    try:
        for member in members:
            member.start(initial_cluster(members))
        for member in members:
            member.ready()
        yield members
    finally:
        for member in members:
            member.kill()


def initial_cluster(members: list[Member]) -> str:
    """Return what tells each member of the others."""
    return ",".join(f"{member.name}={member.peer_url}" for member in members)
