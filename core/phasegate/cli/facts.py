"""What a route does with its requests, and in words how that changes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..environment import holds_environment
from ..store.records import Value
from .landscape import Landscape
from .plan import FILLED_IN

_SHOWN_NODES = 3
_SILENT = frozenset({"name", "desc", "labels"})
# What other sentences tell of.
_TOLD = frozenset(
    {"id", "uri", "uris", "host", "hosts", "methods", "status", "plugins", "plugin_config_id", "service_id", "upstream"}
    | {"upstream_id", "create_time", "update_time"}
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Where requests go, through which plugins, and the route's other keys; `upstream` is all that is said of theirs."""

    goes_to: str
    plugins: Mapping[str, Any] = field(repr=False)
    upstream: Value | None = field(repr=False)
    rest: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, route: Value, landscape: Landscape) -> Facts:
        """Return the facts of a route."""
        plugins, upstream = landscape.plugins(route), landscape.upstream(route)
        rest = {key: value for key, value in route.items() if key not in _TOLD | _SILENT}
        return cls(_destination(plugins, upstream), plugins, upstream, rest)


def differences(before: Facts, after: Facts, auth: Collection[str]) -> Iterator[str]:
    """Yield what is different for requests, a sentence without its subject each; `auth` names the plugins that let in."""
    moved = before.goes_to != after.goes_to
    if moved:
        yield f"goes to {after.goes_to} instead of {before.goes_to}"
    elif before.upstream != after.upstream:
        yield "is sent to its upstream by other settings"
    old, new = before.plugins, after.plugins
    yield from _by_plugins(*((_without_targets(old), _without_targets(new)) if moved else (old, new)), auth=auth)
    for key in dict.fromkeys((*before.rest, *after.rest)):
        if before.rest.get(key) != after.rest.get(key):
            yield f"has another {key}" if key in before.rest and key in after.rest else _came_or_went(key, after.rest)


def needs(facts: Facts, auth: Collection[str]) -> list[str]:
    """Return the plugins that callers have to satisfy."""
    return sorted(name for name in facts.plugins if name in auth)


def _by_plugins(before: Mapping[str, Any], after: Mapping[str, Any], *, auth: Collection[str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        is_auth = name in auth
        if name not in before:
            yield f"needs {name} from now on" if is_auth else f"runs through {name} from now on"
        elif name not in after:
            free = is_auth and not any(other in auth for other in after)
            yield _without(name, is_auth=is_auth, free=free)
        elif before[name] != after[name]:
            yield f"runs through {name} with another configuration"


def _without_targets(plugins: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: item for key, item in config.items() if key != "function_uri"}
        if isinstance(config, Mapping)
        else config
        for name, config in plugins.items()
    }


def _without(name: str, *, is_auth: bool, free: bool) -> str:
    if not is_auth:
        return f"does not run through {name} any more"
    return f"does not need {name} any more" + (": anybody may call it" if free else "")


def _came_or_went(key: str, after: Mapping[str, Any]) -> str:
    return f"has a {key} from now on" if key in after else f"has no {key} any more"


def _destination(plugins: Mapping[str, Any], upstream: Value | None) -> str:
    for config in plugins.values():
        uri = config.get("function_uri") if isinstance(config, Mapping) else None
        if isinstance(uri, str):
            # What stands behind the question mark can be a key.
            return FILLED_IN if holds_environment(uri) else uri.partition("?")[0]
    if upstream is not None:
        return _nodes(upstream)
    return "what its plugins answer" if plugins else "nowhere"


def _nodes(upstream: Value) -> str:
    nodes = upstream.get("nodes")
    if holds_environment(nodes):
        return FILLED_IN
    weights = nodes if isinstance(nodes, Mapping) else dict(_listed(nodes))
    even = len({*weights.values()}) <= 1
    scheme = upstream.get("scheme", "http")
    shown = [f"{scheme}://{node}" + ("" if even else f" ({weight})") for node, weight in weights.items()]
    more = len(shown) - _SHOWN_NODES
    return ", ".join(shown[:_SHOWN_NODES]) + (f" and {more} more nodes" if more > 0 else "") if shown else "nowhere"


def _listed(nodes: Any) -> Iterator[tuple[str, Any]]:
    for node in nodes if isinstance(nodes, (list, tuple)) else ():
        port = f":{node['port']}" if node.get("port") is not None else ""
        yield f"{node.get('host')}{port}", node.get("weight")
