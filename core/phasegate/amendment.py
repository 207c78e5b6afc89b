"""What `_meta` adds to a plugin on one resource: the requests that it runs for, and another body for its refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import RequestError
from .exchange import Exchange
from .http.message import Response
from .plugin import Outcome

Call = Callable[..., Awaitable[Any]]

# No plugin can have this name.
_STATE = "_meta"
_NOT_TAKEN = "No credential is taken for this request"
_ANSWERING = ("rewrite", "access")


@dataclass(frozen=True, slots=True)
class Amendment:
    """A filter and a body, of which either may be None. Steps are amended at load: others are what they were.

    `key` names the plugin on its resource, so that all its phases, in every pipeline that a request goes through, do as the
    first one found.
    """

    key: Hashable
    holds: Callable[[Exchange], bool] | None = None
    instead: tuple[str, bytes] | None = None

    def of(self, plugin: str, hook: str, call: Call) -> Call:
        """Return a plugin's phase as it is amended."""
        if self.instead is not None:
            call = self._authenticating(call) if hook == "authenticate" else self._answering(call, hook in _ANSWERING)
        if self.holds is not None:
            call = self._filtered(call, self._skipped(plugin) if hook == "authenticate" else None)
        return call

    def _filtered(self, call: Call, skipped: Outcome | None) -> Call:
        async def filtered(exchange: Exchange, *arguments: Any) -> Any:
            return await call(exchange, *arguments) if self._runs(exchange) else skipped

        return filtered

    def _runs(self, exchange: Exchange) -> bool:
        decided: dict[Hashable, bool] = exchange.state.setdefault(_STATE, {})
        if self.key not in decided:
            decided[self.key] = self.holds is None or self.holds(exchange)
        return decided[self.key]

    def _skipped(self, plugin: str) -> Outcome:
        """Return what an auth plugin says that is not asked: never that somebody may go on."""
        return Outcome.absent(_NOT_TAKEN, challenge=f'{plugin} realm="{plugin}"')._replace(instead=self.instead)

    def _answering(self, call: Call, is_its_own: bool) -> Call:  # noqa: FBT001 (asked once, above)
        """Replace the body of an error that the plugin raises, and of an answer that `is_its_own` where that refuses."""

        async def answering(exchange: Exchange, *arguments: Any) -> Any:
            try:
                response = await call(exchange, *arguments)
            except RequestError as error:
                error.instead = self.instead
                raise
            if is_its_own and isinstance(response, Response) and response.status >= 400 and self.instead:
                response.headers["content-type"], response.body = self.instead
            return response

        return answering

    def _authenticating(self, call: Call) -> Call:
        async def authenticating(exchange: Exchange) -> Any:
            try:
                outcome = await call(exchange)
            except RequestError as error:
                error.instead = self.instead
                raise
            return outcome._replace(instead=self.instead) if isinstance(outcome, Outcome) else outcome

        return authenticating


def body_instead(error_response: str | Mapping[str, object]) -> tuple[str, bytes]:
    """Return the content type and body of a configured `error_response`: text as it is, an object as JSON."""
    if isinstance(error_response, str):
        return "text/plain; charset=utf-8", error_response.encode()
    return "application/json", orjson.dumps(error_response, option=orjson.OPT_NON_STR_KEYS)
