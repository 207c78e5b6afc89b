"""`phasegate doctor`: whether what a configuration calls can be called, and what to do where not."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import orjson

from ..diagnosis import Diagnosis, Level
from ..schema.tables import Schemas
from ..settings import Settings
from .examining import Examined, examined
from .folder import judged, source
from .run import load

_COLOURS: dict[Level, str] = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "red"}
_COUNTED: tuple[Level, ...] = ("note", "warning", "error")
_SHOWN = 3


@click.command()
@click.argument("directory", type=click.Path(path_type=Path), default=Path("conf"))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.option(
    "--timeout",
    "seconds",
    type=click.FloatRange(0, 300, min_open=True),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long each step of a check may take.",
)
def doctor(directory: Path, *, as_json: bool, seconds: float) -> None:
    """Look whether what a folder calls can be called.

    Tries names, ports, TLS and clocks of all upstreams and functions, has each plugin look into itself, such as for
    credentials and permissions, and says what to do where something is wrong. No path of an upstream is asked for, no
    function runs, and no gateway need run. DIRECTORY is the folder that holds gateway.yaml, conf by default.

    The exit code is 1 if there is an error, else 0; a warning or a note is none.
    """
    settings, schemas = load(directory)
    found = asyncio.run(_looked(settings, schemas, seconds))
    levels = Counter(diagnosis.level for one in found for diagnosis in one.diagnoses)
    if as_json:
        click.echo(orjson.dumps(_document(found, healthy=not levels["error"]), option=orjson.OPT_INDENT_2))
    else:
        click.echo("\n".join(_lines(found)))
        click.echo(f"\n{_summary(levels)}")
    sys.exit(1 if levels["error"] else 0)


async def _looked(settings: Settings, schemas: Schemas, seconds: float) -> list[Examined]:
    """Return what is found, the configuration itself first. Raise ConfigError for one that can't be served."""
    folder = await judged(settings, schemas)
    doubts = [Diagnosis("store", doubt, "warning") for doubt in folder.doubts]
    for doubt in folder.snapshot.warnings:
        where = source(doubt, settings.file).rpartition("/")[2]
        doubts.append(Diagnosis(where, str(doubt), "warning"))
    configuration = Examined("configuration", (), (*doubts, *([] if doubts else [Diagnosis("check", "can be served")])))
    return [configuration, *await examined(folder.snapshot, seconds)]


def _lines(found: Sequence[Examined]) -> Iterator[str]:
    for index, one in enumerate(found):
        yield f"{'' if index == 0 else chr(10)}{click.style(one.title, bold=True)}{_users(one.used_by)}"
        width = max(len(diagnosis.about) for diagnosis in one.diagnoses)
        for diagnosis in one.diagnoses:
            level = click.style(diagnosis.level.ljust(len("warning")), fg=_COLOURS[diagnosis.level])
            yield f"  {level}  {diagnosis.about.ljust(width)}  {diagnosis.message}".rstrip()
            if diagnosis.remedy:
                yield f"  {'':7}  {'':{width}}  -> {diagnosis.remedy}"


def _users(used_by: Sequence[str]) -> str:
    if not used_by:
        return ""
    more = f" and {len(used_by) - _SHOWN} more" if len(used_by) > _SHOWN else ""
    return f"  ({', '.join(used_by[:_SHOWN])}{more})"


def _summary(levels: Counter[Level]) -> str:
    told = [level for level in _COUNTED if levels[level] or level == "error"]
    return ", ".join([f"{levels['ok']} ok", *(f"{levels[it]} {it}{'' if levels[it] == 1 else 's'}" for it in told)])


def _document(found: Sequence[Examined], *, healthy: bool) -> dict[str, Any]:
    subjects = [
        {
            "subject": one.title,
            "used_by": one.used_by,
            "checks": [
                {"about": it.about, "level": it.level, "message": it.message, "remedy": it.remedy or None}
                for it in one.diagnoses
            ],
        }
        for one in found
    ]
    return {"healthy": healthy, "subjects": subjects}
