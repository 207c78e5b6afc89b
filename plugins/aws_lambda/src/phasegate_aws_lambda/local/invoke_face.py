"""The function as the Lambda API reaches it: by Invoke, and by InvokeWithResponseStream.

Sources: these operations in the Lambda API reference, and for the texts of errors what AWS was seen to answer. There is
one version, `$LATEST`, and no alias.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
import json
import re
from typing import Any
from urllib.parse import parse_qs, unquote

from .answers import Answer, Fields, Parts
from .function import ACCOUNT_ID, VERSION, Function
from .log import Log
from .outcome import Failed, Outcome, Returned, Throttled, TooLarge
from .pool import Invocation, Pool
from .received import Received
from .signature import SignatureError
from .stream_run import StreamRun, log_tail
from .trace import request_id, trace_id
from .verifier import Verifier

_PATH = re.compile(
    "/2015-03-31/functions/(?P<whole>[^/]+)/invocations"
    "|/2021-11-15/functions/(?P<streamed>[^/]+)/response-streaming-invocations"
)
_JSON = ("Content-Type", "application/json")
_TYPES = ("RequestResponse", "Event", "DryRun")
_EVENT_LIMIT_BYTES = 1_048_576


class InvokeFace:
    """Answers as `https://lambda.{region}.amazonaws.com/` would, for one function. Without a verifier anybody may call."""

    body_limit_bytes = 6_291_556

    def __init__(self, function: Function, pool: Pool, log: Log, *, verifier: Verifier | None) -> None:
        self._function = function
        self._pool = pool
        self._log = log
        self._verifier = verifier
        self._running: set[asyncio.Task[Answer]] = set()

    async def answer(self, request: Received) -> Answer:
        """Return the response to a request."""
        identity = request_id()
        answer = await self._answer(request, identity)
        return Answer(answer.status, [*answer.fields, ("x-amzn-RequestId", identity)], answer.body, answer.parts)

    async def _answer(self, request: Received, identity: str) -> Answer:
        try:
            if self._verifier is not None:
                self._verifier.verify(request)
        except SignatureError as error:
            return self._refuse(403, error.error_type, {"message": error.message})
        match = _PATH.fullmatch(request.path.decode("latin-1"))
        if match is None or request.method != "POST":
            return self._refuse(404, "UnknownOperationException", {})
        missing = self._missing(unquote(match["whole"] or match["streamed"]), request)
        if missing is not None:
            return self._refuse(404, "ResourceNotFoundException", {"Type": "User", "Message": missing})
        return await self._invoke(request, identity, streamed=match["whole"] is None)

    def _missing(self, name: str, request: Received) -> str | None:
        """Return what to say of a function or version that is not there; None where it is."""
        query = parse_qs(request.query.decode("latin-1"))
        own = self._function
        known = {own.name, f"{ACCOUNT_ID}:{own.name}", f"{ACCOUNT_ID}:function:{own.name}", own.arn}
        for suffix in ("", f":{VERSION}"):
            if name.removesuffix(suffix) in known and query.get("Qualifier", [VERSION]) == [VERSION]:
                return None
        arn = f"{own.arn.rpartition(':')[0]}:{name.partition(':function:')[2] or name}"
        return f"Function not found: {':'.join([arn, *query.get('Qualifier', [])])}"

    async def _invoke(self, request: Received, identity: str, *, streamed: bool) -> Answer:
        kind = request.header("x-amz-invocation-type", "RequestResponse")
        limit = _EVENT_LIMIT_BYTES if kind == "Event" else self.body_limit_bytes
        if len(request.body) > limit:
            message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
            return self._refuse(413, "RequestTooLargeException", {"Type": "User", "message": message})
        if kind not in _TYPES or (streamed and kind == "Event"):
            message = f"Value '{kind}' at 'invocationType' failed to satisfy constraint"
            return self._refuse(400, "InvalidParameterValueException", {"Type": "User", "message": message})
        try:
            invocation = self._invocation(request, identity)
        except ValueError as error:
            message = f"Could not parse request body into json: {error}"
            return self._refuse(400, "InvalidRequestContentException", {"Type": "User", "message": message})
        if kind == "DryRun":
            return Answer(204)
        if kind == "Event":
            self._start(invocation)
            return Answer(202)
        tail = request.header("x-amz-log-type") == "Tail"
        return await (self._stream if streamed else self._run)(invocation, tail=tail)

    def _invocation(self, request: Received, identity: str) -> Invocation:
        event = json.loads(request.body or b"{}")
        context = request.header("x-amz-client-context")
        return Invocation(
            identity, trace_id(request), event, client_context=_client_context(context) if context else None
        )

    def _start(self, invocation: Invocation) -> None:
        """Run the function for itself; nobody waits, and AWS's two more tries are not made."""
        task = asyncio.ensure_future(self._run(invocation, tail=False))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, invocation: Invocation, *, tail: bool) -> Answer:
        lines = io.StringIO()
        log = self._log.also(lines)
        answer = self._response(await self._pool.complete(invocation, log))
        fields: Fields = [*answer.fields, ("X-Amz-Executed-Version", VERSION)]
        if tail and answer.status == 200:
            fields.append(("X-Amz-Log-Result", log_tail(lines)))
        return Answer(answer.status, fields, answer.body)

    async def _stream(self, invocation: Invocation, *, tail: bool) -> Answer:
        run = StreamRun(self._pool, self._log, invocation)
        try:
            outcome = await run.begin()
        except BaseException:
            await run.end()
            raise
        if isinstance(outcome, Throttled | TooLarge):
            return self._response(outcome)
        fields = [("Content-Type", "application/vnd.amazon.eventstream"), ("X-Amz-Executed-Version", VERSION)]
        return Answer(200, fields, parts=Parts(run.frames(tail=tail), run.end))

    def _response(self, outcome: Outcome) -> Answer:
        if isinstance(outcome, Returned):
            return Answer(200, [_JSON], json.dumps(outcome.payload).encode())
        if isinstance(outcome, Failed):
            return Answer(200, [_JSON, ("X-Amz-Function-Error", "Unhandled")], outcome.document())
        if isinstance(outcome, Throttled):
            document = {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded."}
            return self._refuse(429, "TooManyRequestsException", document)
        message = f"Request must be smaller than {self.body_limit_bytes} bytes for the InvokeFunction operation"
        return self._refuse(413, "RequestTooLargeException", {"Type": "User", "message": message})

    def _refuse(self, status: int, error_type: str, document: dict[str, str]) -> Answer:
        self._log.refused("Lambda API", status, error_type)
        return Answer(status, [_JSON, ("x-amzn-ErrorType", error_type)], json.dumps(document).encode())


def _client_context(text: str) -> Any:
    """Return what a client says of itself. Raise ValueError where it is not JSON as base64."""
    try:
        return json.loads(base64.b64decode(text, validate=True))
    except binascii.Error as error:
        raise ValueError(f"client context: {error}") from error
