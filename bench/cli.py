"""The command line: `python -m bench`."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from .cores import Cores
from .errors import BenchError
from .machine import machine, versions
from .report import Header, document, text
from .scenario import SCENARIOS, Scenario
from .slice import Lane, Sample, lanes, measure
from .stage import Stage, stage
from .summary import summarize
from .tools import find_tools

_SCENARIOS = "\n".join(f"  {scenario.name:<10} {scenario.summary}" for scenario in SCENARIOS)


def _writable(_: click.Context, __: click.Parameter, file: Path | None) -> Path | None:
    """Refuse a file that can't be written before the run, not after it."""
    if file is not None and not os.access(file if file.exists() else file.parent, os.W_OK):
        raise click.BadParameter(f"{file} can't be written")
    return file


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"\b\nScenarios:\n{_SCENARIOS}",
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True, help="How often each is measured.")
@click.option(
    "--seconds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How long each measurement takes. CPU time comes in ticks of 10 ms: below 3 the figures get coarse.",
)
@click.option(
    "--only",
    "names",
    type=click.Choice([scenario.name for scenario in SCENARIOS]),
    multiple=True,
    help="Measure this scenario, not all; may be given again.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_writable,
    help="Also write every figure of every round to this file.",
)
def bench(rounds: int, seconds: int, names: tuple[str, ...], file: Path | None) -> None:
    """Compare the gateway with nginx and with a naive Python proxy, all in front of one upstream, in one run.

    CPU time a request is what counts: it hardly depends on how fast the load arrives. Everything runs on 127.0.0.1, on free
    ports, out of a temporary folder. The default run takes about five minutes.
    """
    scenarios = [scenario for scenario in SCENARIOS if not names or scenario.name in names]
    tools, cores = find_tools(), Cores.choose()
    with stage(tools, cores, _complain) as running:
        taken = _measured(running, scenarios, rounds=rounds, seconds=seconds)
    header = Header(
        machine=machine(),
        versions=versions(tools),
        cores=cores,
        peers=running.peers,
        scenarios=scenarios,
        rounds=rounds,
        seconds=seconds,
    )
    rows = summarize(taken)
    click.echo(text(header, rows, taken))
    if file is not None:
        file.write_text(json.dumps(document(header, rows, taken), indent=2) + "\n")


def _measured(running: Stage, scenarios: list[Scenario], *, rounds: int, seconds: int) -> dict[Lane, list[Sample]]:
    turns = lanes(scenarios, running.peers)
    taken: dict[Lane, list[Sample]] = {lane: [] for lane in turns}
    with click.progressbar(turns * rounds, label="measuring", item_show_func=_name, file=sys.stderr) as progress:
        for lane in progress:
            taken[lane].append(measure(lane, running, seconds))
    return taken


def _name(lane: Lane | None) -> str:
    return lane.name if lane else ""


def _complain(complaint: str) -> None:
    click.echo(f"note: {complaint}", err=True)


def main() -> None:
    """Run the command; what ends it early is told on standard error, with exit code 1."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        bench()
    except BenchError as error:
        sys.exit(f"error: {error}")


def _leave(number: int, _: Any) -> None:
    """End by way of every `finally`."""
    sys.exit(128 + number)
