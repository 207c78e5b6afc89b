"""The `authorization` object of `aws-lambda`, and whose credentials a request carries in the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote_plus

from phasegate import Exchange, Finding, Secret
from phasegate.faas import FunctionRequest

from .credentials import ROLE, Keys, Role, Source, role_findings
from .endpoint import DEFAULT_REGION, DEFAULT_SERVICE, Endpoint, endpoint_of
from .signed_fields import is_aws
from .signer import SIGNATURE_QUERY

Mode = Literal["apikey", "iam", "both"]

_TEXT = {"type": "string", "empty": False}
_SECRET = {**_TEXT, "secret": True, "format": "header-value"}

AUTHORIZATION: dict[str, Any] = {
    "type": "dict",
    "default": {},
    "about": "Whose credentials go along.",
    "schema": {
        "mode": {
            "type": "string",
            "allowed": ["apikey", "iam", "both"],
            "about": "Which credentials are used where both are given.",
        },
        "apikey": {**_SECRET, "about": "The API key, sent as X-Api-Key."},
        "iam": {
            "type": "dict",
            "about": "What requests are signed with: keys, or where to find them.",
            "schema": {
                "accesskey": {**_SECRET, "about": "The id of the key pair."},
                "secretkey": {**_SECRET, "about": "The secret of the key pair."},
                "secret_key": {**_SECRET, "alias_of": "secretkey"},
                "session_token": {**_SECRET, "about": "The token that belongs to a temporary key pair."},
                "profile": {**_TEXT, "about": "The profile of AWS's configuration files to take keys from instead."},
                "assume_role": {
                    "type": "list",
                    "schema": {"type": "dict", "schema": ROLE},
                    "default": [],
                    "about": "Roles to assume with those keys, one by the other; the last one's keys sign.",
                },
                "aws_region": {
                    "type": "string",
                    "regex": "[a-z0-9-]+",
                    "meta": {"expected": "a region such as us-east-1"},
                    "about": "The region that signatures name; without it the host's.",
                },
                "service": {
                    "type": "string",
                    "regex": "[a-z0-9-]+",
                    "meta": {"expected": "a service such as execute-api or lambda"},
                    "about": "The service that signatures name; without it the host's.",
                },
            },
        },
    },
}


@dataclass(kw_only=True)
class Iam:
    """Where the keys of signatures come from, and what the signatures name.

    The keys are those given, else the profile's, else those of AWS's default chain, and then those of the last role to
    assume. Region and service follow from the host where they are left out.
    """

    accesskey: Secret | None = None
    secretkey: Secret | None = None
    session_token: Secret | None = None
    profile: str | None = None
    assume_role: tuple[Role, ...] = ()
    aws_region: str | None = None
    service: str | None = None

    def endpoint(self, hostname: str) -> Endpoint:
        """Return the region and service to sign for: those configured, else the host's, else the defaults."""
        known = endpoint_of(hostname) or Endpoint(DEFAULT_REGION, DEFAULT_SERVICE)
        return Endpoint(self.aws_region or known.region, self.service or known.service)

    def keys(self) -> Keys | None:
        """Return the key pair that is given; None where there is none."""
        if self.accesskey is None or self.secretkey is None:
            return None
        return Keys(self.accesskey.value, self.secretkey, self.session_token)

    def source(self, region: str) -> Source:
        """Return where the keys come from, for a function in this region."""
        return Source(static=self.keys(), profile=self.profile, roles=self.assume_role, region=region)

    def check(self) -> Iterator[Finding]:
        """Yield what is wrong with the keys by themselves, and a warning for a temporary pair without its token."""
        for key, other in (("accesskey", "secretkey"), ("secretkey", "accesskey"), ("session_token", "accesskey")):
            if getattr(self, key) is not None and getattr(self, other) is None:
                yield Finding(other, f"is required with {key}")
        if self.accesskey is not None and self.profile is not None:
            yield Finding("profile", "stands beside accesskey: give one of them")
        if self.session_token is None and self.accesskey is not None and self.accesskey.value.startswith("ASIA"):
            message = "is missing, and a key that begins with ASIA is a temporary one: AWS will refuse it"
            yield Finding("session_token", message, "warning")
        yield from role_findings(self.assume_role)

    def contradictions(self, hostname: str) -> Iterator[Finding]:
        """Yield a warning for each setting that says other than the host name."""
        known = endpoint_of(hostname)
        if known is None:
            return
        for key, given, named in (
            ("aws_region", self.aws_region, known.region),
            ("service", self.service, known.service),
        ):
            if given is not None and given != named:
                message = f"is {given!r}, but {hostname} is of {named!r}: AWS will refuse these signatures"
                yield Finding(f"authorization.iam.{key}", message, "warning")


@dataclass(kw_only=True)
class Authorization:
    """The credentials to call a function with. Of both kinds the API key is used alone, unless `mode` says otherwise."""

    mode: Mode | None = None
    apikey: Secret | None = None
    iam: Iam | None = None

    @property
    def sends_key(self) -> bool:
        """Whether requests carry the API key."""
        return self.apikey is not None and self.mode != "iam"

    @property
    def signs(self) -> bool:
        """Whether requests are signed."""
        if self.iam is None:
            return False
        return self.mode in ("iam", "both") or (self.mode is None and self.apikey is None)

    def signs_with(self, host: str) -> Keys | Source | None:
        """Return the keys to sign requests to a host with, or where to find them; None where nothing is signed."""
        if self.iam is None or not self.signs:
            return None
        keys = None if self.iam.assume_role else self.iam.keys()
        return keys or self.iam.source(self.iam.endpoint(host).region)

    def check(self) -> Iterator[Finding]:
        """Yield an error for each credential that `mode` asks for and nobody gave, and what is wrong with keys."""
        for name, wanted_by in (("apikey", ("apikey", "both")), ("iam", ("iam", "both"))):
            if self.mode in wanted_by and getattr(self, name) is None:
                yield Finding(f"authorization.{name}", f"is required with mode: {self.mode}")
        if self.iam is not None:
            yield from (finding.under("authorization.iam") for finding in self.iam.check())


def carries_signature(request: FunctionRequest) -> bool:
    """Tell whether the request has a signature, or another authorization, already: the client's own, if nobody took it."""
    names = [unquote_plus(pair.partition("=")[0]).lower() for pair in request.query.split("&")]
    return request.get(b"authorization") is not None or "x-amz-signature" in names


def remove_client_signature(request: FunctionRequest, exchange: Exchange) -> None:
    """Take out what the client said to AWS itself: `authorization`, `x-amz-*`, `x-amzn-*`, and a presigned query's fields.

    What a plugin put in on the way stays, and so does `x-amzn-trace-id`, which grants nothing.
    """
    if any(is_aws(name) for name, _ in request.headers):
        original = set(exchange.original.headers.raw)
        request.headers = [field for field in request.headers if not (is_aws(field[0]) and field in original)]
    query = request.query
    if "%" in query or "x-amz-" in query.lower():
        request.query = "&".join(pair for pair in query.split("&") if not _is_signature(pair))


def _is_signature(pair: str) -> bool:
    return unquote_plus(pair.partition("=")[0]).lower() in SIGNATURE_QUERY
