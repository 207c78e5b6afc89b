"""GET of one resource, and of the list of a kind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from ..http.message import Response
from ..http.query import Query
from ..store.records import Value
from .answers import Refused, answer, not_found
from .call import Call
from .catalogue import Catalogue, Entry
from .desk import Desk
from .kinds import KINDS, Kind
from .masking import Masking

_PAGE_SIZES = (10, 500)
_THREAD_RECORDS = 500
_FILTERS = ("name", "uri", "label", "filter")
_FILTERED = ("service_id", "upstream_id")


class Reader:
    """Shows resources, to each reader what its role may see."""

    def __init__(self, desk: Desk, masking: Masking) -> None:
        self._desk = desk
        self._masking = masking

    def one(self, call: Call, kind: Kind, id_: str) -> Response:
        """Answer with a resource. Raise Refused, 404, where there is none."""
        entry = Catalogue(self._desk.view).find(kind, id_)
        if entry is None:
            raise not_found()
        origin = {"x-phasegate-file": entry.file} if entry.file.isascii() and entry.file else {}
        return answer(self._shown(call, entry), headers={"etag": self._masking.etag(entry), **origin})

    async def all(self, call: Call, kind: Kind) -> Response:
        """Answer with the resources of a kind that match the query's filters, a page of them if the query asks for one."""
        catalogue = Catalogue(self._desk.view)
        return await self._listed(call, catalogue, lambda: catalogue.all(kind))

    async def credentials(self, call: Call, username: str) -> Response:
        """Answer as `all` does with the credentials of a consumer. Raise Refused, 404, where there is no such consumer."""
        catalogue = Catalogue(self._desk.view)
        if catalogue.find(KINDS["consumers"], username) is None:
            raise Refused(404, "consumer not found")
        return await self._listed(call, catalogue, lambda: catalogue.credentials(username))

    async def _listed(self, call: Call, catalogue: Catalogue, entries: Callable[[], Iterable[Entry]]) -> Response:
        def listed() -> Response:
            query = call.request.query
            filtered = any(name in query for name in _FILTERS)
            # By what the reader may see: a filter that matched what is masked would tell it, letter by letter.
            found = [entry for entry in entries() if not filtered or _matches(self._value(call, entry), query)]
            page = [self._shown(call, entry) for entry in _page(call, found)]
            tag = f'"{catalogue.view.revision}"'
            return answer({"list": page, "total": len(found)}, headers={"etag": tag})

        # Long ones in a thread, so that requests go on meanwhile.
        return listed() if len(catalogue.view.records) < _THREAD_RECORDS else await asyncio.to_thread(listed)

    def _shown(self, call: Call, entry: Entry) -> dict[str, Any]:
        return entry.shown(self._value(call, entry))

    def _value(self, call: Call, entry: Entry) -> Value:
        show = self._masking.readable if call.reads_secrets else self._masking.masked
        return show(entry.key, entry.value)


def _page(call: Call, entries: list[Entry]) -> list[Entry]:
    query = call.request.query
    if "page" not in query and "page_size" not in query:
        return entries
    page = call.number("page", 1)
    size = call.number("page_size", _PAGE_SIZES[0], least=_PAGE_SIZES[0], most=_PAGE_SIZES[1])
    return entries[(page - 1) * size : page * size]


def _matches(value: Value, query: Query) -> bool:
    name, uri, label = query.get("name"), query.get("uri"), query.get("label")
    wanted = parse_qsl(query.get("filter") or "")
    return (
        (name is None or name in str(value.get("name", value.get("username", ""))))
        and (uri is None or any(uri in str(item) for item in (value.get("uri", ""), *value.get("uris", ()))))
        and (label is None or _has_label(value.get("labels"), label))
        and all(str(value.get(key)) == text for key, text in wanted if key in _FILTERED)
    )


def _has_label(labels: object, wanted: str) -> bool:
    """Tell whether a label of that name is there, or with `name:text` one that says just that."""
    if not isinstance(labels, Mapping):
        return False
    name, separator, text = wanted.partition(":")
    return wanted in labels or (bool(separator) and labels.get(name) == text)
