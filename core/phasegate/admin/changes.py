"""Many writes at once: all of them become one revision, or none is made."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..http.message import Response
from ..store.records import Key, Revision, Write
from .answers import Refused, answer
from .body import WHOLE_LIMIT_BYTES
from .call import Call
from .catalogue import Catalogue, Entry
from .desk import Desk, Proposal
from .details import Details
from .differences import alike
from .history import outcome
from .kinds import KINDS, Kind
from .masking import Masking
from .preconditions import is_conditional, judge
from .proposing import Plan, carry_out
from .values import Values, judge_owner, sent, without_times

_KEYS = frozenset({"writes", "note"})
_WRITE_KEYS = frozenset({"kind", "id", "value"})
_LONGEST_NOTE = 1000
_MOST_REASONS = 20
# How many are looked at before requests have their turn.
_SLICE = 50


@dataclass(frozen=True, slots=True)
class _Wish:
    """One write as it was sent: `value` None deletes."""

    kind: Kind
    id: str
    value: Mapping[str, Any] | None


class Changes:
    """Answers for `changes`: `{"writes": [{"kind", "id", "value"}], "note"}`, a null value for a record that is to go.

    What would change nothing is left out, so that the same change made twice makes one revision. With `?details=1` the
    answer has each record before and after it, secrets masked, and the places at which those differ.
    """

    def __init__(self, desk: Desk, masking: Masking, values: Values) -> None:
        self._desk = desk
        self._details = Details(masking)
        self._values = values

    async def make(self, call: Call) -> Response:
        """Write everything. Raise Refused."""
        body = await call.object(WHOLE_LIMIT_BYTES)
        wishes, note, detailed = _wishes(body), _note(body, call), call.flag("details")
        made: list[Revision] = []

        async def plan(catalogue: Catalogue) -> Plan:
            view = catalogue.view
            judge(call.request, f'"{view.revision}"')
            writes, expected = await self._writes(wishes, catalogue)
            base = view.revision if is_conditional(call.request) else None
            proposal = Proposal(tuple(writes), expected, call.user.name, note, call.dry_run, base)

            def told(revision: Revision | None) -> Response:
                made[:] = [revision] if revision else []
                return answer(outcome(revision, view.revision))

            return Plan(proposal if writes else None, told)

        response = await carry_out(call, self._desk, plan)
        if detailed and made:
            # In a thread, so that requests go on meanwhile.
            response.body = await asyncio.to_thread(self._details.body, made[0])
        return response

    async def _writes(self, wishes: Sequence[_Wish], catalogue: Catalogue) -> tuple[list[Write], dict[Key, int | None]]:
        """Return the writes that wishes come to, and what they expect. Raise Refused with what is wrong with any of them."""
        writes: list[Write] = []
        expected: dict[Key, int | None] = {}
        reasons = []
        for index, wish in enumerate(wishes):
            before = catalogue.find(wish.kind, wish.id)
            try:
                write = await self._write(wish, before)
            except Refused as error:
                reasons.append(_named(wish, error))
                continue
            if write is not None:
                writes.append(write)
                expected[write.key] = before.modified if before else None
            if index % _SLICE == _SLICE - 1:
                await asyncio.sleep(0)
        if reasons:
            more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
            raise Refused(400, "; ".join(reasons[:_MOST_REASONS]) + more)
        return writes, expected

    async def _write(self, wish: _Wish, before: Entry | None) -> Write | None:
        """Return the write that a wish comes to, None where everything is as wished."""
        judge_owner(before)
        if wish.value is None:
            return None if before is None else Write(wish.kind.name, wish.id, None)
        value = await self._values.stored(wish.kind, wish.id, wish.value, before)
        if before is not None and alike(without_times(before.value), without_times(value)):
            return None
        return Write(wish.kind.name, wish.id, value)


def _wishes(body: Mapping[str, Any]) -> list[_Wish]:
    writes = body.get("writes")
    unknown = sorted(body.keys() - _KEYS)
    if unknown or not isinstance(writes, list):
        where = f'property "{unknown[0]}" is not known here' if unknown else 'property "writes" must be a list'
        raise Refused(400, f"invalid configuration: {where}")
    wishes = [_wish(item, f"writes[{index}]") for index, item in enumerate(writes)]
    keys = Counter((wish.kind.name, wish.id) for wish in wishes)
    if len(keys) < len(wishes):
        kind, id_ = next(key for key, count in keys.items() if count > 1)
        raise Refused(400, f"invalid configuration: {kind}/{id_} is written twice")
    return wishes


def _wish(item: Any, path: str) -> _Wish:
    if not isinstance(item, dict) or item.keys() != _WRITE_KEYS:
        raise Refused(400, f'invalid configuration: property "{path}" must hold kind, id and value')
    kind, value = KINDS.get(str(item["kind"])), item["value"]
    if kind is None or not kind.built:
        raise Refused(400, f'property "{path}.kind": Unsupported resource type: {item["kind"]}')
    if not isinstance(item["id"], str) or not (value is None or isinstance(value, dict)):
        raise Refused(400, f'invalid configuration: property "{path}" needs a text as id, an object or null as value')
    try:
        return _Wish(kind, item["id"], None if value is None else sent(kind, value, item["id"])[1])
    except Refused as error:
        raise Refused(error.status, f"{path}: {error.body['error_msg']}") from error


def _named(wish: _Wish, error: Refused) -> str:
    """Return the reason with the resource that it is about before it."""
    name, reason = f"{wish.kind.name}/{wish.id}", str(error.body["error_msg"])
    return reason if reason.startswith(name) else f"{name}: {reason}"


def _note(body: Mapping[str, Any], call: Call) -> str:
    note = body.get("note", call.note)
    if not isinstance(note, str) or len(note) > _LONGEST_NOTE:
        raise Refused(
            400, f'invalid configuration: property "note" must be a text of at most {_LONGEST_NOTE} characters'
        )
    return note
