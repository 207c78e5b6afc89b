"""`aws-lambda`: answers a route by an AWS Lambda function, called directly or behind API Gateway or a function URL."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Hashable, Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, ClassVar, Literal

from phasegate import Diagnosis, Exchange, Finding, FunctionFacts, Response, Services
from phasegate.faas import Answer, FunctionPlugin, FunctionRequest, FunctionTarget

from .authorization import AUTHORIZATION, Authorization, carries_signature, remove_client_signature
from .diagnosing import Examination
from .dry_run import DryRun
from .endpoint import DEFAULT_REGION
from .facts import note_answered
from .function_name import Template
from .invocation import Invocation, read_answer
from .invoke_fields import INVOKE, InvokeFields
from .refusal import hide, read_refusal
from .remapped import RENAMED, restored
from .signed_fields import NEVER_SIGNED, look_at
from .signer import SHA256_OF_NOTHING, Signer
from .signing import Signing, signed_of
from .trace import continue_trace

_NAME_OF = itemgetter(0)

# Without the client's own key and a trace to be continued, there is nothing to do but to add ours.
_leaves_key_alone = frozenset({b"x-api-key", b"traceparent"}).isdisjoint
_leaves_names_alone = RENAMED.isdisjoint

_HEADER_NAME = {"type": "string", "regex": "[A-Za-z0-9_-]+", "meta": {"expected": "a header name"}}


@dataclass(kw_only=True)
class AwsLambda(InvokeFields, FunctionPlugin):
    """Calls a function over HTTP, with an API key, a Signature Version 4, or both; or by the Lambda API, with an event.

    Over HTTP the function's status, headers and body go to the client as they are. Field names, defaults and bounds are
    those of APISIX's plugin; what is added beside them is said in the documentation of each field.
    """

    name: ClassVar[str] = "aws-lambda"
    priority: ClassVar[int] = -1899
    schema: ClassVar[dict[str, Any]] = {
        **FunctionPlugin.schema,
        "function_uri": {"type": "string", "format": "url", "about": "The function's URL: this or `function`."},
        **INVOKE,
        "authorization": AUTHORIZATION,
        "sign_location": {
            "type": "string",
            "allowed": ["header", "query"],
            "default": "header",
            "about": "Whether a signature stands in fields of its own or in the query.",
        },
        "signed_headers": {
            "type": "list",
            "schema": _HEADER_NAME,
            "default": [],
            "about": "Further headers to sign, where a request has them.",
        },
    }

    function_uri: str = ""
    authorization: Authorization = field(default_factory=Authorization)
    sign_location: Literal["header", "query"]
    signed_headers: tuple[str, ...]

    def check(self) -> Iterable[Finding]:
        """Judge the credentials: all that `mode` asks for, none in clear text, none for another region."""
        findings = [*self._check_place(), *self.authorization.check(), *self._unsignable()]
        yield from findings
        if any(finding.level == "error" for finding in findings):
            return
        if self.authorization.iam is not None:
            yield from self.authorization.iam.contradictions(self._signed_host)

    def target(self) -> FunctionTarget:
        """Return where the function is: its URL, or the Lambda API of its region."""
        if not self.invokes:
            return super().target()
        return FunctionTarget.parse(f"https://{self._api_host}/", endpoint=self.endpoint, host=self.host)

    def destination(self) -> str | None:
        """Return the function's URL without its query, or the function's name with its region."""
        return f"lambda {self.function} in {self._region}" if self.invokes else super().destination()

    async def diagnose(self, services: Services) -> AsyncIterator[Diagnosis]:
        """Yield where keys are found, whether regions agree, and whether AWS would let the function be called."""
        examination = Examination(
            fields=self,
            authorization=self.authorization,
            host=self._signed_host,
            is_elsewhere=self.endpoint is not None,
            region_given=self._named_region is not None,
            dry_run=self._dry_run() if self.invokes else None,
        )
        async for diagnosis in examination.look(services):
            yield diagnosis

    def identity(self) -> Hashable:
        """Return what is equal for all instances that call the same function: of a name without account, by whose keys too."""
        iam = self.authorization.iam if self.invokes else None
        return super().identity(), self.destination(), iam and iam.source(self._region)

    def called(self, exchange: Exchange) -> str:
        """Return the function's name, which the request may fill in."""
        return "" if self._invocation is None else self._invocation.name(exchange)

    def is_idempotent(self, exchange: Exchange) -> bool:
        """Tell whether a call that may have run can be made once more; one that nobody waits for can't, a dry run can."""
        if self.invokes and self.invocation_type != "RequestResponse":
            return self.invocation_type == "DryRun"
        return super().is_idempotent(exchange)

    def details(self, exchange: Exchange) -> FunctionFacts:
        """Return which version a call is for, where there is a choice."""
        return {} if self._invocation is None else self._invocation.details(exchange)

    async def open(self, services: Services) -> None:
        """Make the signer, which keeps its key of the day, and find what it signs with."""
        await super().open(services)
        self._invocation = Invocation(self, self._region) if self.invokes else None
        self._signing = None
        key = self.authorization.apikey if self.authorization.sends_key else None
        self._key = None if key is None else (b"x-api-key", key.value.encode())
        signer, keys = self._make_signer(), self.authorization.signs_with(self._signed_host)
        if signer is not None and keys is not None:
            self._signing = await Signing.open(signer, keys, services, patience_seconds=self.timeout / 1000)
        self._extra = frozenset() if self._signing is None else self._signing.extra
        self._sole_key = self._key if self._signing is None and self._invocation is None else None

    async def close(self) -> None:
        """Give back where keys come from."""
        if self._signing is not None:
            self._signing.close()

    async def authorize(self, request: FunctionRequest, exchange: Exchange) -> None:
        """Add the key, the signature, or both, in the place of the client's own, unless those are to be forwarded.

        In a direct call the request becomes an event first, and nothing that the client sent is left outside of it.
        """
        if self._sole_key is not None and _leaves_key_alone(map(_NAME_OF, request.headers)):
            request.headers.append(self._sole_key)
            return
        if self._invocation is not None:
            event = await self._invocation.shape(request, exchange, self.clock.time())
            if self._signing is not None:
                keys = self._signing.keys or await self._signing.found()
                self._signing.sign(request, hashlib.sha256(event).hexdigest(), keys, exchange)
            return
        names = tuple(map(_NAME_OF, request.headers))
        ordinary, place = look_at(names, self._extra)
        if not ordinary and b"traceparent" in names:
            continue_trace(request)
        if self._key is not None:
            if ordinary:
                request.headers.append(self._key)
            else:
                self.set_credential(request, *self._key)
        if self._signing is None or (self.forward_client_credentials and carries_signature(request)):
            return
        # A presigned query's fields have a dash each, or an escape that stands for one.
        if not ordinary or "-" in request.query or "%" in request.query:
            remove_client_signature(request, exchange)
        payload, body = SHA256_OF_NOTHING, request.body
        if body.length != 0:
            data = body.data
            payload = await body.sha256() if data is None else hashlib.sha256(data).hexdigest()
        keys = self._signing.keys or await self._signing.found()
        self._signing.sign(request, payload, keys, exchange, place if self._key is None else None)

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        """Undo API Gateway's renaming; where AWS refuses our clock or our keys, ask for one more try with others.

        Of a direct call, return what the function says, or raise what the API's answer means.
        """
        if self._invocation is not None:
            return await self._accept_invoked(self._invocation, answer, exchange)
        # Of a field that is there twice the last one.
        told = dict(answer.headers.raw)
        if exchange.upstream is not None:
            note_answered(told, exchange.upstream)
        # What is refused twice goes to the client as it is then, so nothing is left for another time.
        signing = self._signing if answer.status == 403 else None
        repeats = signing is not None and await self._refused(signing, answer, exchange)
        if not _leaves_names_alone(told):
            answer.headers.raw = restored(answer.headers.raw)
        return None if repeats else answer

    async def _refused(self, signing: Signing, answer: Answer, exchange: Exchange) -> bool:
        """Tell whether AWS refuses our clock or our keys and others are at hand; hide from the client what it must not see."""
        refusal, signed = await read_refusal(answer), signed_of(exchange)
        if refusal is None or signed is None:
            return False
        repeats = await signing.may_repeat(answer, refusal, signed)
        key = self.authorization.apikey if b"x-api-key" in signing.extra else None
        hide(answer, [secret for secret in (signed.keys.session_token, key) if secret is not None])
        return repeats

    async def _accept_invoked(self, invocation: Invocation, answer: Answer, exchange: Exchange) -> Response | None:
        if invocation.starts_stream(answer):
            return await invocation.streamed(answer, exchange)
        signed = signed_of(exchange)
        body = await read_answer(answer, signed.keys.session_token if signed else None)
        attempt = invocation.attempt(exchange)
        refused = answer.status == 403 and not attempt.repeated
        if refused and self._signing and signed and await self._signing.may_repeat(answer, body, signed):
            attempt.repeated = True
            return None
        return await invocation.response(answer, exchange, body)

    @property
    def has_credentials(self) -> bool:
        """Whether requests carry our key or our signature."""
        return self.authorization.sends_key or self.authorization.signs

    @property
    def _region(self) -> str:
        return self._named_region or DEFAULT_REGION

    @property
    def _named_region(self) -> str | None:
        name, iam = self.function_name, self.authorization.iam
        return (name and name.region) or self.region or (iam and iam.aws_region) or None

    @property
    def _api_host(self) -> str:
        return self.api_host(self._region)

    @property
    def _signed_host(self) -> str:
        """The host that says what signatures name; of a direct call the API's own, whatever is sent as Host."""
        return self._api_host if self.invokes else self.target().hostname

    def _check_place(self) -> Iterable[Finding]:
        """Judge where the function is: by exactly one of its URL and its name."""
        if self.invokes:
            if self.function_uri:
                yield Finding("function_uri", "can't be used with a direct call: leave it out")
            if self.authorization.apikey is not None:
                yield Finding("authorization.apikey", "is not used by direct calls: leave it out", "warning")
            if not self.authorization.signs and self.endpoint is None:
                message = "is missing, and the Lambda API takes no unsigned calls: {} takes keys of AWS's default chain"
                yield Finding("authorization.iam", message, "warning")
            yield from self.check_invoke()
        elif not self.function_uri:
            yield Finding("function_uri", "is required, or function for a direct call")
            return
        else:
            yield from self.check_url()
        yield from super().check()

    def _unsignable(self) -> Iterable[Finding]:
        for index, name in enumerate(self.signed_headers):
            if name.lower().encode() in NEVER_SIGNED:
                message = f"{name!r} can't be signed, since hops on the way change it: leave it out"
                yield Finding(f"signed_headers[{index}]", message)

    def _dry_run(self) -> DryRun:
        varies = self.tenant_id is None or Template(self.tenant_id).varies
        return DryRun(
            origin=next(iter(self.connects_to())),
            host=self.target().host,
            region=self._region,
            qualifiers=tuple(share.qualifier for share in self.canary) or (self.qualifier,),
            tenant=None if varies else self.tenant_id,
            signer=self._make_signer(),
        )

    def _make_signer(self) -> Signer | None:
        iam = self.authorization.iam
        if iam is None:
            return None
        return Signer(
            endpoint=iam.endpoint(self._signed_host),
            extra=frozenset(name.lower().encode() for name in self.signed_headers),
            location=self.sign_location,
        )
