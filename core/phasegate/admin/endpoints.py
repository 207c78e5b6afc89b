"""Every endpoint of the Admin API: what stands in this table, and the resources for all else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from ..http.message import Response
from ..schema.published import PublishedSchemas
from ..schema.tables import Schemas
from ..settings import AdminKey
from .answers import Refused
from .call import Call
from .changes import Changes
from .desk import Desk
from .explaining import Explaining
from .hashing import Hashing
from .history import History
from .masking import Masking
from .openapi import Description
from .plugins import Plugins
from .resources import Resources
from .validation import Validation
from .values import Values
from .whole import Whole

Handler = Callable[..., Awaitable[Response]]


class Endpoints:
    """Finds who answers a request."""

    def __init__(self, desk: Desk, schemas: Schemas, explaining: Explaining, keys: Sequence[AdminKey] = ()) -> None:
        masking = Masking(schemas, keys)
        values = Values(masking, Hashing(schemas))
        plugins, validation = Plugins(schemas), Validation(schemas)
        history, changes = History(desk, masking), Changes(desk, masking, values)
        self._resources = Resources(desk, masking, values)
        self.table: dict[str, dict[str, Handler]] = {
            "openapi.json": {"GET": Description(PublishedSchemas(schemas.registry)).whole},
            "plugins": {"GET": plugins.all},
            "plugins/list": {"GET": plugins.names},
            "plugins/reload": {"PUT": plugins.reload},
            "plugins/{}": {"GET": plugins.schema},
            "schema/plugins/{}": {"GET": plugins.schema},
            "schema/validate/{}": {"POST": validation.one},
            "schema/{}": {"GET": plugins.kind_schema},
            "configs/validate": {"POST": validation.all},
            "changes": {"GET": Whole(desk, masking).read, "POST": changes.make},
            "revisions": {"GET": history.newest},
            "revisions/{}": {"GET": history.one},
            "revisions/{}/rollback": {"POST": history.rollback},
            "explain": {"POST": explaining.ask},
            "explain/tokens": {"POST": explaining.token},
            "explain/requests/{}": {"GET": explaining.fetch},
        }

    async def answer(self, call: Call) -> Response:
        """Answer a request. Raise Refused."""
        if not call.segments:
            raise Refused(404, "404 Not Found")
        for pattern, handlers in self.table.items():
            arguments = _match(pattern, call.segments)
            if arguments is not None:
                return await _handler(handlers, call)(call, *arguments)
        return await self._resources.answer(call)


def _match(pattern: str, segments: tuple[str, ...]) -> list[str] | None:
    """Return what stands where the pattern has `{}`, None where it does not match."""
    parts = pattern.split("/")
    if len(parts) != len(segments):
        return None
    pairs = list(zip(parts, segments, strict=True))
    if any(part not in ("{}", segment) for part, segment in pairs):
        return None
    return [segment for part, segment in pairs if part == "{}"]


def _handler(handlers: dict[str, Handler], call: Call) -> Handler:
    if call.method not in handlers:
        allowed = sorted({*handlers, *(("HEAD",) if "GET" in handlers else ())})
        raise Refused(405, f"not supported `{call.method}` method here", {"allow": ", ".join(allowed)})
    return handlers[call.method]
