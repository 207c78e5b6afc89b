"""The group that attacks the gateway and looks what that does to others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..group import Run, Section
from ..progress import progress
from ..stage import stage
from ..tables import in_markdown
from .attacks import ATTACKS, Attack
from .gateway import start_gateway
from .report import document, tables, text
from .siege import Siege, besiege

_MOST_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Abuse:
    """Every attack in turn, in some rounds."""

    name: str = "abuse"
    summary: str = "what attacks on the gateway do to others, to its worker, and to the attackers"
    needs: frozenset[str] = frozenset({"nginx", "h2load"})

    @property
    def parts(self) -> Sequence[Attack]:
        """The attacks."""
        return ATTACKS

    def run(self, run: Run) -> Section:
        """Attack. Raise ProcessFailed when the worker died."""
        attacks, rounds = run.chosen(ATTACKS), min(run.rounds, _MOST_ROUNDS)
        taken: dict[Attack, list[Siege]] = {attack: [] for attack in attacks}
        for attack in progress(attacks * rounds, self.name):
            # Each attack meets a gateway of its own: memory that one has taken would hide what the next one takes.
            with stage(run, start_gateway) as running:
                taken[attack].append(besiege(attack, running, run.seconds))
        return Section(
            text(taken, rounds=rounds, seconds=run.seconds),
            document(taken, rounds=rounds, seconds=run.seconds),
            in_markdown(tables(taken)),
        )
