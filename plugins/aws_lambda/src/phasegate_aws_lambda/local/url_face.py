"""The function as behind a function URL: signed requests, lenient answers.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html, and of errors
https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html (function errors and timeouts are 5xx alike; both were
seen as 502). A throttled call is the Invoke API's TooManyRequestsException, as seen through function URLs.
"""

from __future__ import annotations

import dataclasses
import json

from .answers import Answer, MalformedError, bare_answer, error_answer, url_answer, url_head
from .child import INTEGRATION_TYPE, STREAM_TYPE
from .log import Log
from .outcome import Failed, Outcome, Returned, Throttled, TooLarge
from .pool import Invocation, Pool
from .received import Received
from .signature import SignatureError
from .stream_run import StreamRun
from .streamed import Beginning, streamed_answer
from .trace import request_id, trace_id
from .url_event import url_event
from .verifier import Verifier

_JSON = ("Content-Type", "application/json")
_BODY_LIMIT_BYTES = 6_291_456


class UrlFace:
    """Answers as `https://{id}.lambda-url.{region}.on.aws/` would. Without a verifier the auth type is NONE.

    With `streams` the invoke mode is RESPONSE_STREAM, else BUFFERED.
    """

    body_limit_bytes = _BODY_LIMIT_BYTES

    def __init__(self, pool: Pool, log: Log, *, verifier: Verifier | None, streams: bool = False) -> None:
        self._pool = pool
        self._log = log
        self._verifier = verifier
        self._streams = streams

    async def answer(self, request: Received) -> Answer:
        """Return the response to a request."""
        invocation_id, trace = request_id(), trace_id(request)
        answer = await self._answer(request, invocation_id, trace)
        ids = [("x-amzn-RequestId", invocation_id), ("X-Amzn-Trace-Id", trace)]
        return dataclasses.replace(answer, fields=[*answer.fields, *ids])

    async def _answer(self, request: Received, invocation_id: str, trace: str) -> Answer:
        if len(request.body) > self.body_limit_bytes:
            return self._too_large()
        try:
            access_key = self._verifier.verify(request) if self._verifier else None
        except SignatureError as error:
            self._log.refused("Function URL", 403, error.error_type)
            return error_answer(403, error.message, error.error_type)
        event = url_event(request, invocation_id, trace, access_key)
        return await self._invoke(Invocation(invocation_id, trace, event))

    async def _invoke(self, invocation: Invocation) -> Answer:
        try:
            if self._streams:
                return await streamed_answer(StreamRun(self._pool, self._log, invocation), _begun, self._ended)
            return self._ended(await self._pool.complete(invocation))
        except MalformedError as error:
            self._log.malformed(str(error))
            return _failed()

    def _ended(self, outcome: Outcome) -> Answer:
        if isinstance(outcome, Throttled):
            return self._throttled()
        if isinstance(outcome, TooLarge):
            return self._too_large()
        if isinstance(outcome, Failed):
            return _failed()
        return _unstreamed(outcome) if self._streams else url_answer(outcome.payload)

    def _throttled(self) -> Answer:
        self._log.refused("Function URL", 429, "TooManyRequestsException")
        document = {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
        fields = [_JSON, ("x-amzn-ErrorType", "TooManyRequestsException")]
        return Answer(429, fields, json.dumps(document, separators=(",", ":")).encode())

    def _too_large(self) -> Answer:
        self._log.refused("Function URL", 413, "RequestEntityTooLargeException")
        message = f"Request must be smaller than {self.body_limit_bytes} bytes for the InvokeFunction operation"
        fields = [_JSON, ("x-amzn-ErrorType", "RequestEntityTooLargeException")]
        return Answer(413, fields, json.dumps({"Message": message}).encode())


def _failed() -> Answer:
    return Answer(502, [_JSON], b"Internal Server Error")


def _begun(beginning: Beginning) -> Answer:
    if beginning.content_type == INTEGRATION_TYPE:
        return url_head(beginning.head)
    return bare_answer(beginning.content_type)


def _unstreamed(outcome: Returned) -> Answer:
    """Return the response of a function that has written nothing: its result is a body here, not a response."""
    if outcome.streamed:
        return bare_answer(STREAM_TYPE)
    return bare_answer("application/json", json.dumps(outcome.payload).encode())
