"""DELETE of one resource, and what goes with it."""

from __future__ import annotations

from typing import Any

from ..http.message import Response
from ..store.records import Key, Write
from .answers import Refused, answer, not_found
from .call import Call
from .catalogue import Catalogue, Entry
from .desk import Desk, Proposal
from .kinds import Kind
from .masking import Masking
from .patching import replaced
from .preconditions import judge
from .proposing import Plan, carry_out
from .references import still_used, users
from .values import judge_owner

Changed = dict[Key, tuple[Entry, dict[str, Any]]]

# A route without the plugins of these may let in whom it should not: it is switched off when it loses one.
_GUARDS = ("services", "plugin_configs")


async def delete(call: Call, desk: Desk, masking: Masking, kind: Kind, id_: str | None) -> Response:
    """Delete a resource: a consumer with its credentials; with `force` out of what refers to it, too."""
    if id_ is None:
        raise Refused(400, f"missing {kind.noun} id")
    force = call.flag("force")

    async def plan(catalogue: Catalogue) -> Plan:
        gone = catalogue.find(kind, id_)
        if gone is None:
            judge(call.request, None)
            raise not_found()
        judge(call.request, masking.etag(gone))
        # Where the file has one of that id too, everything that belongs to it stays.
        stays = catalogue.filed(kind, id_) is not None
        entries = [gone, *([] if stays or kind.name != "consumers" else catalogue.credentials(id_))]
        for entry in entries:
            judge_owner(entry)
        changed = {} if stays else _detached(gone, catalogue, force=force)
        writes = [Write(entry.kind.name, entry.id, None) for entry in entries]
        writes += [Write(entry.kind.name, entry.id, value) for entry, value in changed.values()]
        expected = {entry.key: entry.modified for entry in entries}
        expected |= {key: entry.modified for key, (entry, _) in changed.items()}
        proposal = Proposal(tuple(writes), expected, call.user.name, call.note, call.dry_run)
        return Plan(proposal, lambda _: answer({"deleted": "1", "key": kind.path(id_)}))

    return await carry_out(call, desk, plan)


def _detached(gone: Entry, catalogue: Catalogue, *, force: bool) -> Changed:
    """Return what refers to the resource, each without its reference. Raise Refused where that is not to be."""
    changed: Changed = {}
    for user, field in users(gone, catalogue):
        if not force:
            raise Refused(400, still_used(gone, user))
        if user.file:
            raise Refused(400, f"{still_used(gone, user)}, in the file {user.file}, which force does not change")
        if gone.kind.name == "consumer_groups":
            raise Refused(400, f"{still_used(gone, user)}, and would lose its plugins: take {field} out of it first")
        _, before = changed.get(user.key, (user, dict(user.value)))
        closed = {"status": 0} if gone.kind.name in _GUARDS and user.kind.name == "routes" else {}
        changed[user.key] = (user, {**replaced(before, field.split("."), None), **closed})
    return changed
