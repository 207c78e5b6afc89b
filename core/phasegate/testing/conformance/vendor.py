"""What the suite has to be told of a vendor: how to configure its plugin, and how its functions speak on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ...faas import FunctionPlugin
from ..fixtures import GatewayMaker
from ..gateway import RunningGateway
from ..upstream import FakeUpstream, Received, Reply

Part = Literal["method", "path", "query", "headers", "body"]
Fields = list[tuple[str, str]]

EVERYTHING: frozenset[Part] = frozenset({"method", "path", "query", "headers", "body"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request as a function sees it. `path` is what stands under the route's `*`; names of `headers` are in lower case."""

    method: str
    path: str
    query: str
    headers: Fields
    body: bytes

    def values(self, name: str) -> list[str]:
        """Return the values of a field, however they were joined."""
        found = ",".join(value for other, value in self.headers if other == name)
        return [value.strip() for value in found.split(",") if value.strip()]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a function answers."""

    status: int = 200
    headers: Fields = field(default_factory=list)
    body: bytes = b""


class Vendor:
    """What a subclass says of its plugin. Only `plugin` and `config` have to be said of a plain HTTP function."""

    plugin: ClassVar[type[FunctionPlugin]]
    """The plugin's class."""
    secrets: ClassVar[tuple[str, ...]] = ()
    """The secrets that `config` holds: no log and no answer may show them."""
    credential_fields: ClassVar[tuple[str, ...]] = ()
    """The headers that carry our credentials, in lower case: a client's own must not arrive there."""
    credential_parameters: ClassVar[tuple[str, ...]] = ()
    """The parameters that the plugin adds to the query, such as a signature: a client's own must not arrive there, and
    `seen` leaves ours out."""
    carries: ClassVar[frozenset[Part]] = EVERYTHING
    """The parts of a request that reach the function."""
    streams: ClassVar[bool] = True
    """Whether the answer reaches the client while the function still makes it."""
    route_prefix: ClassVar[str] = "/conformance/"
    """What stands before the `*` of the route."""
    function_path: ClassVar[str] = "/fn"
    """The path of the function, where `config` has it and `seen` takes it away."""

    def config(self, url: str) -> Mapping[str, Any]:
        """Return a configuration with credentials, for a function at a URL of scheme, host and port."""
        raise NotImplementedError

    def seen(self, received: Received) -> Seen:
        """Return what the function sees of a request that left the gateway. By default the request itself is what it sees."""
        path, _, query = received.target.partition("?")
        return Seen(
            method=received.method,
            path=path.removeprefix(f"{self.function_path}/"),
            query="&".join(
                pair for pair in query.split("&") if pair.partition("=")[0] not in self.credential_parameters
            ),
            headers=received.headers,
            body=received.body,
        )

    def reply(self, answered: Answered) -> Reply:
        """Return how a function's answer looks on the wire. By default the answer itself is what comes."""
        return Reply(status=answered.status, headers=answered.headers, body=answered.body)

    def streamed(self, *parts: bytes) -> Reply:
        """Return how an answer that streams these parts as plain text looks on the wire. By default each is a chunk."""
        return Reply(headers={"content-type": "text/plain"}, pieces=parts)

    def spelling(self, path: str) -> str:
        """Return how the function sees a path, where its service wants paths spelled in a way of its own."""
        return path

    def document(self, url: str, **changes: Any) -> dict[str, Any]:
        """Return a gateway's document with one route, which the function at `url` answers."""
        plugins = {self.plugin.name: {**self.config(url), **changes}}
        return {"routes": [{"id": "function", "uri": f"{self.route_prefix}*", "plugins": plugins}]}

    async def started(self, start_gateway: GatewayMaker, upstream: FakeUpstream, **changes: Any) -> RunningGateway:
        """Run a gateway whose route is answered by the function at an upstream."""
        return await start_gateway(self.document(upstream.url, **changes), [self.plugin])
