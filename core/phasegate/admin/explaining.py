"""The endpoints that explain requests: one that is described, and those on the public port that asked for it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from typing import Any, cast

from ..application import finish
from ..errors import RequestError, ServiceUnavailable
from ..explain.live import Live
from ..explain.report import Told
from ..explain.tokens import DEFAULT_SECONDS, HEADER, LONGEST_SECONDS
from ..gateway import Gateway
from ..http.message import Request, Response
from .access import unauthorized
from .answers import JSON, Refused, answer, not_found
from .call import Call
from .described import described

_LONGEST_ANSWER_SECONDS = 60.0
_LARGEST_ANSWER_BYTES = 16_777_216
# So many explanations are made at once.
_MOST = 8


_logger = logging.getLogger(__name__)


class Explaining:
    """Explains requests by the gateway of this worker, and hands out tokens and what they led to."""

    def __init__(self, gateway: Gateway, live: Live) -> None:
        self._gateway = gateway
        self._live = live
        self._under_way = 0

    async def ask(self, call: Call) -> Response:
        """Send the request that the body describes through the gateway, and answer with what happened to it."""
        request = described(await call.object(), call.request.client)
        if self._under_way >= _MOST:
            raise Refused(429, f"{_MOST} requests are being explained already: wait", {"retry-after": "1"})
        self._under_way += 1
        try:
            told = await explained(self._gateway, request, dry_run=call.dry_run)
            fields = {"request_id": told["request"]["id"], "key_name": call.user.name}
            _logger.info("request explained", extra=fields)
            return answer(told)
        finally:
            self._under_way -= 1

    async def token(self, call: Call) -> Response:
        """Answer with a token that has requests on the public port explained."""
        value = await call.object(absent="missing configurations: send {} for a token of five minutes")
        seconds = value.get("seconds", DEFAULT_SECONDS)
        if type(seconds) is not int or not 1 <= seconds <= LONGEST_SECONDS or value.keys() - {"seconds"}:
            raise Refused(400, f"invalid token: seconds, the only key, must be between 1 and {LONGEST_SECONDS}")
        token, ends = self._live.tokens.issue(seconds)
        _logger.info("explain token made", extra={"key_name": call.user.name, "seconds": seconds})
        return answer({"header": HEADER, "token": token, "expires": ends}, 201)

    async def fetch(self, call: Call, request_id: str) -> Response:
        """Answer with the explanation of a request that asked for it."""
        if call.user.role != "admin":
            raise unauthorized("explanations are not for role viewer")
        found = await self._live.kept.find(request_id)
        if found is None:
            raise not_found()
        return Response(200, JSON, found + b"\n")


async def explained(gateway: Gateway, request: Request, *, dry_run: bool = False) -> Told:
    """Send a request through a gateway, read its answer to the end, and return what happened to it."""
    told: list[Told] = []
    passage = gateway.explaining(request, told.append, dry_run=dry_run)
    failure: RequestError | None = None
    size = 0
    try:
        async with asyncio.timeout(_LONGEST_ANSWER_SECONDS):
            response = await passage.answer()
            async with aclosing(cast("Any", response.stream())) as blocks:
                async for block in blocks:
                    size += len(block)
                    if size > _LARGEST_ANSWER_BYTES:
                        break
    except TimeoutError:
        failure = ServiceUnavailable(f"it was still under way after {_LONGEST_ANSWER_SECONDS:g} s")
    except RequestError as error:
        failure = error
    finally:
        await finish(passage, failure, size)
    return told[0]
