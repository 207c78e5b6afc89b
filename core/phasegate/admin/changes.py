"""Many writes at once: all of them become one revision, or none is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..http.message import Response
from ..store.records import Change, Revision, Write
from .answers import Refused, answer
from .body import WHOLE_LIMIT_BYTES
from .call import Call
from .catalogue import Catalogue, Entry
from .desk import Desk, Proposal
from .differences import differing
from .history import outcome
from .kinds import KINDS, Kind
from .masking import Masking
from .preconditions import is_conditional, judge
from .proposing import Plan, carry_out
from .values import TIMES, Values, judge_owner, sent

_KEYS = frozenset({"writes", "note"})
_WRITE_KEYS = frozenset({"kind", "id", "value"})
_LONGEST_NOTE = 1000
_MOST_REASONS = 20


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

    def __init__(self, desk: Desk, masking: Masking) -> None:
        self._desk = desk
        self._masking = masking
        self._values = Values(masking)

    async def make(self, call: Call) -> Response:
        """Write everything. Raise Refused."""
        body = await call.object(WHOLE_LIMIT_BYTES)
        wishes, note = _wishes(body), _note(body, call)

        async def plan(catalogue: Catalogue) -> Plan:
            view = catalogue.view
            judge(call.request, f'"{view.revision}"')
            entries = {(wish.kind.name, wish.id): catalogue.find(wish.kind, wish.id) for wish in wishes}
            pairs = [(wish, entries[wish.kind.name, wish.id]) for wish in wishes]
            writes = self._writes(pairs)
            expected = {write.key: before.modified if (before := entries[write.key]) else None for write in writes}
            base = view.revision if is_conditional(call.request) else None
            proposal = Proposal(writes, expected, call.user.name, note, call.dry_run, base)
            return Plan(proposal if writes else None, lambda made: answer(self._outcome(call, made, view.revision)))

        return await carry_out(call, self._desk, plan)

    def _outcome(self, call: Call, made: Revision | None, present: int) -> dict[str, Any]:
        told = outcome(made, present)
        if made is not None and call.flag("details"):
            pairs = zip(told["changes"], made.changes, strict=True)
            told["changes"] = [{**head, **self._details(change)} for head, change in pairs]
        return told

    def _details(self, change: Change) -> dict[str, Any]:
        kind, id_ = change.key
        before, after = (
            None if record is None else _without_times(record.value) for record in (change.before, change.after)
        )
        places = list(differing(before, after)) if before is not None and after is not None else []
        shown = (None if value is None else self._masking.covered(change.key, value) for value in (before, after))
        return {"kind": kind, "id": id_, **dict(zip(("before", "after"), shown, strict=True)), "differences": places}

    def _writes(self, pairs: Sequence[tuple[_Wish, Entry | None]]) -> tuple[Write, ...]:
        """Return the writes that wishes come to. Raise Refused with what is wrong with any of them."""
        writes, reasons = [], []
        for wish, before in pairs:
            try:
                writes.append(self._write(wish, before))
            except Refused as error:
                reasons.append(_named(wish, error))
        if reasons:
            more = f"; and {len(reasons) - _MOST_REASONS} more" if len(reasons) > _MOST_REASONS else ""
            raise Refused(400, "; ".join(reasons[:_MOST_REASONS]) + more)
        return tuple(write for write in writes if write is not None)

    def _write(self, wish: _Wish, before: Entry | None) -> Write | None:
        """Return the write that a wish comes to, None where everything is as wished."""
        judge_owner(before)
        if wish.value is None:
            return None if before is None else Write(wish.kind.name, wish.id, None)
        value = self._values.stored(wish.kind, wish.id, wish.value, before)
        if before is not None and _without_times(before.value) == _without_times(value):
            return None
        return Write(wish.kind.name, wish.id, value)


def _wishes(body: Mapping[str, Any]) -> list[_Wish]:
    writes = body.get("writes")
    unknown = sorted(body.keys() - _KEYS)
    if unknown or not isinstance(writes, list):
        where = f'property "{unknown[0]}" is not known here' if unknown else 'property "writes" must be a list'
        raise Refused(400, f"invalid configuration: {where}")
    wishes = [_wish(item, f"writes[{index}]") for index, item in enumerate(writes)]
    keys = [(wish.kind.name, wish.id) for wish in wishes]
    if len(set(keys)) < len(keys):
        kind, id_ = next(key for index, key in enumerate(keys) if key in keys[:index])
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


def _without_times(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key not in TIMES}
