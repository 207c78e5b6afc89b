"""The process that attacks: bounded in connections, in how often it connects again, and in time.

python -m bench.abuse.attacker ATTACK PORT SECONDS

It prints BEGUN on a line when it begins, and its tally on another at the end. It runs at the lowest priority, so that
what it takes from its core's other users is the server's doing and not its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import Counter

from .attacks import ATTACKS, Attack
from .tally import Tally
from .wire import CutOff, Wire

BEGUN = "begun"
_LOWEST_PRIORITY = 19


async def attack(chosen: Attack, port: int, seconds: float) -> Tally:
    """Attack for so long, and tell what became of it."""
    tally = Tally()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for _ in range(chosen.connections):
                group.create_task(_attack_over_and_over(chosen, port, tally))
    return tally


async def _attack_over_and_over(chosen: Attack, port: int, tally: Tally) -> None:
    while True:
        try:
            await _attack_once(chosen, port, tally)
        except OSError:
            tally.add(frames=0, cut=True, ending="connection refused", streams=Counter())
        await asyncio.sleep(chosen.pause_seconds)


async def _attack_once(chosen: Attack, port: int, tally: Tally) -> None:
    answers = chosen.answers()
    async with Wire.open(port, answers) as wire:
        try:
            await chosen.assault(wire)
        except CutOff:
            await asyncio.sleep(0)
        finally:
            ending = answers.verdict or "closed"
            tally.add(frames=wire.frames, cut=wire.cut, ending=ending, streams=answers.streams)


def main(name: str, port: str, seconds: str) -> None:
    """Attack, and print what became of it."""
    os.nice(_LOWEST_PRIORITY)
    (chosen,) = (each for each in ATTACKS if each.name == name)
    print(BEGUN, flush=True)
    print(asyncio.run(attack(chosen, int(port), float(seconds))).dump(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
