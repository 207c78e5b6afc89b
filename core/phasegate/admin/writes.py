"""PUT, POST and PATCH of one resource."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..http.message import Response
from ..store.records import Revision, Write
from .answers import Refused, answer, not_found
from .body import NOTHING
from .call import Call
from .catalogue import Catalogue, Entry
from .desk import Desk, Proposal
from .kinds import KINDS, Kind
from .masking import Masking
from .patching import merged, replaced
from .preconditions import judge
from .proposing import Plan, carry_out
from .values import TIMES, Values, judge_owner, sent

_ID_BYTES = 10
_DEEPEST = 50


class Writer:
    """Creates and changes resources."""

    def __init__(self, desk: Desk, masking: Masking, values: Values) -> None:
        self._desk = desk
        self._masking = masking
        self._values = values

    async def put(self, call: Call, kind: Kind, id_: str | None) -> Response:
        """Create a resource, or put a new one in its place."""
        id_, value = sent(kind, await call.object(), id_)
        return await self._write(call, kind, id_, lambda _: value)

    async def post(self, call: Call, kind: Kind, id_: str | None) -> Response:
        """Create a resource under an id of our making."""
        body = await call.object()
        if id_ is not None or body.get("id") is not None:
            raise Refused(400, f"wrong {kind.noun} id, do not need it")
        made = secrets.token_hex(_ID_BYTES)
        _, value = sent(kind, body, made)
        return await self._write(call, kind, made, lambda _: value)

    async def patch(self, call: Call, kind: Kind, id_: str | None, path: Sequence[str] = ()) -> Response:
        """Merge the body into a resource, or put it at a path in there."""
        if id_ is None:
            raise Refused(400, f"missing {kind.noun} id")
        if len(path) > _DEEPEST:
            raise Refused(400, f"invalid sub-path: it is more than {_DEEPEST} deep")
        body = await call.body()
        if body is NOTHING:
            raise Refused(400, "missing new configuration")
        if not path and not isinstance(body, dict):
            raise Refused(400, "invalid configuration: the body must be an object")
        forbidden = [name for name in TIMES if name in (path[:1] if path else body)]
        if forbidden:
            raise Refused(400, f"the property is forbidden: {' '.join(forbidden)}")

        def change(before: Entry | None) -> Mapping[str, Any]:
            if before is None:
                raise not_found()
            former = {key: item for key, item in before.value.items() if key not in TIMES}
            changed = _at(former, path, body) if path else merged(former, body)
            return sent(kind, changed, id_)[1]

        return await self._write(call, kind, id_, change)

    async def _write(
        self, call: Call, kind: Kind, id_: str, change: Callable[[Entry | None], Mapping[str, Any]]
    ) -> Response:
        async def plan(catalogue: Catalogue) -> Plan:
            before = catalogue.find(kind, id_)
            judge_owner(before)
            judge(call.request, self._masking.etag(before) if before else None)
            _judge_consumer(kind, id_, catalogue)
            value = await self._values.stored(kind, id_, change(before), before)
            self._values.judge_references(kind, value, catalogue)
            proposal = Proposal(
                (Write(kind.name, id_, value),),
                {(kind.name, id_): before.modified if before else None},
                call.user.name,
                call.note,
                call.dry_run,
            )
            return Plan(proposal, lambda revision: self._answer(proposal, before, revision))

        return await carry_out(call, self._desk, plan)

    def _answer(self, proposal: Proposal, before: Entry | None, revision: Revision | None) -> Response:
        write = proposal.writes[0]
        written = [change.after.modified for change in revision.changes if change.after] if revision else []
        headers = {"etag": f'"{written[0]}"'} if written and not proposal.dry_run else {}
        shown = {
            "key": KINDS[write.kind].path(write.id),
            "value": self._masking.masked(write.key, write.value or {}),
        }
        return answer(shown, 200 if before else 201, headers)


def _at(former: Mapping[str, Any], path: Sequence[str], body: Any) -> dict[str, Any]:
    try:
        changed: dict[str, Any] = replaced(former, path, body)
    except ValueError as error:
        raise Refused(400, f"invalid sub-path: /{'/'.join(path)} (at {error})") from error
    return changed


def _judge_consumer(kind: Kind, id_: str, catalogue: Catalogue) -> None:
    if kind.name == "credentials" and catalogue.find(KINDS["consumers"], id_.partition("/")[0]) is None:
        raise Refused(404, "consumer not found")
