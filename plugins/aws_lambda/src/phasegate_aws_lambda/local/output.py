"""What a child prints, told to a log line by line."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator

from .log import Log

# More than a pipe holds, so that one read takes all that is there.
_READ_BYTES = 1 << 20
# What has no end is told in pieces: as long as the longest event of CloudWatch's logs.
_LINE_BYTES = 1 << 20


class Output:
    """A pipe that takes a process's standard output and error. `descriptor` is its end, closed here by `opened`."""

    def __init__(self, log: Log) -> None:
        self._own_log = self._log = log
        self._reading, self.descriptor = os.pipe()
        self._begun = b""
        self._closed = False
        os.set_blocking(self._reading, False)

    def opened(self) -> None:
        """Begin to read, now that the process has its end."""
        os.close(self.descriptor)
        asyncio.get_running_loop().add_reader(self._reading, self._drain)

    @contextlib.contextmanager
    def told_to(self, log: Log) -> Iterator[None]:
        """Have a log told what is printed meanwhile. What was written before the end is told before the end."""
        self._log = log
        try:
            yield
        finally:
            self._drain()
            self._end_line()
            self._log = self._own_log

    def close(self) -> None:
        """Tell what is left, and read no further."""
        if self._closed:
            return
        self._drain()
        self._end_line()
        self._closed = True
        self._forget()
        os.close(self._reading)

    def _drain(self) -> None:
        if self._closed:
            return
        try:
            data = os.read(self._reading, _READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._forget()
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._tell(line)
        if len(self._begun) > _LINE_BYTES:
            self._end_line()

    def _end_line(self) -> None:
        if self._begun:
            self._tell(self._begun)
            self._begun = b""

    def _tell(self, line: bytes) -> None:
        self._log.printed(line.decode("utf-8", "replace"))

    def _forget(self) -> None:
        asyncio.get_running_loop().remove_reader(self._reading)
