"""The store's revisions: listed, shown, and gone back to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import orjson

from ..http.message import Response
from ..store.changes import touched
from ..store.packing import unpack_changes
from ..store.records import (
    Change,
    Conflict,
    Key,
    Record,
    Revision,
    StoreUnavailable,
    Summary,
    Touched,
    Value,
    Write,
)
from .answers import JSON, answer, not_found
from .call import Call
from .catalogue import Catalogue
from .desk import Desk, Proposal
from .differences import alike
from .kinds import KINDS
from .masking import Masking
from .preconditions import judge
from .proposing import Plan, carry_out, unavailable

_PAGE = 50
_MOST = 500
_THREAD_BYTES = 65_536
_THREAD_RECORDS = 200
_AT_ONCE = 10

_T = TypeVar("_T")


class History:
    """Answers for `revisions`."""

    def __init__(self, desk: Desk, masking: Masking) -> None:
        self._desk = desk
        self._masking = masking

    async def newest(self, call: Call) -> Response:
        """Answer with revisions, the newest first: those under `before`, `limit` of them."""
        before = call.number("before", 0)
        limit = call.number("limit", _PAGE, most=_MOST)
        found = await _there(self._desk.summaries(before=before or None, limit=limit))
        return answer({"list": [_summed(summary) for summary in found], "revision": self._desk.view.revision})

    async def one(self, call: Call, number: str) -> Response:
        """Answer with a revision and what each record was before and after it, secrets masked for everybody."""
        wanted = _number(number)
        kept = await _there(self._desk.packed_revision(wanted))
        if kept is None:
            raise not_found()
        try:
            shown = await asyncio.to_thread(self._shown, kept) if len(kept) > _THREAD_BYTES else self._shown(kept)
        except StoreUnavailable as error:
            raise unavailable(error) from error
        return Response(200, JSON, shown)

    async def rollback(self, call: Call, number: str) -> Response:
        """Make the state after a revision the newest. Raise Refused, 404, when what came after it is not kept whole."""
        wanted = _number(number)

        async def plan(catalogue: Catalogue) -> Plan:
            judge(call.request, f'"{catalogue.view.revision}"')
            state, newest = await self._before_all_after(wanted)
            if catalogue.view.revision < newest:
                raise Conflict("this worker has not heard of the newest revision yet")
            is_long = len(state) > _THREAD_RECORDS
            writes = await asyncio.to_thread(_writes, catalogue, state) if is_long else _writes(catalogue, state)
            records = catalogue.view.records
            expected = {write.key: _modified(records.get(write.key)) for write in writes}
            note = f"rollback to revision {wanted}"
            proposal = Proposal(tuple(writes), expected, call.user.name, note, call.dry_run, newest)
            return Plan(proposal if writes else None, lambda made: answer(outcome(made, catalogue.view.revision)))

        return await carry_out(call, self._desk, plan)

    async def _before_all_after(self, wanted: int) -> tuple[dict[Key, Value | None], int]:
        """Return what each record that later revisions changed was after this one, and the number of the newest.

        Raise Refused where one of them is not kept.
        """
        state: dict[Key, Value | None] = {}
        numbers: list[int] = []
        while True:
            page = await _there(self._desk.revisions(before=numbers[-1] if numbers else None, limit=_AT_ONCE))
            newer = [revision for revision in page if revision.number > wanted]
            state.update(before_all(newer))
            numbers += [revision.number for revision in newer]
            if len(newer) < _AT_ONCE:
                break
        newest = numbers[0] if numbers else self._desk.view.revision
        if wanted > newest or len(numbers) != newest - wanted:
            raise not_found()
        return state, newest if numbers else wanted

    def _shown(self, kept: bytes) -> bytes:
        """Return the answer, made change by change: one large piece would hold the interpreter though it is in a thread."""
        revision, changes = unpack_changes(kept, "the store")
        shown = b",".join(orjson.dumps(self._whole(change)) for change in changes)
        return b'%b,"changes":[%b]}\n' % (orjson.dumps(_head(revision))[:-1], shown)

    def _whole(self, change: Change) -> dict[str, Any]:
        return {**named(change), "before": self._masked(change.before), "after": self._masked(change.after)}

    def _masked(self, record: Record | None) -> Mapping[str, Any] | None:
        return None if record is None else self._masking.masked(record.key, record.value)


def named(change: Change) -> dict[str, str]:
    """Return which record a change is of, and whether it was made, changed or deleted."""
    return _named(touched(change))


def outcome(made: Revision | None, present: int) -> dict[str, Any]:
    """Return what is answered to a change of many records: the revision that it became, the present one where none was made."""
    if made is None:
        return {"revision": present, "changes": []}
    return {"revision": made.number, "changes": [named(change) for change in made.changes]}


def before_all(newer: list[Revision]) -> dict[Key, Value | None]:
    """Return what each record was before all of these revisions, which are given newest first."""
    state: dict[Key, Value | None] = {}
    for revision in newer:
        for change in revision.changes:
            state[change.key] = change.before.value if change.before else None
    return state


async def _there(asked: Awaitable[_T]) -> _T:
    """Return what the store answers. Raise Refused, 503, where it does not."""
    try:
        return await asked
    except StoreUnavailable as error:
        raise unavailable(error) from error


def _named(change: Touched) -> dict[str, str]:
    kind = KINDS.get(change.kind)
    path = kind.path(change.id) if kind else f"/apisix/{change.kind}/{change.id}"
    return {"action": change.action, "key": path}


def _summed(summary: Summary) -> dict[str, Any]:
    return {**_head(summary), "changes": [_named(change) for change in summary.touched], "total": summary.total}


def _head(revision: Revision | Summary) -> dict[str, Any]:
    return {"number": revision.number, "time": revision.time, "author": revision.author, "note": revision.note}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise not_found()
    return int(text)


def _writes(catalogue: Catalogue, state: Mapping[Key, Value | None]) -> list[Write]:
    """Return what makes the records what they were in another state."""
    return [Write(*key, value) for key, value in state.items() if _differs(catalogue, key, value)]


def _differs(catalogue: Catalogue, key: Key, value: Value | None) -> bool:
    record = catalogue.view.records.get(key)
    return not alike(record.value if record else None, value)


def _modified(record: Record | None) -> int | None:
    return record.modified if record else None
