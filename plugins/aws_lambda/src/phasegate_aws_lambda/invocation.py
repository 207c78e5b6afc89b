"""A direct call of a function: a request made one of the Lambda API's, and the API's answer made the function's.

Source: the Invoke operation of the Lambda API reference.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from phasegate import Body, Exchange, FunctionFacts, FunctionFailed, PayloadTooLarge, Response, Secret
from phasegate.faas import Answer, FunctionRequest, MalformedAnswer, authorizer, read_whole

from .canary import Canary
from .codec import FORMATS, Incoming, NotJSONError, NotTextError
from .exposed import Told, told_by
from .facts import note_error, note_invoked, note_tail
from .failures import (
    BAD_PAYLOAD,
    FUNCTION_CRASH,
    MALFORMED,
    Row,
    beginning,
    function_failure,
    refusal_of,
)
from .function_name import TENANT, Template, is_allowed
from .invoke_fields import InvokeFields
from .matched import matched_uri, parameters
from .refusal import masked
from .streaming import Streamed
from .trace import trace_header

# "Invocation payload" (Lambda quotas): 6 MB for an answer that is waited for, in the bytes that AWS counts, else 1 MB.
_SYNCHRONOUS_LIMIT_BYTES = 6_291_556
_EVENT_LIMIT_BYTES = 1_048_576
# No function can answer as much; what does is none.
_ANSWER_LIMIT_BYTES = 8 << 20

_PATH = "/2015-03-31/functions/{}/invocations"
_STREAM_PATH = "/2021-11-15/functions/{}/response-streaming-invocations"
_STATE = "aws-lambda"
_EXPECTED = {"RequestResponse": 200, "Event": 202, "DryRun": 204}


@dataclass(slots=True)
class Attempt:
    """One request's event and the version it is for, decided once however often it is sent, and whether it was sent again."""

    event: bytes = field(repr=False)
    qualifier: str | None
    repeated: bool = False


def event_of(exchange: Exchange) -> bytes | None:
    """Return the event that a request became; None for one that did not."""
    attempt: Attempt | None = exchange.state.get(_STATE)
    return None if attempt is None else attempt.event


class Invocation:
    """What all calls of one route have in common, decided when it is loaded."""

    def __init__(self, fields: InvokeFields, region: str) -> None:
        self._fields = fields
        self._region = region
        self._format = FORMATS[fields.payload_format]
        self._function = Template(fields.function or "")
        self._tenant = Template(fields.tenant_id or "", TENANT)
        self._limit_bytes = _EVENT_LIMIT_BYTES if fields.invocation_type == "Event" else _SYNCHRONOUS_LIMIT_BYTES
        self._expected = _EXPECTED[fields.invocation_type]
        self._path = _STREAM_PATH if fields.streams else _PATH
        self._headers = self._fixed_headers()
        self._function_error = Row(fields.function_error_status, "function_error")
        self._canary = Canary(fields, fields.function or "") if fields.canary else None
        self._override = fields.canary_header.lower().encode() if fields.canary_header else None

    async def shape(self, request: FunctionRequest, exchange: Exchange, now: float) -> bytes:
        """Make the request a call of the Lambda API, ready to be signed, and return its event.

        Raise PayloadTooLarge before anything is sent, and FunctionFailed where the request can't be an event.
        """
        name = self.name(exchange)
        attempt: Attempt | None = exchange.state.get(_STATE)
        if attempt is None:
            incoming = await self._incoming(request, exchange, now)
            attempt = self.put_event(exchange, self._payload(incoming))
        request.method = "POST"
        request.path = self._path.format(quote(name, safe=""))
        request.query = f"Qualifier={quote(attempt.qualifier, safe='')}" if attempt.qualifier else ""
        request.headers = [*self._headers, *self._own_headers(exchange)]
        request.body = Body(attempt.event)
        return attempt.event

    def put_event(self, exchange: Exchange, event: bytes) -> Attempt:
        """Have a request call the function with this event, and choose the version that it is for."""
        qualifier = self._fields.qualifier if self._canary is None else self._canary.choose(exchange)
        attempt = exchange.state[_STATE] = Attempt(event, qualifier)
        return attempt

    def attempt(self, exchange: Exchange) -> Attempt:
        """Return the present attempt of a request that was shaped."""
        attempt: Attempt = exchange.state[_STATE]
        return attempt

    def details(self, exchange: Exchange) -> FunctionFacts:
        """Return what is known of a call before it is answered: which version was chosen, where there was a choice."""
        attempt: Attempt | None = exchange.state.get(_STATE)
        if self._canary is None or attempt is None or attempt.qualifier is None:
            return {}
        return {"qualifier": attempt.qualifier}

    async def response(self, answer: Answer, exchange: Exchange, body: bytes) -> Response:
        """Return what the function answered. Raise FunctionFailed for everything that is no answer of a function."""
        told = told_by(answer.headers, self._fields.expose_aws_headers)
        note_invoked(answer.headers, exchange, told.identity, self.details(exchange))
        if answer.status != self._expected:
            raise self._refused(answer, body, told)
        if "x-amz-function-error" in answer.headers:
            raise self._failed(*function_failure(body, self._function_error), told)
        response = self._decoded(body, told) if self._expected == 200 else Response(self._expected)
        for name, value in told.fields.items():
            response.headers[name] = value
        return response

    def starts_stream(self, answer: Answer) -> bool:
        """Tell whether an answer is a function's stream, to be read by `streamed` and not whole."""
        return self._fields.streams and answer.status == 200 and "x-amz-function-error" not in answer.headers

    async def streamed(self, answer: Answer, exchange: Exchange) -> Response:
        """Return what the function streams, as soon as its head is there. Raise FunctionFailed."""
        told = told_by(answer.headers, self._fields.expose_aws_headers)
        note_invoked(answer.headers, exchange, told.identity, self.details(exchange))
        stream = Streamed(
            answer,
            lambda row, message: self._failed(row, message, told),
            lambda tail, error: _note_end(exchange, tail, error),
            function_error=self._function_error,
        )
        try:
            response = await stream.response(strict=self._fields.strict_answers)
        except FunctionFailed:
            answer.close()
            raise
        for name, value in told.fields.items():
            response.headers[name] = value
        return response

    def _decoded(self, body: bytes, told: Told) -> Response:
        try:
            return self._format.response(body, strict=self._fields.strict_answers)
        except MalformedAnswer as error:
            message = f"the function's answer is not of format {self._fields.payload_format}: {error}"
            raise self._failed(MALFORMED, message, told) from error

    def _refused(self, answer: Answer, body: bytes, told: Told) -> FunctionFailed:
        headers = answer.headers
        refusal = refusal_of(answer.status, headers.get("x-amzn-errortype") or "", body, headers.get("retry-after"))
        row = refusal.row
        if row is BAD_PAYLOAD and self._fields.payload_format == "raw":
            row = row._replace(status=400)
        elif row.status == 429:
            row = row._replace(status=self._fields.throttle_status)
        if self._fields.invocation_type == "Event" and row.repeat == "if_idempotent":
            # Not accepted, and so it does not run.
            row = row._replace(repeat="always")
        message = f"AWS answered {answer.status} {refusal.error_type}".rstrip()
        message += f": {refusal.message or beginning(body)}"
        return self._failed(row, message, told, refusal.wait_seconds)

    def _failed(self, row: Row, message: str, told: Told, wait_seconds: int | None = None) -> FunctionFailed:
        failed = row is self._function_error or row is FUNCTION_CRASH
        return FunctionFailed(
            f"{self._fields.function}: {message}",
            status=row.status,
            code=row.code,
            members={"aws_request_id": told.identity} if told.identity else None,
            headers=told.fields | ({"retry-after": str(wait_seconds or 1)} if row.retry else {}),
            repeat="always" if failed and self._fields.retry_on_function_error else row.repeat,
            wait_seconds=wait_seconds,
        )

    def _payload(self, incoming: Incoming) -> bytes:
        try:
            payload = self._format.encode(incoming, self._fields.binary)
        except NotTextError as error:
            raise FunctionFailed(str(error), status=415, code="unsupported_media") from error
        except NotJSONError as error:
            raise FunctionFailed(str(error), status=400, code=BAD_PAYLOAD.code) from error
        if len(payload) > self._limit_bytes:
            raise PayloadTooLarge(f"the event of {len(payload)} bytes is over Lambda's limit of {self._limit_bytes}")
        return payload

    def name(self, exchange: Exchange) -> str:
        """Return the function that a request calls. Raise FunctionFailed for one that may not be called."""
        if not self._function.varies:
            return self._function.text
        try:
            name = self._function.filled(exchange.params, exchange.request.headers)
            if not is_allowed(name, self._fields.allowed_functions):
                raise ValueError(f"{name!r} is none of allowed_functions")  # noqa: TRY301 (told as what can't be filled in)
        except ValueError as error:
            message = f"{self._fields.function}: {error}"
            raise FunctionFailed(message, status=404, code="function_not_allowed") from error
        return name

    async def _incoming(self, request: FunctionRequest, exchange: Exchange, now: float) -> Incoming:
        shown = exchange.original if self._fields.event_path == "original" else exchange.request
        host = exchange.request.headers.get("host") or exchange.request.host
        body = await request.body.read(self._limit_bytes)
        kept = (_text(field) for field in request.headers if field[0] not in (b"te", self._override))
        fields = [("host", host), *kept]
        if body or "content-length" in exchange.request.headers:
            fields.append(("content-length", str(len(body))))
        trace = trace_header(exchange.request.headers)
        if trace is not None and "x-amzn-trace-id" not in exchange.request.headers:
            fields.append(("x-amzn-trace-id", trace))
        return Incoming(
            method=request.method,
            path=shown.path,
            query=shown.query.raw,
            fields=fields,
            body=body,
            host=host,
            protocol=f"HTTP/{exchange.request.http_version}",
            source_ip=exchange.request.client,
            request_id=exchange.request_id,
            time=now,
            route=matched_uri(exchange),
            params=parameters(exchange),
            region=self._region,
            authorizer=authorizer(exchange, "1.0" if self._fields.payload_format == "1.0" else "2.0"),
        )

    def _fixed_headers(self) -> list[tuple[bytes, bytes]]:
        fields = self._fields
        headers = [
            (b"content-type", b"application/json"),
            (b"x-amz-invocation-type", fields.invocation_type.encode()),
        ]
        if fields.log_tail and fields.invocation_type == "RequestResponse":
            headers.append((b"x-amz-log-type", b"Tail"))
        context = fields.encoded_context()
        return headers if context is None else [*headers, (b"x-amz-client-context", context)]

    def _own_headers(self, exchange: Exchange) -> list[tuple[bytes, bytes]]:
        headers = exchange.request.headers
        own = []
        if self._tenant.text:
            own.append((b"x-amz-tenant-id", self._tenant_of(exchange).encode()))
        trace = trace_header(headers)
        return own if trace is None else [*own, (b"x-amzn-trace-id", trace.encode("latin-1"))]

    def _tenant_of(self, exchange: Exchange) -> str:
        try:
            return self._tenant.filled(exchange.params, exchange.request.headers)
        except ValueError as error:
            raise FunctionFailed(f"tenant_id: {error}", status=400, code="tenant_missing") from error


def _note_end(exchange: Exchange, tail: str, error: str) -> None:
    note_tail(tail, exchange)
    if error:
        note_error(error, exchange)


async def read_answer(answer: Answer, token: Secret | None) -> bytes:
    """Return the whole body of an answer, our session token masked. Raise FunctionFailed for more than any function answers."""
    body = await read_whole(answer, _ANSWER_LIMIT_BYTES)
    return body if token is None or answer.status == 200 else masked(body, token)


def _text(field: tuple[bytes, bytes]) -> tuple[str, str]:
    return field[0].decode("latin-1"), field[1].decode("latin-1")
