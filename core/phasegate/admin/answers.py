"""The Admin API's answers: compact JSON with a newline after it, and refusals that are raised where they are found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from ..errors import PhasegateError
from ..http.message import Response

JSON = {"content-type": "application/json"}
NOT_FOUND = {"message": "Key not found"}


class Refused(PhasegateError):
    """A request to the Admin API is refused with a status and a JSON body, a reason standing for `{"error_msg": reason}`."""

    def __init__(self, status: int, reason: str | Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = {"error_msg": reason} if isinstance(reason, str) else reason
        self.headers = headers or {}
        super().__init__(status, self.body)

    def response(self) -> Response:
        """Return the answer."""
        return answer(self.body, self.status, self.headers)


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a value as the Admin API answers it."""
    return Response(status, {**JSON, **(headers or {})}, orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))


def not_found() -> Refused:
    """Return the refusal of a key that is not there."""
    return Refused(404, NOT_FOUND)
