"""`openwhisk`: answers a route by an action of Apache OpenWhisk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from phasegate import Body, Exchange, Finding, Response, Secret, Services
from phasegate.faas import Answer, FunctionPlugin, FunctionRequest, FunctionTarget, basic, read_whole

from .activation import Activation

# OpenWhisk says itself when its time is over, by a 202, if it is left to speak.
_GRACE_MS = 1000
# No action can answer as much (the default limit is 1 MiB); what does is none.
_ANSWER_LIMIT_BYTES = 8 << 20

# "Names": the same for namespaces, packages and actions.
_NAME: dict[str, Any] = {
    "type": "string",
    "regex": r"[A-Za-z0-9_]([A-Za-z0-9_@ .-]*[A-Za-z0-9_@.-])?",
    "maxlength": 256,
    "meta": {"expected": "a name of letters, digits, _, @, ., - and spaces"},
}


@dataclass(kw_only=True)
class OpenWhisk(FunctionPlugin):
    """Invokes an action by OpenWhisk's API, the request's JSON body being its parameters, and waits for its result.

    With `web` the action is a web action, which gets the request as it is, and answers as a server does.
    """

    name: ClassVar[str] = "openwhisk"
    priority: ClassVar[int] = -1901
    schema: ClassVar[dict[str, Any]] = {
        **{key: rules for key, rules in FunctionPlugin.schema.items() if key != "function_uri"},
        "api_host": {"type": "string", "format": "url", "required": True, "about": "The URL of OpenWhisk's API."},
        "service_token": {
            "type": "string",
            "empty": False,
            "secret": True,
            "about": "What the API is called with, as user:password; web actions may do without.",
        },
        "namespace": {**_NAME, "required": True, "about": "Whose action it is; `_` is the token's own."},
        "package": {**_NAME, "about": "The package that the action is in."},
        "action": {**_NAME, "required": True, "about": "The action."},
        "result": {
            "type": "boolean",
            "default": True,
            "about": "Ask for the result alone, not for the activation's record.",
        },
        "timeout": {
            "type": "integer",
            "min": 1,
            "max": 60_000,
            "default": 3000,
            "about": "Milliseconds that OpenWhisk waits for the action.",
        },
        "async": {
            "type": "boolean",
            "default": False,
            "about": "Let an action go on after `timeout`, and answer 202 with its activationId.",
        },
        "web": {
            "type": "boolean",
            "default": False,
            "about": "Call it as a web action, which gets the request as it is.",
        },
    }

    function_uri: str = ""
    api_host: str
    service_token: Secret | None = None
    namespace: str
    package: str | None = None
    action: str
    result: bool = True
    async_: bool = False
    web: bool = False

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry the token."""
        return self.service_token is not None

    @property
    def head_timeout(self) -> int:
        """A little more than OpenWhisk is told to wait for the action."""
        return self.timeout if self.web else self.timeout + _GRACE_MS

    def check(self) -> Iterable[Finding]:
        """Judge the token, which web actions alone go without, and the namespace, which they have to name."""
        yield from (
            finding if finding.path != "function_uri" else self._at_host(finding) for finding in super().check()
        )
        if self.service_token is None and not self.web:
            yield Finding("service_token", "is required, but for web: true")
        if self.service_token is not None and ":" not in self.service_token.value:
            message = "is no user:password, as `wsk property get --auth` tells it: OpenWhisk will refuse it"
            yield Finding("service_token", message, "warning")
        if self.web and self.namespace == "_":
            yield Finding("namespace", "must be a name of its own with web: true, since nobody's default is asked for")

    def target(self) -> FunctionTarget:
        """Return where the action is in OpenWhisk's API."""
        return FunctionTarget.parse(self._uri, endpoint=self.endpoint, host=self.host)

    def destination(self) -> str | None:
        """Return the action's URL without its query."""
        return self._uri.partition("?")[0]

    async def open(self, services: Services) -> None:
        """Decide what all invocations have in common."""
        await super().open(services)
        self._action = self.target()
        self._headers = [(b"content-type", b"application/json"), (b"accept", b"application/json")]
        if self.service_token is not None:
            self._headers.append((b"authorization", basic(self.service_token)))

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        """Make the request an invocation; nothing that the client sent is left but its body. A web action's gets the token."""
        if self.web:
            if self.service_token is not None:
                self.set_credential(request, b"authorization", basic(self.service_token))
            return
        request.method = "POST"
        request.path, request.query = self._action.path, self._action.query
        request.headers = list(self._headers)
        if request.body.length == 0:
            request.body = Body(b"{}")

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        """Return what the action answered, or raise what OpenWhisk's answer means."""
        if self.web:
            return answer
        body = await read_whole(answer, _ANSWER_LIMIT_BYTES)
        activation = Activation(self.action, answer.status, answer.headers, body)
        if exchange.upstream is not None:
            exchange.upstream.function = activation.facts()
        return activation.result(alone=self.result, asynchronous=self.async_)

    @property
    def _uri(self) -> str:
        parts = [quote(part, safe="") for part in (self.namespace, self.package, self.action) if part is not None]
        base = f"{self.api_host.rstrip('/')}/api/v1"
        if self.web:
            namespace, *package, action = parts
            return f"{base}/web/{namespace}/{''.join(package) or 'default'}/{action}.http"
        waits = f"blocking=true&result={str(self.result).lower()}&timeout={self.timeout}"
        return f"{base}/namespaces/{parts[0]}/actions/{'/'.join(parts[1:])}?{waits}"

    def _at_host(self, finding: Finding) -> Finding:
        return Finding("api_host", finding.message, finding.level)
