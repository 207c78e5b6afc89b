"""Warm children: reused while idle, started while there is room, replaced when they die or the code changes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .function import Function
from .log import Log, Usage
from .outcome import PAYLOAD_LIMIT_BYTES, Failed, Outcome, Returned, Throttled, TooLarge
from .process import Child, ChildExitedError

# The init phase has ten seconds of its own, whatever the function's timeout:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
_INIT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Part:
    """Some of what a function has streamed, and the type that it gave its stream."""

    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Invocation:
    """One call of the function: what it is known by, its event as JSON values, and what the client says of itself.

    With a `sink` a handler may stream, and what it writes goes there.
    """

    request_id: str
    trace_id: str
    event: Any
    client_context: Any = None
    sink: Callable[[Part], Awaitable[None]] | None = None


class Pool:
    """Runs invocations, each in a child of its own, with at most `concurrency` children."""

    def __init__(self, function: Function, concurrency: int, log: Log) -> None:
        self._function = function
        self._concurrency = concurrency
        self._log = log
        self._generation = 0
        self._busy = 0
        self._idle: list[Child] = []
        self._children: set[Child] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._completing: set[asyncio.Task[Outcome]] = set()

    async def warm(self) -> Failed | None:
        """Start a child before the first call. Return why that can't be, None when it waits for work."""
        started = await self._start()
        if isinstance(started, Failed):
            return started
        await self._give_back(started)
        return None

    async def invoke(self, invocation: Invocation, log: Log | None = None) -> Outcome:
        """Run the function once and say how it went; `log` is told of it in the place of the pool's own."""
        event = json.dumps(invocation.event)
        if len(event) > PAYLOAD_LIMIT_BYTES:
            return TooLarge()
        if self._busy >= self._concurrency:
            return Throttled()
        self._busy += 1
        try:
            return await self._run(invocation, event, log or self._log)
        finally:
            self._busy -= 1

    async def complete(self, invocation: Invocation, log: Log | None = None) -> Outcome:
        """Run the function once, to its end even where whoever waits for it is cancelled."""
        task = asyncio.ensure_future(self.invoke(invocation, log))
        self._completing.add(task)
        task.add_done_callback(self._completing.discard)
        return await asyncio.shield(task)

    def reload(self) -> None:
        """Let new invocations have new children. What runs is finished by the old ones, which then end."""
        self._generation += 1
        idle, self._idle = self._idle, []
        for child in idle:
            task = asyncio.ensure_future(self._end(child))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def close(self) -> None:
        """End every child and start no further one."""
        self._concurrency = 0
        await asyncio.gather(*self._ending, *(child.end() for child in self._children))

    async def _run(self, invocation: Invocation, event: str, log: Log) -> Outcome:
        log.start(invocation.request_id)
        child = await self._reuse()
        began = time.monotonic()
        started = child or await self._start()
        ready = time.monotonic()
        init_seconds = None if child else ready - began
        if isinstance(started, Failed):
            return self._noted(log, invocation, started, Usage(0.0, init_seconds, 0))
        try:
            with started.output.told_to(log):
                outcome = await self._outcome(started, invocation, event)
            usage = Usage(time.monotonic() - ready, init_seconds, started.memory_mb)
            return self._noted(log, invocation, outcome, usage)
        finally:
            await self._give_back(started)

    def _noted(self, log: Log, invocation: Invocation, outcome: Outcome, usage: Usage) -> Outcome:
        if isinstance(outcome, Failed):
            log.error(outcome)
        log.report(invocation.request_id, usage, self._function.memory_mb)
        return outcome

    async def _outcome(self, child: Child, invocation: Invocation, event: str) -> Returned | Failed:
        limit = self._function.timeout_seconds
        message = {
            "event": event,
            "request_id": invocation.request_id,
            "trace_id": invocation.trace_id,
            "arn": self._function.arn,
            "client_context": invocation.client_context,
            "stream": invocation.sink is not None,
            "deadline_ms": int((time.time() + limit) * 1000),
        }
        child.send(message)
        try:
            async with asyncio.timeout(limit):
                answer = await self._answer(child, invocation)
        except TimeoutError:
            return _ended("Sandbox.Timedout", f"Task timed out after {limit:.2f} seconds", invocation.request_id)
        except ChildExitedError as error:
            return _ended("Runtime.ExitError", error.reason, invocation.request_id)
        if "error" in answer:
            child.waiting = answer.get("ends", False)
            return _failed(answer)
        return Returned(json.loads(answer["result"]), streamed=answer.get("streamed", False))

    async def _answer(self, child: Child, invocation: Invocation) -> dict[str, Any]:
        """Wait for the message that ends the invocation; what comes before it are parts of a stream."""
        while "chunk" in (message := await child.receive()):
            child.waiting = True
            if invocation.sink is not None:
                await invocation.sink(Part(message["chunk"], message["type"]))
        return message

    async def _reuse(self) -> Child | None:
        """Return a child that waits for work; one that has died while it waited is cleared away."""
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            await self._end(child)
        return None

    async def _start(self) -> Child | Failed:
        """Return a new child that has imported the handler, or why there is none."""
        try:
            child = await Child.spawn(self._function, self._generation, self._log)
        except OSError as error:
            return Failed(error_type="Runtime.InvalidEntrypoint", message=f"no process can be started: {error}")
        self._children.add(child)
        try:
            failed = await _import_error(child)
        except asyncio.CancelledError:
            await self._end(child)
            raise
        if failed is None and self._concurrency:
            return child
        await self._end(child)
        return failed or Failed(error_type="Runtime.ExitError", message="the local Lambda is being stopped")

    async def _give_back(self, child: Child) -> None:
        """Keep a child for the next call, unless it is dead, still at work, or holds old code."""
        if child.alive and not child.waiting and child.generation == self._generation:
            self._idle.append(child)
        else:
            await self._end(child)

    async def _end(self, child: Child) -> None:
        await child.end()
        self._children.discard(child)


async def _import_error(child: Child) -> Failed | None:
    """Wait until the handler is imported. Return why it can't be."""
    try:
        async with asyncio.timeout(_INIT_SECONDS):
            message = await child.receive()
    except TimeoutError:
        return Failed(error_type="Sandbox.Timedout", message=f"Init timed out after {_INIT_SECONDS:.2f} seconds")
    except ChildExitedError as error:
        return Failed(error_type="Runtime.ExitError", message=error.reason)
    return _failed(message) if "error" in message else None


def _ended(error_type: str, reason: str, request_id: str) -> Failed:
    return Failed(error_type=error_type, message=f"RequestId: {request_id} Error: {reason}")


def _failed(message: Mapping[str, Any]) -> Failed:
    """Return what a child tells of an error as an outcome."""
    document = message["error"]
    trace_name = "trace" if "trace" in document else "stackTrace"
    return Failed(
        error_type=document["errorType"],
        message=document["errorMessage"],
        stack_trace=tuple(document.get(trace_name, ())),
        trace_name=trace_name,
        logged=message.get("logged", False),
    )
