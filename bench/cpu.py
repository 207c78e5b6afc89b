"""CPU times out of /proc (proc_pid_stat(5), proc_tid_children(5), proc_stat(5)), in clock ticks of mostly 10 ms."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

_REST_SECONDS = 60.0
_LOOK_SECONDS = 0.5
_IDLE_TICKS = 2
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


def descendants(pid: int) -> list[int]:
    """Return the process ids below a process, parents before their children."""
    children: list[int] = []
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        children += [int(text) for text in file.read_text().split()]
    return children + [further for child in children for further in descendants(child)]


def tree_ticks(pid: int) -> dict[int, int]:
    """Return the user and system time of each process of a tree, that of children which have ended included."""
    return {each: process_ticks(each) for each in (pid, *descendants(pid))}


def rest(pids: Iterable[int]) -> None:
    """Return once processes and what is below them have nothing to do, or after a minute."""
    deadline, pids = time.monotonic() + _REST_SECONDS, list(pids)
    used = [sum(tree_ticks(pid).values()) for pid in pids]
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        before, used = used, [sum(tree_ticks(pid).values()) for pid in pids]
        if all(now - then <= _IDLE_TICKS for then, now in zip(before, used, strict=True)):
            return


def process_ticks(pid: int) -> int:
    """Return the user and system time of a process, that of children which have ended included."""
    # The name, in parentheses, may hold anything; fields 14 to 17 are utime, stime, cutime and cstime.
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15])


def busy_ticks(cores: frozenset[int]) -> int:
    """Return the time that cores were not idle; what the host of a virtual machine took from them counts as busy."""
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
    times = {line[0]: [int(field) for field in line[1:9]] for line in lines if line[0].startswith("cpu")}
    # user, nice, system, idle, iowait, irq, softirq, steal
    return sum(sum(times[f"cpu{core}"]) - sum(times[f"cpu{core}"][3:5]) for core in cores)
