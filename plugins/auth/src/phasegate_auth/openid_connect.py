"""`openid-connect`, bearer tokens alone: the caller is known by a token that an OpenID provider signed."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

import orjson

from phasegate import (
    ConnectionOptions,
    Exchange,
    Finding,
    Origin,
    Outcome,
    Request,
    Response,
    Secret,
    Services,
    UpstreamTLS,
    hookimpl,
)

from . import own_headers
from .asking import Service, origin_of
from .bearer import Places
from .openid_connect_schema import CONSUMER_SCHEMA, SCHEMA
from .plugin import AuthPlugin
from .provider import ALLOWED, Provider
from .refusal import refused
from .token import Judge, TokenError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_USERINFO, _ACCESS_TOKEN = "x-userinfo", "x-access-token"


@dataclass(frozen=True, kw_only=True)
class IssuerRule:
    """Which issuers' tokens count, where it is not the provider's own alone."""

    valid_issuers: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AudienceRule:
    """For whom a token must be."""

    claim: str
    required: bool
    match_with_client_id: bool
    valid_audiences: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ClaimValidator:
    """What claims must say."""

    issuer: IssuerRule
    audience: AudienceRule


@dataclass(kw_only=True)
class OpenidConnect(AuthPlugin):
    """Checks a bearer token by the keys of a provider, which follow the provider's rotation.

    A consumer whose `subject` stands in the token's claim `consumer_claim` is the caller; one is not needed unless
    `consumer_required`.
    """

    name: ClassVar[str] = "openid-connect"
    priority: ClassVar[int] = 2599
    scheme: ClassVar[str] = "Bearer"
    missing: ClassVar[str] = "Missing bearer token in request"
    wrong: ClassVar[str] = "Invalid bearer token in request"
    schema: ClassVar = SCHEMA
    consumer_schema: ClassVar = CONSUMER_SCHEMA
    consumer_key: ClassVar[str | None] = "subject"

    client_id: str
    client_secret: Secret | None = None
    discovery: str
    bearer_only: bool
    use_jwks: bool
    token_signing_alg_values_expected: str | None = None
    required_scopes: tuple[str, ...]
    claim_validator: ClaimValidator
    leeway: int
    consumer_claim: str
    consumer_required: bool
    set_userinfo_header: bool
    set_access_token_header: bool
    ssl_verify: bool
    timeout: int

    def check(self) -> Iterable[Finding]:
        """Warn of what lets tokens in that are not meant for us, and of keys that others could give."""
        parts, audience = urlsplit(self.discovery), self.claim_validator.audience
        if not self.ssl_verify:
            yield Finding("ssl_verify", "is false: anybody between here and the provider can give keys", "warning")
        elif parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            yield Finding("discovery", "is not https: anybody between here and the provider can give keys", "warning")
        if not (audience.match_with_client_id or audience.valid_audiences):
            message = "names no audience: tokens that the provider makes for any other service are accepted"
            yield Finding("claim_validator.audience", message, "warning")

    def destination(self) -> str | None:
        """Return the address of the provider's description, without its query."""
        return self.discovery.partition("?")[0]

    def connects_to(self) -> Iterable[Origin]:
        """Return where the provider describes itself."""
        return (origin_of(self.discovery, ConnectionOptions(tls=UpstreamTLS(verify=self.ssl_verify))),)

    async def open(self, services: Services) -> None:
        """Take what requests need; the provider is asked when the first token comes."""
        await super().open(services)
        connection, client, seconds = (
            ConnectionOptions(tls=UpstreamTLS(verify=self.ssl_verify)),
            services.client,
            float(self.timeout),
        )
        self._provider = Provider(
            self.discovery,
            lambda url: Service(client, url, seconds, connection),
            clock=services.clock,
            logger=services.logger,
        )
        self._places = Places("authorization", bare=False)
        expected = self.token_signing_alg_values_expected
        self._algorithms = (expected,) if expected else ALLOWED
        self._mark = f"{self.name}:{id(self)}"

    @hookimpl
    async def authenticate(self, exchange: Exchange) -> Outcome:
        """Check the token by the provider's keys, and its claims."""
        try:
            token = self._places.token(exchange.original)
            if token is None:
                return self.absent()
            claims = await self._claims(token)
            outcome = self._of_consumer(claims)
        except TokenError as error:
            return self.invalid(str(error))
        exchange.state[self._mark] = (token, claims)
        return outcome

    def conceal(self, request: Request) -> None:
        """Take the token out of the request, so that no upstream sees it."""
        if self.hide_credentials:
            self._places.hide(request)

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Refuse a token without the scopes that are asked for, and tell upstreams what it says."""
        request = exchange.request
        own_headers.remove(request.headers, (_USERINFO, _ACCESS_TOKEN))
        token, claims = exchange.state.get(self._mark, ("", None))
        if claims is None:
            return None
        missing = set(self.required_scopes) - _scopes(claims)
        if missing:
            return self._out_of_scope(exchange, missing)
        if self.set_userinfo_header:
            request.headers[_USERINFO] = base64.b64encode(orjson.dumps(claims)).decode("ascii")
        if self.set_access_token_header:
            request.headers[_ACCESS_TOKEN] = token
        return None

    def invalid(self, reason: str) -> Outcome:
        """Return that the token does not hold, in the words of RFC 6750 section 3.1."""
        challenge = f'{self._challenge}, error="invalid_token"'
        return Outcome.invalid(self.wrong, challenge=challenge, reason=reason)

    async def _claims(self, token: str) -> Mapping[str, Any]:
        claims = await self._provider.verified(token, self._algorithms)
        rules, own = self.claim_validator, (await self._provider.metadata()).issuer
        Judge(issuers=rules.issuer.valid_issuers or (own,)).judge(claims, self.clock.time(), self.leeway)
        self._judge_audience(claims)
        return claims

    def _judge_audience(self, claims: Mapping[str, Any]) -> None:
        rule = self.claim_validator.audience
        told = Judge.audiences_of({"aud": claims.get(rule.claim)})
        if rule.required and not told:
            raise TokenError(f"the claim {rule.claim} is missing")
        if rule.match_with_client_id and self.client_id not in told:
            raise TokenError("it is for another client")
        if rule.valid_audiences and not told & set(rule.valid_audiences):
            raise TokenError("it is for another audience")

    def _of_consumer(self, claims: Mapping[str, Any]) -> Outcome:
        named = claims.get(self.consumer_claim)
        found = self.consumers.find(self.name, named) if isinstance(named, str) else None
        if found is not None and found[1].config.get("issuer", claims.get("iss")) == claims.get("iss"):
            return Outcome.ok(*found, claims=claims)
        if self.consumer_required:
            raise TokenError(f"no consumer has the subject that its claim {self.consumer_claim} names")
        return Outcome.ok(claims=claims)

    def _out_of_scope(self, exchange: Exchange, missing: Iterable[str]) -> Response:
        reason = f"the token lacks scopes: {', '.join(sorted(missing))}"
        message = "The token is not good for this request"
        response = refused(exchange, self.logger, plugin=self.name, reason=reason, message=message, status=403)
        response.headers["www-authenticate"] = f'{self._challenge}, error="insufficient_scope"'
        return response


def _scopes(claims: Mapping[str, Any]) -> set[str]:
    """Return the scopes of a token: `scope` is a list with spaces (RFC 8693 section 4.2), `scp` may be a list."""
    told = claims.get("scope", claims.get("scp"))
    listed = told.split(" ") if isinstance(told, str) else told if isinstance(told, list) else []
    return {item for item in listed if isinstance(item, str)}
