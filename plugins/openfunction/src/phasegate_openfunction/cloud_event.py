"""A request as a CloudEvent: attributes in headers, the body as it is.

Source: "HTTP Protocol Binding for CloudEvents" 1.0, section 3.1 (binary content mode).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from phasegate import BadRequest
from phasegate.faas import FunctionRequest

# Section 3.1.3.2: everything else in a value is percent-encoded.
_PLAIN = "".join(map(chr, range(0x21, 0x7F))).replace('"', "").replace("%", "")
_PREFIX = b"ce-"
# Section 3: what begins so is an event in itself, or several, whatever stands in the headers.
_STRUCTURED = b"application/cloudevents"

_TEXT = {"type": "string", "empty": False}
CLOUD_EVENT: dict[str, Any] = {
    "type": "dict",
    "about": "Makes the request a CloudEvent, in the binary mode.",
    "schema": {
        "type": {**_TEXT, "required": True, "about": "The events' type."},
        "source": {**_TEXT, "default": "phasegate", "about": "Where the events come from."},
        "subject": {**_TEXT, "about": "What the events are about."},
    },
}


@dataclass(kw_only=True)
class CloudEvent:
    """What the events of a route say of themselves beside their id, which is the request's, and their time."""

    type: str
    source: str = "phasegate"
    subject: str | None = None

    def put(self, request: FunctionRequest, *, id: str, time: float) -> None:  # noqa: A002 (the attribute's name)
        """Make the request an event; attributes that the client wrote are none of it.

        Raise BadRequest for a body that says by its type that it has attributes of its own.
        """
        if any(name == b"content-type" and _STRUCTURED in value.lower() for name, value in request.headers):
            raise BadRequest("the body is a CloudEvent by itself, whose attributes the client chose")
        moment = datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        attributes = {
            b"specversion": "1.0",
            b"id": id,
            b"source": self.source,
            b"type": self.type,
            b"time": moment,
            b"subject": self.subject,
        }
        request.headers = [field for field in request.headers if not field[0].startswith(_PREFIX)]
        for name, value in attributes.items():
            if value is not None:
                request.headers.append((_PREFIX + name, quote(value, safe=_PLAIN).encode()))
