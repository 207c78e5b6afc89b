"""Whether a function may be called, asked of AWS without calling it: the invocation type DryRun of the Lambda API."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from phasegate import Answer, Body, Call, CallTimeouts, Diagnosis, Origin, Services, UpstreamError
from phasegate.faas import FunctionRequest

from .credentials import Keys
from .failures import Refusal, refusal_of
from .refusal import clock_error_seconds, masked
from .signer import Signer

_ABOUT = "permission"
_TIMEOUTS = CallTimeouts(connect=5.0, send=5.0, head=5.0, gap=5.0, whole=5.0)
_EVENT = b"{}"
_READ_BYTES = 65_536
_DENIED = frozenset({"AccessDeniedException", "AccessDenied", "NotAuthorized"})
_REMEDIES: Mapping[str, str] = {
    "ResourceNotFoundException": "mend function, qualifier or region, or deploy the function there",
    **dict.fromkeys(
        ("UnrecognizedClientException", "InvalidClientTokenId"),
        "give keys that AWS knows; they may be deleted or inactive",
    ),
    **dict.fromkeys(("ExpiredTokenException", "ExpiredToken"), "renew the keys where they come from"),
    **dict.fromkeys(
        ("InvalidSignatureException", "SignatureDoesNotMatch"),
        "see that secretkey belongs to accesskey, that the clock is right, and that nothing on the way changes requests",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Asks for the functions of one route. `signer` and `keys` are None where calls are not signed."""

    origin: Origin
    host: str
    region: str
    qualifiers: tuple[str | None, ...]
    """The versions to ask for, None for that which a call without one is for."""
    tenant: str | None
    signer: Signer | None
    keys: Keys | None = None

    def with_keys(self, keys: Keys | None) -> DryRun:
        """Return the same with keys to sign with."""
        return replace(self, keys=keys)

    async def ask(self, name: str, services: Services) -> AsyncIterator[Diagnosis]:
        """Yield whether AWS would let the function be called, and if not, what to do.

        Where AWS says that our clock is wrong, that is told, and it is asked again by AWS's, as the gateway does.
        """
        for qualifier in self.qualifiers:
            async for diagnosis in self._ask(name, qualifier, services):
                yield diagnosis

    async def _ask(self, name: str, qualifier: str | None, services: Services) -> AsyncIterator[Diagnosis]:
        called = f"{name}{f', qualifier {qualifier},' if qualifier else ''} in {self.region}"
        try:
            answer, body = await self._answer(name, qualifier, services, 0.0)
            skew = clock_error_seconds(answer, body, services.clock.time()) if answer.status == 403 else None
            if skew is not None:
                yield _clock(skew)
                answer, body = await self._answer(name, qualifier, services, skew)
        except UpstreamError as error:
            yield Diagnosis(_ABOUT, f"can't be asked for {name}: {error}", "note")
            return
        if answer.status == 204:
            yield Diagnosis(_ABOUT, f"may call {called}")
            return
        token = self.keys.session_token if self.keys is not None else None
        body = masked(body, token) if token is not None else body
        refusal = refusal_of(answer.status, answer.headers.get("x-amzn-errortype") or "", body, None)
        yield _refused(called, refusal, answer.status)

    async def _answer(
        self, name: str, qualifier: str | None, services: Services, skew_seconds: float
    ) -> tuple[Answer, bytes]:
        """Ask, and return AWS's answer with the beginning of its body. Raise UpstreamError."""
        request = self._request(name, qualifier)
        if self.signer is not None and self.keys is not None:
            now = services.clock.time() + skew_seconds
            self.signer.sign(request, hashlib.sha256(_EVENT).hexdigest(), now, self.keys)
        own = [(b"host", request.host.encode("ascii")), (b"content-length", b"%d" % len(_EVENT))]
        call = Call(
            method=request.method,
            origin=self.origin,
            target=request.target,
            headers=[*own, *request.headers],
            body=request.body,
            timeouts=_TIMEOUTS,
        )
        answer = await services.client.send(call)
        try:
            body = b""
            async for block in answer.stream():
                body = (body + block)[:_READ_BYTES]
        finally:
            answer.close()
        return answer, body

    def _request(self, name: str, qualifier: str | None) -> FunctionRequest:
        headers = [(b"content-type", b"application/json"), (b"x-amz-invocation-type", b"DryRun")]
        if self.tenant is not None:
            headers.append((b"x-amz-tenant-id", self.tenant.encode()))
        return FunctionRequest(
            method="POST",
            host=self.host,
            path=f"/2015-03-31/functions/{quote(name, safe='')}/invocations",
            query=f"Qualifier={quote(qualifier, safe='')}" if qualifier else "",
            headers=headers,
            body=Body(_EVENT),
        )


def _clock(skew_seconds: float) -> Diagnosis:
    side = "behind" if skew_seconds > 0 else "ahead of"
    message = f"ours is {abs(skew_seconds):.0f} s {side} AWS's, which signatures are corrected by"
    return Diagnosis(
        "clock", message, "warning", "have this machine's clock set by NTP (timedatectl, chronyc tracking)"
    )


def _refused(called: str, refusal: Refusal, status: int) -> Diagnosis:
    kind = refusal.error_type or f"status of {refusal.row.code}"
    why = f"may not call {called}: {kind}{f', {refusal.message}' if refusal.message else ''}"
    if refusal.row.retry or status >= 500:
        return Diagnosis(_ABOUT, f"AWS can't say now: {kind}, {refusal.message}", "warning", "ask again later")
    if refusal.error_type in _DENIED or not refusal.error_type:
        remedy = "allow lambda:InvokeFunction on the function to these keys, in their policy or in the function's"
        return Diagnosis(_ABOUT, why, "error", remedy)
    return Diagnosis(_ABOUT, why, "error", _REMEDIES.get(refusal.error_type, "see what AWS says of that error"))
