"""`google-cloud-functions`: answers a route by a Cloud Function, or a service of Cloud Run."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from phasegate import Exchange, Finding, FunctionFailed, Response, Services, hookimpl
from phasegate.faas import Answer, FunctionPlugin, FunctionRequest, FunctionTarget, Lease, Repeat, Token, bearer

from .source import AUTHORIZATION, Authorization, IdTokens

_RUN, _FIRST_GENERATION = ".run.app", ".cloudfunctions.net"
_FORWARDED, _LOOKED_AT_FIRST = b"x-forwarded-authorization", b"x-serverless-authorization"
_AHEAD_SECONDS = 300.0
_STATE = "google-cloud-functions"
# "Troubleshoot Cloud Run": with 429 the function did not run; with 503 it may have begun to.
_REPEATS: dict[int, Repeat] = {429: "always", 503: "if_idempotent"}


@dataclass(kw_only=True)
class GoogleCloudFunctions(FunctionPlugin):
    """Calls a function over HTTP with an ID token that says who calls, for its `audience`.

    The client's own `Authorization` goes on as `X-Forwarded-Authorization`, unless the token is sent as
    `X-Serverless-Authorization`, which Google looks at first.
    """

    name: ClassVar[str] = "google-cloud-functions"
    priority: ClassVar[int] = -1903
    schema: ClassVar[dict[str, Any]] = {
        **FunctionPlugin.schema,
        "audience": {
            "type": "string",
            "empty": False,
            "about": "Whom ID tokens are for; without it the function's own URL.",
        },
        "authorization": AUTHORIZATION,
        "token_header": {
            "type": "string",
            "allowed": ["authorization", "x-serverless-authorization"],
            "default": "authorization",
            "about": "The header that the ID token stands in.",
        },
    }

    audience: str | None = None
    authorization: Authorization | None = None
    token_header: Literal["authorization", "x-serverless-authorization"]

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry a token of ours."""
        return self.authorization is not None

    def check(self) -> Iterable[Finding]:
        """Judge whom tokens are of, and whom they are for: a domain of one's own does not say it."""
        findings = list(super().check())
        yield from findings
        if self.authorization is None:
            return
        yield from (finding.under("authorization") for finding in self.authorization.check())
        if self.audience is None and not any(finding.level == "error" for finding in findings):
            host = FunctionTarget.parse(self.function_uri).hostname
            if not host.endswith((_RUN, _FIRST_GENERATION)):
                yield Finding(
                    "audience", f"is required, since {host} is no name of Google's: give the service's own URL"
                )

    async def open(self, services: Services) -> None:
        """Take a share in the token where there is to be one."""
        await super().open(services)
        self._header = self.token_header.encode()
        self._lease: Lease[Token] | None = None
        if self.authorization is not None:
            source = IdTokens(audience=self.audience or self._default_audience(), authorization=self.authorization)
            self._lease = await Lease.take(source, services, ahead_seconds=_AHEAD_SECONDS)

    async def close(self) -> None:
        """Give the share back."""
        if self._lease is not None:
            self._lease.close()

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        """Add the token; the client's own of that name moves, or goes on where that is wanted."""
        theirs = request.get(self._header)
        if self._lease is None or (theirs is not None and self.forward_client_credentials):
            return
        token = await self._lease.provider.get(self.clock.time(), self.timeout / 1000)
        exchange.state[_STATE] = token
        if theirs is not None and self._header == b"authorization":
            request.set(_FORWARDED, theirs)
        if not self.forward_client_credentials:
            request.remove(_LOOKED_AT_FIRST)
        request.set(self._header, bearer(token.secret))

    @hookimpl
    async def proxy(self, exchange: Exchange) -> Response | None:
        """Call the function; what it, or Google for it, said to the last try goes through."""
        try:
            return await super().proxy(exchange)
        except Throttled as error:
            return error.answer

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        """Where Google refuses the token, ask for one more try with another one, if there is any.

        Raise Throttled where it has nobody to run the function.
        """
        if answer.status in _REPEATS:
            raise Throttled(answer)
        token: Token | None = exchange.state.pop(_STATE, None)
        if self._lease is None or token is None or not _refuses_token(answer):
            return answer
        return None if await self._lease.provider.renew(token, self.timeout / 1000) else answer

    def _default_audience(self) -> str:
        """Return the URL that Google knows the function by: of the first generation, the function's name belongs to it."""
        scheme = self.function_uri.partition("://")[0].lower()
        target = FunctionTarget.parse(self.function_uri)
        name = target.path.split("/")[1] if target.hostname.endswith(_FIRST_GENERATION) else ""
        return f"{scheme}://{target.host}/{name}".rstrip("/")


class Throttled(FunctionFailed):
    """Google has nobody to run the function at the moment, or the function says so itself, which looks the same."""

    def __init__(self, answer: Answer) -> None:
        wait = answer.headers.get("retry-after") or ""
        super().__init__(
            f"the function answered {answer.status}",
            status=answer.status,
            code="upstream_throttled",
            repeat=_REPEATS[answer.status],
            wait_seconds=float(wait) if wait.isdecimal() else None,
        )
        self.answer = answer


def _refuses_token(answer: Answer) -> bool:
    """Tell whether it is a token that was refused (RFC 6750 section 3.1): a function's own 401 is never repeated."""
    return answer.status == 401 and "invalid_token" in (answer.headers.get("www-authenticate") or "")
