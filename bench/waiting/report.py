"""What waiting requests cost, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..goal import judged
from ..peers import Absent
from ..spread import Spread
from ..tables import NOTHING, Table, spread_text
from .measure import SLOW_MS, WAITING, Wait

MUST_KIB, AIM_KIB = 20.0, 15.0
_OURS = "phasegate"
_HEAD = [
    "peer",
    "in flight",
    "KiB each",
    "must",
    "aim",
    "CPU us/request",
    "x lua",
    "requests/s",
    "p50 ms",
    "p99 ms",
]


def text(waits: Mapping[str, Sequence[Wait]], absent: Sequence[Absent], rounds: int) -> str:
    """Return it in plain text."""
    missing = [f"{each.name} is not measured; it needs: {each.remedy}" for each in absent]
    return "\n\n".join([*missing, _table(waits, absent, rounds).text()])


def markdown(waits: Mapping[str, Sequence[Wait]], absent: Sequence[Absent], rounds: int) -> str:
    """Return it in Markdown."""
    return _table(waits, absent, rounds).markdown()


def _table(waits: Mapping[str, Sequence[Wait]], absent: Sequence[Absent], rounds: int) -> Table:
    title = f"{WAITING:,} requests in flight, {SLOW_MS} ms each: median of {rounds} rounds (least..greatest)"
    rows = [_row(name, taken, waits.get("lua", ())) for name, taken in waits.items()]
    rows += [[each.name, NOTHING, "not installed", *[NOTHING] * (len(_HEAD) - 3)] for each in absent]
    return Table(title, _HEAD, rows)


def _row(name: str, taken: Sequence[Wait], baseline: Sequence[Wait]) -> list[str]:
    kib = _spread(taken, lambda each: each.kib_each)
    bounds = [judged(bound, kib.median) if name == _OURS else NOTHING for bound in (MUST_KIB, AIM_KIB)]
    return [
        name,
        f"{_spread(taken, lambda each: each.in_flight).median:.0f}",
        spread_text(kib, ".1f"),
        *bounds,
        spread_text(_spread(taken, lambda each: each.sample.cpu_us), ".1f"),
        _ratio(taken, baseline) if name != "lua" else NOTHING,
        f"{_spread(taken, lambda each: each.sample.per_second).median:.0f}",
        f"{_spread(taken, lambda each: each.sample.p50_ms).median:.0f}",
        f"{_spread(taken, lambda each: each.sample.p99_ms).median:.0f}",
    ]


def _ratio(taken: Sequence[Wait], baseline: Sequence[Wait]) -> str:
    pairs = list(zip(taken, baseline, strict=False))
    if not pairs:
        return NOTHING
    return spread_text(Spread.of(own.sample.cpu_us / other.sample.cpu_us for own, other in pairs), "#.3g")


def _spread(taken: Sequence[Wait], figure: Callable[[Wait], float]) -> Spread:
    return Spread.of(figure(each) for each in taken)
