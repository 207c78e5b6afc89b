"""One call of a function as the gateway makes it, with all that AWS answers kept to be shown."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from phasegate import Exchange, FunctionFacts, Headers, RequestError, Response, Services
from phasegate.faas import Answer

from .authorization import Authorization
from .event_stream import BrokenStream, Decoder
from .invocation import event_of
from .log_tail import tail_of
from .plugin import AwsLambda


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: what a client of the gateway would get, and what AWS told beside it.

    With a `failure` after its head a client would get the status, and then a cut connection. `payload` is what a function
    that failed returned, or what its stream failed with; `function_failed` tells such from a call that did not succeed.
    """

    status: int
    headers: Headers
    failure: RequestError | None
    function_failed: bool
    payload: bytes
    facts: FunctionFacts
    log: str
    seconds: float


@dataclass(slots=True)
class _Seen:
    """An answer of AWS: its head, and its body as far as it was read."""

    status: int
    headers: Headers
    body: bytearray = field(default_factory=bytearray)


@dataclass(kw_only=True)
class Caller(AwsLambda):
    """An `aws-lambda` that keeps what it is answered."""

    async def open(self, services: Services) -> None:
        """Get ready to call."""
        self._seen: _Seen | None = None
        await super().open(services)

    async def event(self, exchange: Exchange, services: Services) -> bytes:
        """Return the event that a request becomes; nothing is called, and no keys are asked for."""
        self.authorization = Authorization()
        await self.open(services)
        await self.authorize(self._request(exchange), exchange)
        return event_of(exchange) or b""

    async def call(self, exchange: Exchange, write: Callable[[bytes], object], event: bytes | None = None) -> Outcome:
        """Call the function, with `event` instead of the request's own if it is given; `write` gets the response's body."""
        began = time.monotonic()
        status, headers, failure = 0, Headers(), None
        try:
            if event is not None and self._invocation is not None:
                self._invocation.put_event(exchange, event)
            response = await self.proxy(exchange)
            if response is not None:
                status, headers = response.status, response.headers
                async for block in response.stream():
                    write(block)
        except RequestError as error:
            failure = error
            if not status:
                status, headers = error.status, Headers(error.headers)
        finally:
            exchange.close()
        return self._outcome(exchange, status, headers, failure, time.monotonic() - began)

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        """Keep the answer, and judge it as the gateway does."""
        self._seen = seen = _Seen(answer.status, Headers.from_raw(answer.headers.raw))
        answer.body = _kept(answer.stream(), seen.body)
        return await super().accept(answer, exchange)

    def sent(self, exchange: Exchange, *, is_given: bool) -> str:
        """Say what the function was called with."""
        request = f"{exchange.request.method} {exchange.request.path}"
        if not self.invokes:
            return request
        event = event_of(exchange)
        size = "none could be made" if event is None else f"{len(event)} bytes"
        return (
            f"a given event, {size}" if is_given else f"{request} as an event of format {self.payload_format}, {size}"
        )

    def _outcome(
        self, exchange: Exchange, status: int, headers: Headers, failure: RequestError | None, seconds: float
    ) -> Outcome:
        seen = self._seen or _Seen(0, Headers())
        # The API answered, so that what failed is what it answered of.
        at_fault = failure is not None and self.invokes and seen.status == 200
        payload, log = bytes(seen.body), seen.headers.get("x-amz-log-result") or ""
        if self.streams and seen.status == 200 and "x-amz-function-error" not in seen.headers:
            payload, log = _end_of(payload)
        return Outcome(
            status=status,
            headers=headers,
            failure=failure,
            function_failed=at_fault or (failure is None and status >= 500),
            payload=payload if at_fault else b"",
            facts=(exchange.upstream.function if exchange.upstream else None) or {},
            log=tail_of(log),
            seconds=seconds,
        )


async def _kept(stream: AsyncIterator[bytes], body: bytearray) -> AsyncIterator[bytes]:
    async for block in stream:
        body.extend(block)
        yield block


def _end_of(stream: bytes) -> tuple[bytes, str]:
    """Return what the end of a stream tells of its failure, and the tail of the log."""
    try:
        messages = list(Decoder().feed(stream))
        found = [json.loads(message.payload) for message in messages if message.event == "InvokeComplete"]
    except (BrokenStream, ValueError):
        return b"", ""
    document: dict[str, object] = found[0] if found else {}
    return str(document.get("ErrorDetails") or "").encode(), str(document.get("LogResult") or "")
