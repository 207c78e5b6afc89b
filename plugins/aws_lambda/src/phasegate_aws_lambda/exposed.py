"""What a client is told of what the Lambda API says of a call beside the function's answer."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple

from phasegate import Headers

# By the names that the configuration has for them.
EXPOSABLE = {
    "request-id": "x-amzn-requestid",
    "executed-version": "x-amz-executed-version",
    "function-error": "x-amz-function-error",
}
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Told(NamedTuple):
    """AWS's id of a request, empty where there is none, and the fields that the client's response gets."""

    identity: str
    fields: dict[str, str]


def told_by(headers: Headers, exposed: Collection[str]) -> Told:
    """Return what the headers of the API's answer say, with a field for each of `exposed` that they have."""
    identity = headers.get("x-amzn-requestid") or ""
    if not _REQUEST_ID.fullmatch(identity):
        identity = ""
    found = ((EXPOSABLE[name], headers.get(EXPOSABLE[name])) for name in exposed if identity or name != "request-id")
    return Told(identity, {name: value for name, value in found if value})
