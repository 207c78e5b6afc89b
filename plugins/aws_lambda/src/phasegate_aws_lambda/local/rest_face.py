"""The function as behind an API Gateway REST API: stage paths, API keys, strict answers.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway-errors.html ("If the Lambda API rejects the
invocation request, API Gateway returns a 500 error code. If the function runs but returns an error, or returns a
response in the wrong format, API Gateway returns a 502.") and
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hmac

from .answers import Answer, MalformedError, error_answer, rest_answer, rest_head
from .log import Log
from .outcome import Failed, Outcome, Returned
from .pool import Invocation, Pool
from .received import Received
from .rest_event import RestCall, rest_event, stage_of
from .stream_run import StreamRun
from .streamed import Beginning, streamed_answer
from .trace import extended_request_id, request_id, trace_id

_INTERNAL_ERROR = "InternalServerErrorException"

# The default and, before 2024, the most that an integration may take:
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
INTEGRATION_TIMEOUT_SECONDS = 29.0


class RestFace:
    """Answers as `https://{api}.execute-api.{region}.amazonaws.com/{stage}/...` would; any stage and path is there.

    With `streams` the integration's response transfer mode is STREAM, else BUFFERED; the time limit is the latter's.
    """

    body_limit_bytes = 10_485_760

    def __init__(
        self,
        pool: Pool,
        log: Log,
        *,
        api_key: str | None,
        streams: bool = False,
        timeout_seconds: float = INTEGRATION_TIMEOUT_SECONDS,
    ) -> None:
        self._pool = pool
        self._log = log
        self._api_key = api_key
        self._streams = streams
        self._timeout_seconds = timeout_seconds

    async def answer(self, request: Received) -> Answer:
        """Return the response to a request."""
        call = RestCall(request_id(), extended_request_id(), trace_id(request), self._api_key)
        return _identified(await self._answer(request, call), call)

    async def _answer(self, request: Received, call: RestCall) -> Answer:
        if len(request.body) > self.body_limit_bytes:
            message = f"HTTP content length exceeded {self.body_limit_bytes} bytes."
            return self._refuse(413, message, "RequestTooLargeException")
        place = stage_of(request)
        if place is None or not self._has_key(request):
            return self._refuse(403, "Forbidden", "ForbiddenException")
        event = rest_event(request, *place, call)
        return await self._invoke(Invocation(request_id(), call.trace_id, event))

    async def _invoke(self, invocation: Invocation) -> Answer:
        try:
            if self._streams:
                return await streamed_answer(StreamRun(self._pool, self._log, invocation), _begun, self._ended)
            async with asyncio.timeout(self._timeout_seconds):
                return self._ended(await self._pool.complete(invocation))
        except TimeoutError:
            return self._refuse(504, "Endpoint request timed out", _INTERNAL_ERROR)
        except MalformedError as error:
            self._log.malformed(str(error))
            return error_answer(502, "Internal server error", _INTERNAL_ERROR)

    def _has_key(self, request: Received) -> bool:
        """Tell whether the request carries the API key, if one is asked for; compared in constant time."""
        if self._api_key is None:
            return True
        sent = request.header("x-api-key")
        return hmac.compare_digest(sent.encode("latin-1"), self._api_key.encode())

    def _ended(self, outcome: Outcome) -> Answer:
        if isinstance(outcome, Failed):
            return error_answer(502, "Internal server error", _INTERNAL_ERROR)
        if not isinstance(outcome, Returned):
            return self._refuse(500, "Internal server error", _INTERNAL_ERROR)
        if self._streams:
            raise MalformedError("it is no stream with a head")
        return rest_answer(outcome.payload)

    def _refuse(self, status: int, message: str, error_type: str) -> Answer:
        self._log.refused("REST API", status, error_type)
        return error_answer(status, message, error_type)


def _begun(beginning: Beginning) -> Answer:
    if beginning.head is None:
        raise MalformedError("the stream has no head")
    return rest_head(beginning.head)


def _identified(answer: Answer, call: RestCall) -> Answer:
    ids = [
        ("x-amzn-RequestId", call.request_id),
        ("x-amz-apigw-id", call.extended_request_id),
        ("X-Amzn-Trace-Id", call.trace_id),
    ]
    return dataclasses.replace(answer, fields=[*answer.fields, *ids])
