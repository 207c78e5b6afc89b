"""Judging configurations without storing them: one resource, or whole lists."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError, Finding
from ..http.message import Response
from ..schema.resources import STORED_KINDS
from ..schema.tables import Schemas
from ..snapshot import Snapshot
from .answers import Refused
from .assumed import assumed
from .body import WHOLE_LIMIT_BYTES
from .call import Call
from .kinds import KINDS, with_texts_as_ids
from .plugins import kind_named
from .unfiled import Unfiled
from .values import TIMES
from .wording import worded

_PLACE = re.compile(r"(\w+)\[(\d+)\]\.?(.*)", re.DOTALL)
_REFERENCE = re.compile(r"there is no (upstream|service|plugin config|group|consumer group|ssl|consumer) ")
_VERSIONS = "_conf_version"
# Which rules hold is what their ids say.
_TELLING = ("secrets", "plugin_metadata")
_PLACEHOLDER = "to-be-named"

Document = dict[str, list[Any]]


class Validation:
    """Judges what a client might write.

    References to resources and to values are not looked up, as in APISIX: what they mean may come later.
    """

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    async def one(self, call: Call, name: str) -> Response:
        """Answer 200 for a good resource of a kind. Raise Refused with what is wrong with it."""
        kind = kind_named(name)
        if kind is None:
            raise Refused(404, f"Unsupported resource type: {name}")
        item = _prepared(kind, await call.object())
        findings = await self._findings({kind: [item]})
        if findings:
            raise Refused(400, "; ".join(worded(_split(finding)[2]) for finding in findings))
        return Response(200)

    async def all(self, call: Call) -> Response:
        """Answer 200 for a good configuration, lists by kind. Raise Refused with an entry for each thing that is wrong."""
        body = await call.object(WHOLE_LIMIT_BYTES, "invalid request body: empty request body")
        document = {kind: items for kind, items in body.items() if not kind.endswith(_VERSIONS)}
        shapes = [kind for kind, items in document.items() if kind not in KINDS or not isinstance(items, list)]
        if shapes:
            errors = [{"resource_type": kind, "error": _wrong_shape(kind)} for kind in shapes]
        else:
            prepared = {kind: [_prepared(kind, item) for item in items] for kind, items in document.items()}
            errors = [_error(finding, prepared) for finding in await self._findings(prepared)]
        if errors:
            raise Refused(400, {"error_msg": "Configuration validation failed", "errors": errors})
        return Response(200)

    async def _findings(self, document: Document) -> Sequence[Finding]:
        # In a thread, since it may be a whole configuration; nothing of it is opened or kept.
        return await asyncio.to_thread(self._found, document)

    def _found(self, document: Document) -> Sequence[Finding]:
        texts, unfiled = assumed(document), Unfiled(document)
        filed = {kind: items for kind, items in document.items() if kind not in STORED_KINDS}
        wrong = [*texts.findings, *unfiled.findings]
        try:
            Snapshot(filed, self._schemas, records=unfiled.records, references=texts.values)
        except ConfigError as error:
            found = [unfiled.listed(finding) for finding in error.findings if not _REFERENCE.match(finding.message)]
            wrong += [finding for finding in found if not texts.is_about_a_value(finding)]
        return wrong


def _prepared(kind: str, item: Any) -> Any:
    """Return a resource as it would be judged once it is written: ids as text, no times, an id where it needs none yet."""
    if not isinstance(item, Mapping):
        return item
    value = {key: value for key, value in with_texts_as_ids(dict(item)).items() if key not in TIMES}
    return value if KINDS[kind].id_key == "username" or kind in _TELLING else {"id": _PLACEHOLDER, **value}


def _split(finding: Finding) -> tuple[str, int | None, Finding]:
    """Return a finding's kind, index, and itself with its path within the resource."""
    match = _PLACE.fullmatch(finding.path)
    if match is None:
        return finding.path, None, Finding("", finding.message)
    return match[1], int(match[2]), Finding(match[3], finding.message)


def _error(finding: Finding, document: Document) -> dict[str, Any]:
    kind, index, inner = _split(finding)
    error: dict[str, Any] = {"resource_type": kind, "error": worded(inner)}
    if index is None:
        return error
    item = document[kind][index]
    id_ = KINDS[kind].id_of(item) if isinstance(item, Mapping) else None
    named = {} if id_ in (None, _PLACEHOLDER) else {"resource_id": id_}
    return {**error, "index": index, **named}


def _wrong_shape(kind: str) -> str:
    return "must be a list" if kind in KINDS else f"Unsupported resource type: {kind}"
