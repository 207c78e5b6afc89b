"""Which requests a shared resource has a say in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..store.records import Value
from . import names
from .landscape import Landscape, several
from .plan import Change


@dataclass(frozen=True, slots=True)
class Touched:
    """What a change touches, in words, and the ids of the routes that are concerned."""

    words: str
    routes: tuple[str, ...] = ()


def touched(change: Change, before: Landscape, after: Landscape, auth: Collection[str]) -> Touched:
    """Return what a change of anything but a route touches; `auth` names the plugins that let callers in."""
    match change.kind:
        case "services" | "upstreams" | "plugin_configs":
            routes = _routes(before, after, lambda scape, route: scape.uses(route, change.key))
            return Touched(f"touches {names.routes(routes)}", routes)
        case "consumers" | "credentials":
            return Touched(_of_caller(change, before, after, auth))
        case _:
            return Touched(_WORDS[change.kind](change, before, after))


def _of_metadata(change: Change, before: Landscape, after: Landscape) -> str:
    return f"touches {names.routes(_running(before, after, {change.id}))}"


def _of_group(change: Change, before: Landscape, after: Landscape) -> str:
    members = _members(before, after, change.id)
    return f"touches requests of {names.several(members)}" if members else "touches nobody: it has no members"


def _of_certificate(change: Change, before: Landscape, after: Landscape) -> str:
    values = [scape.resources.get(change.key) or {} for scape in (before, after)]
    found = dict.fromkeys(name for value in values for name in several(value, "sni", "snis"))
    return f"touches TLS connections to {names.several(found)}"


def _of_rule(change: Change, before: Landscape, after: Landscape) -> str:
    old, new = (_plugins(scape.resources.get(change.key)) for scape in (before, after))
    stopped, started = sorted(old.keys() - new.keys()), sorted(new.keys() - old.keys())
    kept = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    parts = [f"runs through {', '.join(started)} from now on"] if started else []
    parts += [f"does not run through {', '.join(stopped)} any more"] if stopped else []
    parts += [f"runs through {', '.join(kept)} with another configuration"] if kept else []
    return f"every request {' and '.join(parts)}" if parts else "nothing changes for requests"


def _of_caller(change: Change, before: Landscape, after: Landscape, auth: Collection[str]) -> str:
    name, _, credential = change.id.partition("/")
    old, new = before.resources.get(change.key), after.resources.get(change.key)
    plugins = {plugin for value in (old, new) for plugin in _plugins(value) if plugin in auth}
    routes = names.routes(_running(before, after, plugins))
    who = f"{name} with credential {credential}" if credential else name
    if change.action == "update":
        return f"touches requests of {who} to {routes}"
    if not plugins:
        return f"touches no route: {who} has no credential in it"
    return f"{who} may call {routes}" if change.action == "create" else f"{who} may not call {routes} any more"


def _of_manager(change: Change, before: Landscape, after: Landscape) -> str:
    start = f"$secret://{change.id}/"
    users = {key for scape in (before, after) for key, value in scape.resources.items() if _holds(value, start)}
    return (
        f"touches the secrets of {names.several(sorted('/'.join(key) for key in users))}"
        if users
        else "touches no secret"
    )


def _holds(value: Any, start: str) -> bool:
    if isinstance(value, str):
        return value.startswith(start)
    items = value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ()
    return any(_holds(item, start) for item in items)


def _running(before: Landscape, after: Landscape, plugins: Collection[str]) -> tuple[str, ...]:
    return _routes(before, after, lambda scape, route: not scape.plugins(route).keys().isdisjoint(plugins))


def _routes(before: Landscape, after: Landscape, concerns: Callable[[Landscape, Value], bool]) -> tuple[str, ...]:
    """Return the routes that are concerned before or after."""
    found: Iterator[str] = (
        id_ for scape in (before, after) for id_, route in scape.of("routes") if concerns(scape, route)
    )
    return tuple(dict.fromkeys(found))


def _members(before: Landscape, after: Landscape, group: str) -> list[str]:
    found = (id_ for scape in (before, after) for id_, value in scape.of("consumers") if value.get("group_id") == group)
    return list(dict.fromkeys(found))


def _plugins(value: Value | None) -> Mapping[str, Any]:
    found = (value or {}).get("plugins")
    return found if isinstance(found, Mapping) else {}


_WORDS: Mapping[str, Callable[[Change, Landscape, Landscape], str]] = {
    "plugin_metadata": _of_metadata,
    "global_rules": _of_rule,
    "consumer_groups": _of_group,
    "ssls": _of_certificate,
    "secrets": _of_manager,
}
