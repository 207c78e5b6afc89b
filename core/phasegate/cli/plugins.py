"""`phasegate plugins`: what is installed, what is enabled, and where it is used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import orjson

from ..errors import ConfigError, Finding
from ..multi_auth import MultiAuth, inside
from ..registry import Installed, Registry, installed
from ..schema.published import PARTS, PublishedSchemas
from .folder import Judged, judged
from .names import several
from .run import load
from .table import table

_CONF = Path("conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One installed plugin, as `--json` has it. `schemas` are JSON Schemas by part; `error` says why it can't be loaded."""

    name: str
    distribution: str
    version: str
    enabled: bool
    priority: int | None = None
    phases: tuple[str, ...] = ()
    schemas: Mapping[str, Any] | None = None
    used_by: tuple[str, ...] | None = None
    error: str | None = None


@click.command()
@click.option(
    "--conf",
    "directory",
    type=click.Path(path_type=Path),
    default=_CONF,
    show_default=True,
    help="The folder that holds gateway.yaml: which plugins it enables, and where they are used.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with the plugins' whole schemas.")
def plugins(directory: Path, *, as_json: bool) -> None:
    """List the installed plugins.

    Says of each which distribution it comes from, its priority and phases, the keys that its configuration must have
    and how many others it takes, and with a configuration folder whether it is enabled there, and by which resources it is used.
    """
    asked_for_one = directory != _CONF or directory.is_dir()
    enabled, used = _of_folder(directory) if asked_for_one else ((), None)
    listed = [_listed(found, enabled, used) for candidates in installed().values() for found in candidates]
    if as_json:
        text = orjson.dumps([asdict(one) for one in listed], option=orjson.OPT_INDENT_2, default=str)
        click.echo(text.decode())
        return
    header = ["name", "enabled", "from", "priority", "phases", "keys", *(["used by"] if used is not None else [])]
    click.echo(table(header, [_row(one) for one in listed]))


def _of_folder(directory: Path) -> tuple[tuple[str, ...], dict[str, list[str]] | None]:
    """Return what a folder enables, and by plugin which resources use it; None where what it serves is not valid."""
    settings, schemas = load(directory)
    try:
        found = asyncio.run(judged(settings, schemas))
    except ConfigError:
        message = f"warning: where plugins are used can't be told: `phasegate check {directory}` says why"
        click.echo(message, err=True)
        return settings.plugins, None
    used: dict[str, list[str]] = {}
    for resource, name in _uses(found):
        used.setdefault(name, []).append(resource)
    return settings.plugins, used


def _uses(found: Judged) -> Iterator[tuple[str, str]]:
    """Yield each resource, of file and store, with the name of each plugin that stands in it."""
    for kind, listed in found.document.items():
        for resource in listed if isinstance(listed, (list, tuple)) else ():
            identity = resource.get("username") or resource.get("id")
            yield from ((f"{kind}/{identity}", name) for name in _names(resource.get("plugins", {})))
    for (kind, identity), record in found.contents.records.items():
        yield from ((f"{kind}/{identity}", name) for name in _names(record.value.get("plugins", {})))


def _names(plugins: Mapping[str, Any]) -> Iterator[str]:
    yield from plugins
    yield from (name for _, name, _ in inside(plugins.get(MultiAuth.name) or {}))


def _listed(found: Installed, enabled: tuple[str, ...], used: Mapping[str, list[str]] | None) -> Listed:
    bare = Listed(
        name=found.name,
        distribution=found.distribution,
        version=found.version,
        enabled=found.name in enabled,
        used_by=None if used is None else tuple(dict.fromkeys(used.get(found.name, ()))),
    )
    try:
        registry = Registry.load([found.name])
        published = PublishedSchemas(registry)
        schemas = {part: published.plugin(found.name, part) for part in PARTS}
    except ConfigError as error:
        return replace(bare, error=str(Finding("", error.findings[0].message)))
    except ValueError as error:
        return replace(bare, error=str(error))
    cls = registry.classes[found.name]
    present = {part: schema for part, schema in schemas.items() if schema is not None}
    return replace(bare, priority=cls.priority, phases=registry.phases(cls), schemas=present)


def _row(one: Listed) -> list[str]:
    origin = f"{one.distribution} {one.version}"
    facts = [str(one.priority), ", ".join(one.phases) or "-", _keys(one)]
    if one.error is not None:
        facts = ["-", f"can't be loaded: {one.error}", "-"]
    used = [] if one.used_by is None else [several(one.used_by) or "-"]
    return [one.name, "yes" if one.enabled else "no", origin, *facts, *used]


def _keys(one: Listed) -> str:
    """Return the keys that a configuration must have, and how many others there are."""
    main: Mapping[str, Any] = (one.schemas or {}).get("main", {})
    required = main.get("required", ())
    optional = len(main.get("properties", {}).keys() - {"_meta", *required})
    told = [*required, *([f"{optional} optional"] if optional else [])]
    return ", ".join(told) or "-"
