"""The answer of OpenWhisk's API to an invocation: a result, an activation that goes on, or a failure.

Source: "Using REST APIs with OpenWhisk" and the API's own description (apiv1swagger.json).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import orjson

from phasegate import FunctionFacts, FunctionFailed, Headers, PayloadTooLarge, Response
from phasegate.faas import MalformedAnswer

from .result import response_of

IDENTITY = "x-openwhisk-activation-id"
# Ids are 32 hexadecimal digits; nothing is told in their place that a field can't carry.
_IDENTITY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
# What OpenWhisk says of an action that it has stopped.
_OVER_TIME = "exceeded its time limits"


class _Row(NamedTuple):
    status: int
    code: str
    retry: bool = False
    """Whether the action did not run, and may at another time."""


_ERROR, _TIMEOUT = _Row(502, "function_error"), _Row(504, "function_timeout")
_MALFORMED = _Row(502, "malformed_response")
_SERVICE_ERROR = _Row(502, "openwhisk_service_error")
_REFUSALS = {
    400: _Row(400, "bad_payload"),
    401: _Row(502, "openwhisk_auth_failed"),
    403: _Row(502, "openwhisk_auth_failed"),
    404: _Row(502, "function_not_found"),
    408: _TIMEOUT,
    429: _Row(429, "upstream_throttled", retry=True),
    502: _ERROR,
    503: _Row(503, "function_not_ready", retry=True),
    504: _TIMEOUT,
}


class Activation:
    """One invocation as OpenWhisk answered it: by a result alone, or by the record of its activation."""

    def __init__(self, action: str, status: int, headers: Headers, body: bytes) -> None:
        self._action = action
        self._status = status
        self._body = body
        self._document = _parsed(body)
        record = self._document if isinstance(self._document, dict) else {}
        told = headers.get(IDENTITY) or record.get("activationId")
        self.identity = told if isinstance(told, str) and _IDENTITY.fullmatch(told) else ""
        self._record = record

    def facts(self) -> FunctionFacts:
        """Return what the log tells of the run: with a record what it cost, else which activation it was."""
        facts = FunctionFacts(request_id=self.identity) if self.identity else FunctionFacts()
        duration, noted = self._record.get("duration"), self._annotations()
        if not isinstance(duration, int):
            return facts
        facts["duration_ms"] = duration
        # OpenWhisk notes the time to make a container where it had to make one.
        facts["cold_start"] = "initTime" in noted
        if isinstance(noted.get("initTime"), int):
            facts["init_ms"] = noted["initTime"]
        return facts

    def result(self, *, alone: bool, asynchronous: bool) -> Response:
        """Return the action's answer. Raise FunctionFailed for everything that is none, PayloadTooLarge.

        `alone` says that a result was asked for and no record, `asynchronous` that an action may go on by itself.
        """
        if self._status == 202:
            return self._accepted(asynchronous=asynchronous)
        if self._status != 200:
            raise self._refused()
        result = self._document if alone else self._recorded()
        if result is None:
            raise self._failed(_MALFORMED, "OpenWhisk's answer is no JSON")
        try:
            response = response_of(result)
        except MalformedAnswer as error:
            raise self._failed(_MALFORMED, f"the result is none that HTTP can carry: {error}") from error
        return self._named(response)

    def _annotations(self) -> dict[str, Any]:
        listed = self._record.get("annotations")
        pairs = listed if isinstance(listed, list) else []
        return {str(pair.get("key")): pair.get("value") for pair in pairs if isinstance(pair, dict)}

    def _accepted(self, *, asynchronous: bool) -> Response:
        if not asynchronous:
            raise self._failed(_TIMEOUT, "the action goes on after its time: set timeout higher, or async")
        return self._named(Response(202, {"content-type": "application/json"}, self._body))

    def _recorded(self) -> Any:
        outcome = self._document.get("response") if isinstance(self._document, dict) else None
        if not isinstance(outcome, dict) or "result" not in outcome:
            raise self._failed(_MALFORMED, "OpenWhisk's answer is no record of an activation")
        if outcome.get("success") is not True:
            raise self._failed(self._row_of(self._said()), self._said())
        return outcome["result"]

    def _refused(self) -> Exception:
        message = f"OpenWhisk answered {self._status}: {self._said()}"
        if self._status == 413:
            return PayloadTooLarge(f"{self._action}: {message}")
        row = _REFUSALS.get(self._status, _SERVICE_ERROR)
        return self._failed(self._row_of(message) if row is _ERROR else row, message)

    def _row_of(self, message: str) -> _Row:
        return _TIMEOUT if _OVER_TIME in message else _ERROR

    def _said(self) -> str:
        """Return what the answer has to say of an error: its own, or that of the result in a record."""
        document = self._document if isinstance(self._document, dict) else {}
        outcome = document.get("response")
        result = outcome.get("result") if isinstance(outcome, dict) else None
        for place in (document, result):
            if isinstance(place, dict) and place.get("error") is not None:
                return f"{place['error']!s:.500}"
        return "nothing more"

    def _failed(self, row: _Row, message: str) -> FunctionFailed:
        headers = {IDENTITY: self.identity} if self.identity else {}
        return FunctionFailed(
            f"{self._action}: {message}",
            status=row.status,
            code=row.code,
            members={"activation_id": self.identity} if self.identity else None,
            headers=headers | ({"retry-after": "1"} if row.retry else {}),
            repeat="always" if row.retry else "never",
        )

    def _named(self, response: Response) -> Response:
        if self.identity:
            response.headers[IDENTITY] = self.identity
        return response


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
