"""`openfunction`: answers a route by a function that is reached over HTTP, of OpenFunction, Knative or anybody else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from phasegate import Exchange, Finding, Secret
from phasegate.faas import FunctionPlugin, FunctionRequest, basic, bearer

from .cloud_event import CLOUD_EVENT, CloudEvent

_SECRET = {"type": "string", "empty": False, "secret": True}


@dataclass(kw_only=True)
class Authorization:
    """The credential to call a function with, one of the two."""

    service_token: Secret | None = None
    bearer: Secret | None = None


@dataclass(kw_only=True)
class OpenFunction(FunctionPlugin):
    """Calls a function over HTTP, with a service token (`user:password`) or a bearer token.

    With `cloudevents` the request is an event, which functions that take events work on in their own time: their 202 is
    the answer.
    """

    name: ClassVar[str] = "openfunction"
    priority: ClassVar[int] = -1902
    schema: ClassVar[dict[str, Any]] = {
        **FunctionPlugin.schema,
        "authorization": {
            "type": "dict",
            "default": {},
            "about": "Whose credential goes along, one of the two.",
            "schema": {
                "service_token": {**_SECRET, "about": "A name and a password, as user:password, sent as Basic."},
                "bearer": {**_SECRET, "format": "header-value", "about": "A token, sent as Bearer."},
            },
        },
        "cloudevents": CLOUD_EVENT,
    }

    authorization: Authorization = field(default_factory=Authorization)
    cloudevents: CloudEvent | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry a token of ours."""
        return self.authorization != Authorization()

    def check(self) -> Iterable[Finding]:
        """Refuse two credentials, of which one request has room for one."""
        yield from super().check()
        if self.authorization.service_token is not None and self.authorization.bearer is not None:
            yield Finding("authorization.bearer", "stands beside service_token: give one of them")

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        """Add the token and, where it is to be one, make the request an event."""
        if self.authorization.service_token is not None:
            self.set_credential(request, b"authorization", basic(self.authorization.service_token))
        elif self.authorization.bearer is not None:
            self.set_credential(request, b"authorization", bearer(self.authorization.bearer))
        if self.cloudevents is not None:
            self.cloudevents.put(request, id=exchange.request_id, time=self.clock.time())
