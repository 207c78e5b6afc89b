"""The log, in the words of Lambda's and API Gateway's own.

See https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html for the START, END and REPORT lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TextIO

from .function import VERSION
from .outcome import Failed


@dataclass(frozen=True, slots=True)
class Usage:
    """What an invocation took. `init_seconds` is None where a warm child ran it; `memory_mb` is the child's peak."""

    seconds: float
    init_seconds: float | None
    memory_mb: int


class Log:
    """Writes lines to its streams, each flushed. Ours must hold no secret: it never sees headers or bodies."""

    def __init__(self, *streams: TextIO) -> None:
        self._streams = streams

    def also(self, stream: TextIO) -> Log:
        """Return a log that writes to one stream more."""
        return Log(*self._streams, stream)

    def start(self, request_id: str) -> None:
        """Note that an invocation begins."""
        self._write(f"START RequestId: {request_id} Version: {VERSION}")

    def report(self, request_id: str, usage: Usage, memory_limit_mb: int) -> None:
        """Note that an invocation has ended, and what it took."""
        milliseconds = usage.seconds * 1000
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {milliseconds:.2f} ms",
            f"Billed Duration: {math.ceil(milliseconds)} ms",
            f"Memory Size: {memory_limit_mb} MB",
            f"Max Memory Used: {usage.memory_mb} MB",
        ]
        if usage.init_seconds is not None:
            fields.append(f"Init Duration: {usage.init_seconds * 1000:.2f} ms")
        self._write(f"END RequestId: {request_id}\n" + "\t".join(fields))

    def printed(self, line: str) -> None:
        """Write a line that the function has printed."""
        self._write(line)

    def error(self, failed: Failed) -> None:
        """Write what the handler raised, as Lambda's Python runtime does; Node's children do so themselves."""
        if failed.logged:
            return
        lines = [f"[ERROR] {failed.error_type}: {failed.message}"]
        if failed.stack_trace:
            lines += ["Traceback (most recent call last):", *(frame.rstrip() for frame in failed.stack_trace)]
        self._write("\n".join(lines))

    def malformed(self, reason: str) -> None:
        """Write why a handler's answer could not be made an HTTP response."""
        self._write(f"Execution failed due to configuration error: Malformed Lambda proxy response: {reason}")

    def refused(self, face: str, status: int, error_type: str) -> None:
        """Write that a request was answered without an invocation."""
        self._write(f"{face}: {status} {error_type}")

    def note(self, text: str) -> None:
        """Write a line of our own."""
        self._write(text)

    def _write(self, text: str) -> None:
        for stream in self._streams:
            stream.write(text + "\n")
            stream.flush()
