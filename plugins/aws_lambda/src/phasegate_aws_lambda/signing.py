"""How the requests of one plugin are signed: with whose keys, by what clock, and anew where AWS refuses either."""

from __future__ import annotations

import logging
from typing import NamedTuple

from phasegate import Clock, Exchange, Services
from phasegate.faas import Answer, CredentialsUnavailable, FunctionRequest, Lease

from .credentials import Keys, Source
from .mismatch import mismatch
from .refusal import clock_error_seconds, is_of_keys, masked
from .signer import Signer

# Where an exchange has what was signed last.
_SIGNED = "aws-lambda.signed"


class Signed(NamedTuple):
    """A request as it was signed, the hash of its payload, and the keys."""

    request: FunctionRequest
    payload_sha256: str
    keys: Keys


def signed_of(exchange: Exchange) -> Signed | None:
    """Return what was signed for an exchange last; None where nothing was."""
    found = exchange.state.get(_SIGNED)
    return None if found is None else Signed(*found)


class Signing:
    """Signs with keys that are given, or with those that are found; a request waits for these `patience_seconds` at most."""

    def __init__(self, signer: Signer, keys: Keys | None, *, clock: Clock, logger: logging.Logger) -> None:
        self.keys = keys
        """The keys where they are given and never change."""
        self._signer = signer
        self._time = clock.time
        self._logger = logger
        self._lease: Lease[Keys] | None = None
        self._patience_seconds = 0.0
        self._skew_seconds = 0.0

    @classmethod
    async def open(cls, signer: Signer, keys: Keys | Source, services: Services, *, patience_seconds: float) -> Signing:
        """Return what signs with these keys, or with those of a source, which it holds on to until it is closed."""
        given = keys if isinstance(keys, Keys) else None
        signing = cls(signer, given, clock=services.clock, logger=services.logger)
        signing._patience_seconds = patience_seconds
        if isinstance(keys, Source):
            signing._lease = await Lease.take(keys, services)
        return signing

    @property
    def extra(self) -> frozenset[bytes]:
        """The headers that are signed beside those that must be."""
        return self._signer.extra

    def close(self) -> None:
        """Let go of the source."""
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    def sign(
        self,
        request: FunctionRequest,
        payload_sha256: str,
        keys: Keys,
        exchange: Exchange,
        place: int | None = None,
    ) -> None:
        """Sign a request, by AWS's clock as far as it is known. Nothing may touch the request afterwards.

        `place` is what `content_type_place` says of it, where that is known.
        """
        self._signer.sign(request, payload_sha256, self._time() + self._skew_seconds, keys, place)
        exchange.state[_SIGNED] = request, payload_sha256, keys

    async def found(self) -> Keys:
        """Return keys that were found and hold. Raise CredentialsUnavailable where there are none in time."""
        if self._lease is None:
            raise CredentialsUnavailable("this configuration is not open any more")
        return await self._lease.provider.get(self._now(), self._patience_seconds)

    async def may_repeat(self, answer: Answer, refusal: bytes, signed: Signed) -> bool:
        """Tell whether AWS refuses a request for our clock or its keys, and signing it again would mend that.

        Where it refuses the signature itself, the log says from what line on its computation departs from ours.
        """
        if self._corrects_clock(answer, refusal):
            return True
        if self._lease is not None and is_of_keys(answer):
            return await self._lease.provider.renew(signed.keys, self._patience_seconds)
        self._explain(refusal, signed)
        return False

    def _now(self) -> float:
        return self._time() + self._skew_seconds

    def _corrects_clock(self, answer: Answer, refusal: bytes) -> bool:
        """Tell whether the clock was why AWS refused and another offset than the present one would be right."""
        found = clock_error_seconds(answer, refusal, self._time())
        if found is None or abs(found - self._skew_seconds) <= 1:
            return False
        self._skew_seconds = found
        self._logger.warning("clock differs from AWS", extra={"skew_seconds": round(found, 1)})
        return True

    def _explain(self, refusal: bytes, signed: Signed) -> None:
        account = self._signer.account(signed.request, signed.payload_sha256)
        token = signed.keys.session_token
        if token is not None:
            # The refusal may come with its token masked.
            refusal = masked(refusal, token)
            account = account._replace(canonical=masked(account.canonical.encode(), token).decode())
        found = mismatch(refusal, account)
        if found is not None:
            fields = {"host": signed.request.host, "line": found.line, "ours": found.ours, "theirs": found.theirs}
            self._logger.error("signature does not match", extra=fields)
