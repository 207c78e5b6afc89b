"""Predicates of routes in words, and what a request has where they look, as far as either may be shown."""

from __future__ import annotations

from ..environment import holds_environment
from ..http.message import Request
from ..router.variables import variable
from ..secret import MASK
from .veil import Veil

_LOGIC = ("AND", "OR", "!AND", "!OR")
_FILLED_IN = "a value from the environment"
# What is no credential whatever it is. Query, target and parameters are not among them.
_FACTS = frozenset({"request_method", "uri", "host", "scheme", "remote_addr", "server_protocol"})


def spelt(condition: object, veil: Veil) -> str:
    """Return a predicate as it is configured; what a credential is compared with is not shown."""
    if not isinstance(condition, (list, tuple)) or not condition:
        return ""
    if str(condition[0]).upper() in _LOGIC:
        return f"{condition[0]}({', '.join(spelt(part, veil) for part in condition[1:])})"
    asked, *signs, wanted = condition
    return " ".join([str(asked), *map(str, signs), _wanted(str(asked), wanted, veil)])


def present(condition: object, request: Request, veil: Veil) -> str | None:
    """Return what a request has where a predicate looks, None where that is not to be told."""
    if not isinstance(condition, (list, tuple)) or len(condition) < 3 or str(condition[0]).upper() in _LOGIC:
        return None
    asked = str(condition[0])
    kind, _, name = asked.partition("_")
    if asked not in _FACTS and kind not in ("http", "arg"):
        return None
    value = variable(asked)(request, {})
    if value is None:
        return "there is none"
    if _is_hidden(asked, veil) or holds_environment(condition):
        return f"it is {MASK}"
    return f"it is {veil.argument(name, value) if kind == 'arg' else veil.text(value)}"


def _wanted(asked: str, wanted: object, veil: Veil) -> str:
    if holds_environment(wanted):
        return _FILLED_IN
    return MASK if _is_hidden(asked, veil) else veil.text(repr(wanted))


def _is_hidden(asked: str, veil: Veil) -> bool:
    kind, _, name = asked.partition("_")
    return kind == "cookie" or (asked not in _FACTS and veil.hides(name.replace("_", "-")))
