"""Everything at once: each resource of file and store as it is at one revision, which many writes can then be based on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from ..http.message import Response
from .access import unauthorized
from .answers import answer
from .call import Call
from .catalogue import Catalogue, Entry
from .desk import Desk, View
from .kinds import KINDS
from .masking import Masking


class Whole:
    """Answers with all resources; the entity tag is the store's revision, which `If-Match` of many writes asks for."""

    def __init__(self, desk: Desk, masking: Masking) -> None:
        self._desk = desk
        self._masking = masking

    async def read(self, call: Call) -> Response:
        """Answer with everything, secrets masked unless an admin asks for them.

        The private keys of certificates are masked always, and so is all that the environment filled in.
        """
        with_secrets = call.flag("secrets")
        if with_secrets and not call.reads_secrets:
            raise unauthorized("secrets are for role admin")
        # In a thread, so that requests go on meanwhile.
        return await asyncio.to_thread(self._answer, self._desk.view, with_secrets=with_secrets)

    def _answer(self, view: View, *, with_secrets: bool) -> Response:
        shown = list(self._shown(Catalogue(view), with_secrets=with_secrets))
        return answer({"revision": view.revision, "list": shown}, headers={"etag": f'"{view.revision}"'})

    def _shown(self, catalogue: Catalogue, *, with_secrets: bool) -> Iterator[dict[str, Any]]:
        for kind in KINDS.values():
            for entry in catalogue.all(kind):
                yield {
                    "kind": kind.name,
                    "id": entry.id,
                    "source": "file" if entry.file else "store",
                    "value": self._value(entry, with_secrets=with_secrets),
                }

    def _value(self, entry: Entry, *, with_secrets: bool) -> Any:
        if with_secrets and not entry.file and entry.kind.name != "ssls":
            return entry.value
        return self._masking.covered(entry.key, entry.value)
