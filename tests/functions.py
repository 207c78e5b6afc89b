"""A vendor's plugin for tests of what all function plugins have: it says of a few statuses what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from phasegate import Exchange, FunctionFailed, Response
from phasegate.faas import Answer, FunctionPlugin, Repeat
from phasegate.testing import FakeUpstream, RunningGateway
from phasegate.testing.fixtures import GatewayMaker

_MEANING: dict[int, Repeat] = {429: "always", 500: "if_idempotent", 501: "never"}


@dataclass(kw_only=True)
class Functions(FunctionPlugin):
    """429 says that the function did not run, 500 that nobody knows, 501 that it is in vain; `retry-after` is heeded."""

    name: ClassVar[str] = "functions"
    schema: ClassVar[dict[str, Any]] = FunctionPlugin.schema

    async def accept(self, answer: Answer, exchange: Exchange) -> Response | None:
        if answer.status not in _MEANING:
            return answer
        asked = answer.headers.get("retry-after")
        raise FunctionFailed(
            f"the service says {answer.status}",
            status=answer.status,
            headers={"retry-after": asked} if asked else {},
            repeat=_MEANING[answer.status],
            wait_seconds=float(asked) if asked else None,
        )


def route(url: str, uri: str = "/*", **config: Any) -> dict[str, Any]:
    """Return a route that calls the function at a URL."""
    return {"id": uri.strip("/*") or "r", "uri": uri, "plugins": {"functions": {"function_uri": url, **config}}}


async def started(start_gateway: GatewayMaker, upstream: FakeUpstream, **config: Any) -> RunningGateway:
    """Start a gateway with one route, to a function at an upstream."""
    return await start_gateway({"routes": [route(upstream.url, **config)]}, [Functions])
