"""The endpoints of resources: which verb on which path does what."""

from __future__ import annotations

from collections.abc import Sequence

from ..http.message import Response
from .answers import Refused, answer, not_found
from .call import Call
from .deleting import delete
from .desk import Desk
from .kinds import KINDS, Kind
from .masking import Masking
from .reads import Reader
from .values import Values
from .writes import Writer

METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")


class Resources:
    """Answers for every kind of resource."""

    def __init__(self, desk: Desk, masking: Masking, values: Values) -> None:
        self._desk = desk
        self._masking = masking
        self._reader = Reader(desk, masking)
        self._writer = Writer(desk, masking, values)

    async def answer(self, call: Call) -> Response:
        """Answer a request for a resource or a list of them. Raise Refused."""
        name, *rest = call.segments
        if name in ("consumers", "secrets") and len(rest) >= 2:
            return await self._nested(call, name, rest)
        if name == "credentials" or name not in KINDS:
            raise Refused(404, f"Unsupported resource type: {name}")
        kind = KINDS[name]
        return await self._answer(call, kind, rest[0] if rest else None, rest[1:])

    async def _nested(self, call: Call, name: str, rest: Sequence[str]) -> Response:
        """Answer for kinds whose ids have two parts, which are credentials and secrets; for others see a path within."""
        if name == "secrets":
            return await self._answer(call, KINDS["secrets"], f"{rest[0]}/{rest[1]}", rest[2:])
        if rest[1] != "credentials":
            return await self._answer(call, KINDS["consumers"], rest[0], rest[1:])
        kind = KINDS["credentials"]
        if len(rest) > 2:
            return await self._answer(call, kind, f"{rest[0]}/{rest[2]}", rest[3:])
        return await self._credentials(call, kind, rest[0])

    async def _credentials(self, call: Call, kind: Kind, username: str) -> Response:
        if call.method != "GET":
            return await self._answer(call, kind, None, ())
        return await self._reader.credentials(call, username)

    async def _answer(self, call: Call, kind: Kind, id_: str | None, path: Sequence[str]) -> Response:
        if call.method not in METHODS or (call.method == "POST" and not kind.posts):
            allowed = [method for method in METHODS if method != "POST" or kind.posts]
            reason = f"not supported `{call.method}` method for {kind.noun}"
            raise Refused(405, reason, {"allow": ", ".join(["HEAD", *allowed])})
        if path and call.method != "PATCH":
            raise not_found()
        if not kind.built:
            return _not_built(call, kind, id_)
        return await self._verb(call, kind, id_, path)

    async def _verb(self, call: Call, kind: Kind, id_: str | None, path: Sequence[str]) -> Response:
        match call.method:
            case "GET":
                return await self._reader.all(call, kind) if id_ is None else self._reader.one(call, kind, id_)
            case "PUT":
                return await self._writer.put(call, kind, id_)
            case "POST":
                return await self._writer.post(call, kind, id_)
            case "PATCH":
                return await self._writer.patch(call, kind, id_, path)
        return await delete(call, self._desk, self._masking, kind, id_)


def _not_built(call: Call, kind: Kind, id_: str | None) -> Response:
    if call.method != "GET":
        raise Refused(400, f"{kind.name} are not supported in this version")
    if id_ is not None:
        raise not_found()
    return answer({"list": [], "total": 0})
