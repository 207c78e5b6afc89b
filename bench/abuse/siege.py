"""One measurement: others make requests, first in peace, then during an attack."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..child import ROOT
from ..cpu import descendants
from ..errors import ProcessFailed
from ..footprint import Footprint, peak_kib, reset_peak, settled
from ..load import Load
from ..peers import Peer
from ..scenario import Scenario
from ..stage import Stage
from ..warmup import warm_up
from .attacker import BEGUN
from .attacks import Attack
from .tally import Tally

OTHERS = Scenario(name="others", protocol="h2c", modes=("api-key",), connections=8, streams=32, rate=50)
"""What the others do: they come from another address, at a fixed rate whatever the answers take."""
_PEACE_SECONDS = 1
# The attack is a little longer than the others' load, which begins once it has begun.
_SPARE_SECONDS = 0.5
_RECOVERY_SECONDS = 5.0
_LIMIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Siege:
    """The others' requests in peace and during the attack, the worker before, at its peak and after, and the attackers."""

    peace: Load
    attacked: Load
    before: Footprint
    after: Footprint
    peak_kib: int
    tally: Tally
    seconds: int

    @property
    def p50_ms(self) -> float:
        """The others' median during the attack; infinite where nothing was answered in time."""
        return self.attacked.p50_ms if self.attacked.requests else math.inf

    @property
    def p99_ms(self) -> float:
        """The others' 99th percentile during the attack; infinite where nothing was answered in time."""
        return self.attacked.p99_ms if self.attacked.requests else math.inf

    @property
    def answered(self) -> float:
        """The share of the others' requests that was answered during the attack."""
        return self.attacked.requests / (OTHERS.connections * OTHERS.rate * self.seconds)

    @property
    def growth_mb(self) -> float:
        """How much memory the attack took at its worst, in MB."""
        return (self.peak_kib - self.before.rss_kib) * 1024 / 1e6


def besiege(attack: Attack, stage: Stage, seconds: int) -> Siege:
    """Attack the gateway for so long. Raise ProcessFailed when its worker died of it."""
    (gateway,) = stage.peers
    pid, port, url = worker(gateway), gateway.ports["h2c"], gateway.url("h2c", "api-key")
    warm_up(gateway, "api-key", OTHERS)
    peace = stage.generator.run(OTHERS, url, _PEACE_SECONDS)
    before = settled(pid, port, _RECOVERY_SECONDS)
    reset_peak(pid)
    with _attacking(attack, port, seconds + _SPARE_SECONDS) as process:
        attacked = stage.generator.run(OTHERS, url, seconds)
        tally = _tally(process)
    peak = peak_kib(pid)
    after = settled(pid, port, _RECOVERY_SECONDS)
    if worker(gateway) != pid:
        raise ProcessFailed(f"the gateway's worker died of {attack.name}\n{gateway.child.tail()}")
    return Siege(
        peace=peace, attacked=attacked, before=before, after=after, peak_kib=peak, tally=tally, seconds=seconds
    )


def worker(gateway: Peer) -> int:
    """Return the process id of the gateway's one worker."""
    gateway.child.check_alive()
    found = descendants(gateway.child.process.pid)
    if len(found) != 1:
        raise ProcessFailed(f"the gateway has {len(found)} workers, not one\n{gateway.child.tail()}")
    return found[0]


@contextmanager
def _attacking(attack: Attack, port: int, seconds: float) -> Iterator[subprocess.Popen[str]]:
    """Run the attackers; the block begins when they do."""
    arguments = [sys.executable, "-m", "bench.abuse.attacker", attack.name, str(port), str(seconds)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, cwd=ROOT) as process:
        try:
            if process.stdout is None or process.stdout.readline().strip() != BEGUN:
                raise ProcessFailed(f"the attackers of {attack.name} did not begin")
            yield process
        finally:
            process.kill()


def _tally(process: subprocess.Popen[str]) -> Tally:
    """Wait for the attackers' end, and return what became of them."""
    printed, _ = process.communicate(timeout=_LIMIT_SECONDS)
    if process.returncode != 0:
        raise ProcessFailed(f"the attackers ended with exit code {process.returncode}")
    return Tally.load(printed)
