"""`phasegate check` and `routes`: what a configuration means, without serving it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from ..forward import node_address
from ..model import Route, Upstream
from ..plugin import Plugin
from ..registry import Registry
from ..schema.tables import Schemas
from .folder import judged, source
from .run import load
from .table import table

_CONF = Path("conf")
_directory = click.argument("directory", type=click.Path(path_type=Path), default=_CONF)


@click.command()
@_directory
def check(directory: Path) -> None:
    """Judge a configuration folder as `run` would.

    Says every error with its path. DIRECTORY is the folder that holds gateway.yaml, conf by default. What its store holds
    is judged with the file where the store is there already. The exit code is 0 when the folder can be served and 1 when
    not; warnings do not change it, such as that of an etcd that can't be reached.
    """
    settings, schemas = load(directory)
    found = asyncio.run(judged(settings, schemas))
    for doubt in found.doubts:
        click.echo(f"warning: {settings.path}: {doubt}")
    for warning in found.snapshot.warnings:
        click.echo(f"warning: {source(warning, settings.file)}: {warning}")
    counts = [
        _counted(len(found.snapshot.routes), "route"),
        _counted(len(settings.plugins), "plugin"),
        _counted(settings.workers, "worker"),
    ]
    if found.contents.records:
        counts.append(f"{_counted(len(found.contents.records), 'record')} of the store")
    click.echo(f"{directory}: ok ({', '.join(counts)})")


@click.command()
@_directory
def routes(directory: Path) -> None:
    """List what the routes match and where they lead.

    DIRECTORY is the folder that holds gateway.yaml, conf by default. Plugins stand in the order in which they run. Where
    the store holds something, too, each route is told to come from it or from the file.
    """
    settings, schemas = load(directory)
    found = asyncio.run(judged(settings, schemas))
    for doubt in found.doubts:
        click.echo(f"warning: {settings.path}: {doubt}", err=True)
    header = ["id", "host", "uri", "methods", "conditions", "priority", "plugins", "goes to"]
    rows = [_route_row(route, schemas) for route in found.snapshot.routes]
    if found.contents.records:
        header.insert(1, "from")
        for row, route in zip(rows, found.snapshot.routes, strict=True):
            row.insert(1, "file" if route.source == "file" else "store")
    click.echo(table(header, rows))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _route_row(route: Route, schemas: Schemas) -> list[str]:
    conditions = [*route.remote_addrs, *(["vars"] if route.vars else [])]
    return [
        route.id,
        ", ".join(route.hosts) or "any",
        ", ".join(route.uris),
        ", ".join(sorted(route.methods)) or "any",
        ", ".join(conditions) or "-",
        str(route.priority),
        ", ".join(_plugin_names(route, schemas)) or "-",
        _destination(route, schemas),
    ]


def _plugin_names(route: Route, schemas: Schemas) -> list[str]:
    entries = [entry for entry in route.plugins if not entry.disabled]
    classes = schemas.registry.classes

    def order(name: str, priority: int | None) -> int:
        return -(classes[name].priority if priority is None else priority)

    return [entry.name for entry in sorted(entries, key=lambda entry: order(entry.name, entry.priority))]


def _destination(route: Route, schemas: Schemas) -> str:
    for entry in route.plugins:
        instance: Plugin = schemas.plugins.instance(entry.name, entry.config)
        target = instance.destination()
        if target is not None and not entry.disabled:
            return target
    if route.upstream is not None:
        return _nodes(route.upstream)
    answering = [name for name in _plugin_names(route, schemas) if _may_answer(name, schemas.registry)]
    return f"plugin {answering[0]}" if answering else "nowhere"


def _may_answer(name: str, registry: Registry) -> bool:
    return bool({"rewrite", "access", "proxy"} & set(registry.phases(registry.classes[name])))


def _nodes(upstream: Upstream) -> str:
    return ", ".join(f"{upstream.scheme}://{node_address(node)}" for node in upstream.nodes)
