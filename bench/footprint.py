"""What a server holds: memory, open files, connections, out of /proc (proc_pid_status(5), proc_pid_net(5))."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

_LOOK_SECONDS = 0.05
_RESET_PEAK = "5"
_LISTENING = "0A"
_NOBODYS = "0"


@dataclass(frozen=True, slots=True)
class Footprint:
    """Resident memory in KiB, open descriptors, and how many of them are clients' connections."""

    rss_kib: int
    descriptors: int
    clients: int

    @classmethod
    def of(cls, pid: int, port: int) -> Footprint:
        """Return what a process that listens on this port holds at the moment."""
        connected = clients(Path(f"/proc/{pid}/net/tcp").read_text(), port)
        return cls(rss_kib(pid), sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()), connected)


def rss_kib(pid: int) -> int:
    """Return the resident memory of a process, in KiB."""
    return _status(pid, "VmRSS")


def reset_peak(pid: int) -> None:
    """Let the kernel begin anew with the peak of a process's resident memory (proc_pid_clear_refs(5))."""
    Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK)


def peak_kib(pid: int) -> int:
    """Return the most resident memory that a process had since the last reset, in KiB."""
    return _status(pid, "VmHWM")


def settled(pid: int, port: int, limit_seconds: float) -> Footprint:
    """Return what a server holds once no client is connected any more, or when time is over."""
    deadline = time.monotonic() + limit_seconds
    while (found := Footprint.of(pid, port)).clients and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return found


def _status(pid: int, name: str) -> int:
    match = re.search(rf"^{name}:\s*(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(match[1]) if match else 0


def clients(table: str, port: int) -> int:
    """Count the connections to a port, by a table as in /proc/net/tcp; those that no process holds have inode 0."""
    lines = [line.split() for line in table.splitlines()[1:]]
    return sum(line[1].endswith(f":{port:04X}") and line[3] != _LISTENING and line[9] != _NOBODYS for line in lines)
