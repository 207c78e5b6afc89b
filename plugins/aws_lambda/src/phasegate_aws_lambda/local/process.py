"""One child process as the pool sees it: started, asked, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .child import LENGTH
from .function import VERSION, Function
from .log import Log
from .output import Output

_OWN_PREFIX = "PHASEGATE_LAMBDA_"

# Go's names, since Lambda's supervisor is written in Go; all others go by their number.
_SIGNALS = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class ChildExitedError(Exception):
    """The process ended while an answer was awaited. `reason` says how, in the words of Lambda's log."""

    def __init__(self, return_code: int) -> None:
        super().__init__(f"the child process ended with return code {return_code}")
        self.reason = _reason(return_code)


class Child:
    """A process that holds the imported handler and runs one invocation at a time."""

    def __init__(self, process: asyncio.subprocess.Process, streams: _Streams, output: Output, generation: int) -> None:
        self.generation = generation
        self.output = output
        self.memory_mb = 0
        self.waiting = True
        self._process = process
        self._reader, self._writer = streams
        self._ended = asyncio.ensure_future(process.wait())

    @classmethod
    async def spawn(cls, function: Function, generation: int, log: Log) -> Child:
        """Start a process. It is `waiting` for its first message, which tells whether the handler could be imported.

        Raise OSError when no process can be started.
        """
        program = function.runtime.program()
        ours, theirs = socket.socketpair()
        output = Output(log)
        with theirs, contextlib.ExitStack() as undo:
            undo.callback(ours.close)
            undo.callback(output.close)
            try:
                process = await asyncio.create_subprocess_exec(
                    *(*program, str(theirs.fileno()), str(function.path), function.handler),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output.descriptor,
                    stderr=output.descriptor,
                    pass_fds=(theirs.fileno(),),
                    # Ctrl-C in the terminal is for the parent, which then ends its children.
                    process_group=0,
                    cwd=function.path.parent,
                    env=_environment(function),
                )
            finally:
                output.opened()
            streams = await asyncio.open_connection(sock=ours)
            undo.pop_all()
        return cls(process, streams, output, generation)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.returncode is None

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; one to a process that is gone is dropped, and `receive` will tell."""
        self.waiting = True
        data = json.dumps(message).encode()
        self._writer.write(LENGTH.pack(len(data)) + data)

    async def receive(self) -> dict[str, Any]:
        """Wait for the child's next message. Raise ChildExitedError when it ends instead.

        The end of the process is waited for as well as that of the stream: what the handler has forked can hold the
        stream open.
        """
        reading = asyncio.ensure_future(self._read())
        try:
            await asyncio.wait((reading, self._ended), return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() or reading.exception() is not None:
                raise ChildExitedError(await asyncio.shield(self._ended))
            self.waiting = False
            return reading.result()
        finally:
            reading.cancel()

    async def end(self) -> None:
        """End the process at once, with what the handler has started, and wait until it is gone."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._writer.close()
        await asyncio.shield(self._ended)
        self.output.close()

    async def _read(self) -> dict[str, Any]:
        (length,) = LENGTH.unpack(await self._reader.readexactly(LENGTH.size))
        message: dict[str, Any] = json.loads(await self._reader.readexactly(length))
        self.memory_mb = message.get("memory_mb", self.memory_mb)
        if "chunk" in message:
            message["chunk"] = await self._reader.readexactly(message["chunk"])
        return message


def _reason(return_code: int) -> str:
    """Return how Lambda's log tells of an end: by its exit status, the signal, or without a reason for status 0."""
    if return_code == 0:
        return "Runtime exited without providing a reason"
    if return_code < 0:
        return f"Runtime exited with error: signal: {_SIGNALS.get(-return_code, -return_code)}"
    return f"Runtime exited with error: exit status {return_code}"


def _environment(function: Function) -> dict[str, str]:
    """Return the environment of a child: the developer's own, Lambda's reserved variables, and none of our keys.

    See https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OWN_PREFIX)}
    today = datetime.now(UTC)
    reserved = {
        "_HANDLER": f"{function.path.stem}.{function.handler}",
        "AWS_DEFAULT_REGION": function.region,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{today:%Y/%m/%d}/[{VERSION}]{secrets.token_hex(16)}",
        "AWS_REGION": function.region,
        "LAMBDA_TASK_ROOT": str(function.path.parent),
        "TZ": ":UTC",
    }
    return inherited | reserved | function.runtime.environment
