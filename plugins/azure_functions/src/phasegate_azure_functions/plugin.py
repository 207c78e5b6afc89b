"""`azure-functions`: answers a route by an HTTP-triggered function of Azure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from phasegate import Exchange, Finding, Response, Secret, Services
from phasegate.faas import Answer, FunctionPlugin, FunctionRequest, FunctionTarget, Lease, Token, bearer

from .entra import ENTRA, Entra

# "Azure Functions HTTP trigger": the front end gives a request up after that, whatever a function's own limit is.
_FRONT_END_MS = 230_000
# As the portal copies a function's URL.
_KEY_IN_QUERY = re.compile(r"[?&]code=", re.IGNORECASE)
_KEY, _CLIENT_ID = b"x-functions-key", b"x-functions-clientid"
# Clients choose paths, so they shall not be able to fill the log with explanations.
_TOLD_AGAIN_SECONDS = 60.0
_HINTS = {
    401: "the key is none of this function or of its app, or the token is not for it",
    403: "the app lets this caller in by no rule: look at its access restrictions and Entra roles",
    404: "no function of the app has this path: a key of another app does not open it, and routeprefix may be another",
}

_SECRET = {"type": "string", "empty": False, "secret": True, "format": "header-value"}
_HEADER = {"type": "string", "empty": False, "format": "header-value"}


def _name(about: str, pattern: str, expected: str) -> dict[str, Any]:
    return {"type": "string", "regex": pattern, "about": about, "meta": {"expected": expected}}


@dataclass(kw_only=True)
class Authorization:
    """The key to call a function with, and the name under which Azure knows whose it is."""

    apikey: Secret | None = None
    clientid: str | None = None


@dataclass(kw_only=True)
class AzureFunctions(FunctionPlugin):
    """Calls a function by its URL, or by the names of its app and itself.

    The key is the route's, else the master key of the plugin's metadata. What Azure or the function answers goes through;
    where it looks like a refusal, the log says what to look at.
    """

    name: ClassVar[str] = "azure-functions"
    priority: ClassVar[int] = -1900
    schema: ClassVar[dict[str, Any]] = {
        **FunctionPlugin.schema,
        "function_uri": {
            "type": "string",
            "format": "url",
            "about": "The function's URL: this, or `appname` and `functionname`.",
        },
        "appname": _name("The function app.", "[A-Za-z0-9][A-Za-z0-9-]{0,58}[A-Za-z0-9]", "the name of a function app"),
        "functionname": _name("The function in it.", "[A-Za-z][A-Za-z0-9_-]{0,126}", "the name of a function"),
        "routeprefix": {
            **_name(
                "What stands before the function's name in the URL.",
                "[A-Za-z0-9._~/-]*",
                "a path without its first slash",
            ),
            "default": "api",
        },
        "authorization": {
            "type": "dict",
            "default": {},
            "about": "The key to call the function with.",
            "schema": {
                "apikey": {**_SECRET, "about": "The key, sent as X-Functions-Key."},
                "clientid": {**_HEADER, "about": "The key's name, sent as X-Functions-Clientid."},
            },
        },
        "entra": ENTRA,
    }
    metadata_schema: ClassVar[dict[str, Any]] = {
        "master_apikey": {**_SECRET, "about": "The app's master key, for routes without a key of their own."},
        "master_clientid": {**_HEADER, "about": "The master key's name."},
    }

    function_uri: str = ""
    appname: str | None = None
    functionname: str | None = None
    routeprefix: str = "api"
    authorization: Authorization = field(default_factory=Authorization)
    entra: Entra | None = None

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry a key or a token of ours."""
        return self.authorization.apikey is not None or self.entra is not None

    def check(self) -> Iterable[Finding]:
        """Judge where the function is, whom tokens are for, and a time that Azure never takes."""
        yield from self._check_place()
        if self.entra is not None:
            yield from (finding.under("entra") for finding in self.entra.check())
        if self.timeout > _FRONT_END_MS:
            message = (
                f"is over {_FRONT_END_MS}, after which Azure's front end gives a request up: it never takes effect"
            )
            yield Finding("timeout", message, "warning")

    def target(self) -> FunctionTarget:
        """Return where the function is: its URL, or what its names make of one."""
        return FunctionTarget.parse(self._uri, endpoint=self.endpoint, host=self.host)

    def destination(self) -> str | None:
        """Return the function's URL without its query."""
        return self._uri.partition("?")[0]

    async def open(self, services: Services) -> None:
        """Take the metadata, and a share in the token where there is to be one."""
        await super().open(services)
        self._metadata = services.metadata
        self._lease: Lease[Token] | None = None
        self._told_at = dict.fromkeys(_HINTS, -math.inf)
        if self.entra is not None:
            self._lease = await Lease.take(self.entra, services, ahead_seconds=300.0)

    async def close(self) -> None:
        """Give the share back."""
        if self._lease is not None:
            self._lease.close()

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        """Add the key, the token, or both, in the place of the client's own, unless those are to be forwarded."""
        key, client_id = self._key()
        if key is not None or client_id is not None:
            self._put(request, _KEY, None if key is None else key.value)
            self._put(request, _CLIENT_ID, client_id)
        if self._lease is not None:
            token = await self._lease.provider.get(self.clock.time(), self.timeout / 1000)
            self.set_credential(request, b"authorization", bearer(token.secret))

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        """Return the answer as it is; the log tells of one by which Azure itself may have refused."""
        if answer.status in _HINTS:
            self._explain(answer, exchange)
        return answer

    @property
    def _uri(self) -> str:
        if self.function_uri:
            return self.function_uri
        path = "/".join(part for part in (self.routeprefix.strip("/"), self.functionname) if part)
        return f"https://{self.appname}.azurewebsites.net/{path}"

    def _check_place(self) -> Iterable[Finding]:
        if self.function_uri:
            for key in ("appname", "functionname"):
                if getattr(self, key) is not None:
                    yield Finding(key, "stands beside function_uri: give one of them")
            if _KEY_IN_QUERY.search(self.function_uri):
                message = (
                    "has a key in its query, which is stored and shown in the clear: give it as authorization.apikey"
                )
                yield Finding("function_uri", message, "warning")
        elif self.appname is None and self.functionname is None:
            yield Finding("function_uri", "is required, or appname and functionname")
            return
        else:
            for key, other in (("appname", "functionname"), ("functionname", "appname")):
                if getattr(self, key) is None:
                    yield Finding(key, f"is required with {other}")
        yield from super().check()

    def _key(self) -> tuple[Secret | None, str | None]:
        """Return the route's key and client id; where it has neither, those of the metadata."""
        own = self.authorization
        if own.apikey is not None or own.clientid is not None:
            return own.apikey, own.clientid
        master = self._metadata(self.name) or {}
        return master.get("master_apikey"), master.get("master_clientid")

    def _put(self, request: FunctionRequest, name: bytes, value: str | None) -> None:
        if value is not None:
            self.set_credential(request, name, value.encode())
        elif not self.forward_client_credentials:
            request.remove(name)

    def _explain(self, answer: Answer, exchange: Exchange) -> None:
        """Say what may be wrong, unless the function spoke for itself: Azure's own refusals have no body."""
        now = self.clock.monotonic()
        if answer.headers.get("content-length") != "0" or now - self._told_at[answer.status] < _TOLD_AGAIN_SECONDS:
            return
        self._told_at[answer.status] = now
        fields = {
            "status": answer.status,
            "function": self.destination(),
            "hint": _HINTS[answer.status],
            "request_id": exchange.request_id,
            "route": exchange.route.id if exchange.route else None,
        }
        self.logger.warning("function refused", extra=fields)
