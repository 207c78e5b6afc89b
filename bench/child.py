"""Processes that the run starts, and stops again whatever happens."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .cores import pinned
from .cpu import descendants
from .errors import ProcessFailed

STOP_SECONDS = 10.0
"""How long a process may take to end when it is asked to; then it is killed."""
_SLOW_STOP_SECONDS = 2.0
_LOOK_SECONDS = 0.02
ROOT = Path(__file__).resolve().parent.parent
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Child:
    """A started process, leader of a group of its own; its output is appended to two files."""

    name: str
    process: subprocess.Popen[bytes]
    stdout: Path
    stderr: Path

    def tail(self) -> str:
        """Return the last lines that it wrote to standard error."""
        lines = self.stderr.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join(f"  {self.name}: {line}" for line in lines) or f"  {self.name} wrote nothing to standard error"

    def check_alive(self) -> None:
        """Raise ProcessFailed when it has ended."""
        code = self.process.poll()
        if code is not None:
            raise ProcessFailed(f"{self.name} ended by itself with exit code {code}\n{self.tail()}")


@dataclass(slots=True)
class Children:
    """Everything that was started, and what was odd about its end."""

    folder: Path
    complaints: list[str] = field(default_factory=list, init=False)
    _running: list[Child] = field(default_factory=list, init=False)

    def start(self, name: str, arguments: list[str], cores: frozenset[int]) -> Child:
        """Start a program on these cores, from the project's folder."""
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with out.open("ab") as stdout, err.open("ab") as stderr, pinned(cores):
            process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, cwd=ROOT, start_new_session=True
            )
        child = Child(name, process, out, err)
        self._running.append(child)
        return child

    def stop(self) -> None:
        """End them all, and return when the last is gone; Ctrl-C waits meanwhile."""
        with _undisturbed():
            below = {child.name: _handles(child) for child in self._running}
            for child in self._running:
                child.process.terminate()
            deadline = time.monotonic() + STOP_SECONDS
            for child in self._late(deadline):
                self.complaints.append(f"{child.name} was killed: it had not stopped after {STOP_SECONDS:.0f} s")
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
            for name, handles in below.items():
                self._end_below(name, handles, deadline)
            self._running.clear()

    def _late(self, deadline: float) -> list[Child]:
        """Wait for the processes; return those that still run at the deadline."""
        began, running = time.monotonic(), self._running
        while running and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            ended = [child for child in running if child.process.poll() is not None]
            running = [child for child in running if child not in ended]
            took = time.monotonic() - began
            if took > _SLOW_STOP_SECONDS:
                self.complaints += [f"{child.name} took {took:.1f} s to stop" for child in ended]
        return running

    def _end_below(self, name: str, handles: list[int], deadline: float) -> None:
        for handle in handles:
            if not select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]:
                self.complaints.append(f"{name} left a process behind, which was killed")
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)


def _handles(child: Child) -> list[int]:
    """Return a descriptor of each process below; unlike its number it never comes to mean another process."""
    handles: list[int] = []
    for pid in descendants(child.process.pid):
        with contextlib.suppress(ProcessLookupError):
            handles.append(os.pidfd_open(pid))
    return handles


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    former = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
