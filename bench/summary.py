"""What several rounds say together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import sub, truediv

from .scenario import Mode
from .slice import Lane, Sample
from .spread import Spread

Samples = Mapping[Lane, Sequence[Sample]]
"""One sample a round, for each lane."""


@dataclass(frozen=True, slots=True)
class Row:
    """One lane's figures over all rounds; `ratios` are CPU a request against each baseline, `beyond` the microseconds that it
    takes more, both made within each round."""

    lane: Lane
    figures: Mapping[str, Spread]
    ratios: Mapping[str, Spread]
    beyond: Mapping[str, Spread]


def summarize(samples: Samples, baselines: Sequence[str]) -> list[Row]:
    """Return a row a lane, compared with the peers of these names."""
    return [
        Row(
            lane,
            _figures(taken),
            ratios=_against(truediv, lane, samples, baselines),
            beyond=_against(sub, lane, samples, baselines),
        )
        for lane, taken in samples.items()
    ]


def _figures(taken: Sequence[Sample]) -> dict[str, Spread]:
    names = ("cpu_us", "busy", "per_second", "p50_ms", "p99_ms")
    return {name: Spread.of(getattr(sample, name) for sample in taken) for name in names}


def _against(
    compare: Callable[[float, float], float], lane: Lane, samples: Samples, baselines: Sequence[str]
) -> dict[str, Spread]:
    if not lane.peer.compared:
        return {}
    found = {name: _baseline(lane, name, samples) for name in baselines if name != lane.peer.name}
    return {
        name: Spread.of(
            compare(own.cpu_us, other.cpu_us) for own, other in zip(samples[lane], samples[baseline], strict=True)
        )
        for name, baseline in found.items()
        if baseline is not None
    }


def _baseline(lane: Lane, name: str, samples: Samples) -> Lane | None:
    """Return the peer's lane of the same mode, or of the plain forward where it has no other."""
    lanes: dict[Mode, Lane] = {
        other.mode: other for other in samples if other.peer.name == name and other.scenario is lane.scenario
    }
    return lanes.get(lane.mode, lanes.get("forward"))
