"""Handing changes in at the desk: anew when somebody else was faster, and refused in words when they can't be made."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ..errors import ConfigError
from ..http.message import Response
from ..store.records import Conflict, Revision, StoreUnavailable
from .answers import Refused
from .call import Call
from .catalogue import Catalogue
from .desk import Desk, NotEverywhere, NotServed, Proposal
from .preconditions import is_conditional
from .wording import error_msg

# 1.3 seconds in all: longer than other nodes' revisions take to come in.
_WAITS_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64)
# RFC 9110 section 15.3.3: it is written, and on its way to some workers still.
_ACCEPTED = 202
_RETRY_AFTER = {"retry-after": "1"}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request wants to change, None where there is nothing to, and what is answered once that is done."""

    proposal: Proposal | None
    answer: Callable[[Revision | None], Response]


class _Unfit(Refused):
    """What was planned can't be served together with all that the store holds."""


async def carry_out(call: Call, desk: Desk, make: Callable[[Catalogue], Awaitable[Plan]]) -> Response:
    """Make a plan from the configuration as it is and propose it; make it anew when the configuration has moved on.

    What is wrong with it by then may be what others wrote: a credential of the consumer that is to go. Raise Refused: 400 with what is wrong, 412 where a condition does not hold any more, 409 where others keep being
    faster, 503 where the store can't be reached.
    """
    for wait in (*_WAITS_SECONDS, 0):
        seen = desk.view
        try:
            return await _attempt(call, desk, await make(Catalogue(seen)))
        except Conflict as error:
            if is_conditional(call.request):
                raise Refused(412, "the resource has changed meanwhile: read it again") from error
            await asyncio.sleep(wait)
        except _Unfit:
            if not wait or desk.view.revision == seen.revision:
                raise
    raise Refused(409, "others keep changing this at the same time: try again", _RETRY_AFTER)


async def _attempt(call: Call, desk: Desk, plan: Plan) -> Response:
    if plan.proposal is None:
        return plan.answer(None)
    if not desk.view.writable and not call.dry_run:
        raise Refused(400, "nothing can be written: set resources.store in gateway.yaml")
    try:
        return plan.answer(await desk.propose(plan.proposal, everywhere=call.everywhere))
    except NotEverywhere as late:
        response = plan.answer(late.revision)
        response.status = _ACCEPTED
        response.headers["x-phasegate-late-workers"] = ", ".join(map(str, late.slots))
        return response
    except ConfigError as error:
        keys = [write.key for write in plan.proposal.writes]
        raise _Unfit(400, error_msg(error.findings, keys)) from error
    except StoreUnavailable as error:
        raise unavailable(error) from error


def unavailable(error: StoreUnavailable) -> Refused:
    """Return the refusal of a request that needs the store while it can't be reached, or workers that do not answer."""
    reason = str(error) if isinstance(error, NotServed) else f"the store is not available: {error}"
    return Refused(503, reason, _RETRY_AFTER)
