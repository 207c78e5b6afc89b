"""The reports: every line fits a terminal, and who does not speak a protocol is shown all the same."""

from collections.abc import Sequence
from typing import Any, cast

import pytest

from bench.abuse import report as abuse
from bench.abuse.attacks import ATTACKS
from bench.abuse.siege import Siege
from bench.abuse.tally import Tally
from bench.comparison import Comparison
from bench.connections import report as connections
from bench.connections.measure import Coming, Stay
from bench.footprint import Footprint
from bench.hello.group import HELLO
from bench.load import Load
from bench.peers import Absent, Peer
from bench.proxy import BODIES, PROXY
from bench.report import Comparable, document, markdown, text
from bench.scenario import Scenario
from bench.sizes.group import CONSUMERS_GROUP
from bench.slice import Sample, lanes
from bench.summary import summarize
from bench.waiting import report as waiting
from bench.waiting.measure import Wait

WIDTH = 120


def peer(name: str, *, modes: Sequence[str] = ("hello",), h2c: bool = True) -> Peer:
    ports = {"h1": 1, "h2c": 2} if h2c else {"h1": 1}
    paths = dict.fromkeys(modes, "/")
    return Peer(name=name, summary=name, child=cast("Any", None), ports=cast("Any", ports), paths=cast("Any", paths))


def samples(times: float) -> list[Sample]:
    return [
        Sample(cpu_us=200 * times * each, busy=1, others=0, per_second=99_999, p50_ms=99.99 * each, p99_ms=99.99 * each)
        for each in (1, 1.5, 1.7)
    ]


def report_of(
    group: Comparison, peers: Sequence[Peer], scenarios: Sequence[Scenario], absent: Sequence[Absent] = ()
) -> str:
    taken = {lane: samples(times) for times, lane in enumerate(lanes(scenarios, peers), 1)}
    compared = Comparable(
        peers=peers,
        absent=absent,
        scenarios=scenarios,
        baselines=group.baselines,
        goals=group.goals,
        budget=group.budget,
        beyond=group.beyond,
        rounds=3,
        seconds=3,
    )
    rows = summarize(taken, [*group.baselines, *(each.against for each in group.budget)])
    prose = [line for line in markdown(compared, rows, taken).splitlines() if not line.startswith("|")]
    assert max(map(len, prose)) <= WIDTH
    assert len(document(compared, rows, taken)["rows"]) == len(taken)
    return text(compared, rows, taken)


def longest(said: str) -> int:
    return max(map(len, said.splitlines()))


HELLO_PEERS = [peer("phasegate"), peer("hypercorn"), peer("uvicorn", h2c=False)]
PROXY_PEERS = [
    peer("nginx", modes=["forward"]),
    peer("lua", modes=["api-key", "sigv4"]),
    peer("naive", modes=["api-key", "sigv4"]),
    peer("fastapi", modes=["api-key"], h2c=False),
    peer("phasegate", modes=["api-key", "sigv4", "forward"]),
]


def test_a_peer_without_http2_has_a_row_of_nothing() -> None:
    lines = report_of(HELLO, HELLO_PEERS, HELLO.scenarios).splitlines()
    (row,) = (line.split() for line in lines if line.startswith("hello-h2c ") and "uvicorn" in line)
    assert set(row[2:]) == {"-"}


def test_goals_stand_beside_the_figures() -> None:
    assert "< 30 missed" in report_of(HELLO, HELLO_PEERS, HELLO.scenarios)


def test_the_budget_is_judged_by_ratios() -> None:
    lines = report_of(PROXY, PROXY_PEERS, PROXY.scenarios).splitlines()
    (row,) = (line for line in lines if line.startswith("fastapi  h1-get"))
    assert row.split() == ["fastapi", "h1-get", "api-key", "1.17", "<=", "1/40", "missed", "<=", "1/60", "missed"]


def test_what_something_adds_is_judged_by_microseconds() -> None:
    peers = [peer(f"consumers-{count}", modes=["forward"]) for count in (0, 1, 100_000)]
    lines = report_of(CONSUMERS_GROUP, peers, CONSUMERS_GROUP.scenarios).splitlines()
    rows = [line.split() for line in lines if "missed" in line]
    assert rows == [["consumers-h1", "consumers-100000", "600.0", "(400.0..680.0)", "<", "5", "missed"]]


def test_who_is_missing_is_shown_with_the_remedy() -> None:
    peers = [each for each in PROXY_PEERS if each.name != "lua"]
    said = report_of(PROXY, peers, PROXY.scenarios, [Absent("lua", "on Debian, `apt-get install it`")])
    lines = said.splitlines()
    assert any(line.split()[:4] == ["h1-get", "lua", "-", "not"] for line in lines)
    assert any(line.startswith("lua ") and "not measured" in line for line in lines)
    assert "it needs: on Debian, `apt-get install it`" in said


def test_a_scenario_leaves_out_whom_it_does_not_ask_for() -> None:
    assert "fastapi" not in report_of(BODIES, PROXY_PEERS, BODIES.scenarios).partition("Median")[2]


def wait_of(kib_each: float) -> Wait:
    return Wait(sample=samples(1)[0], in_flight=2000, kib_each=kib_each)


def test_waiting_requests_fit_a_terminal_and_are_judged() -> None:
    waits = {"lua": [wait_of(20.1), wait_of(19)], "phasegate": [wait_of(15.5), wait_of(16.5)]}
    said = waiting.text(waits, [Absent("naive", "something")], rounds=2)
    assert longest(said) <= WIDTH
    assert "<= 20 reached  <= 15 missed" in said


@pytest.mark.parametrize(("group", "peers"), [(HELLO, HELLO_PEERS), (PROXY, PROXY_PEERS), (BODIES, PROXY_PEERS)])
def test_comparisons_fit_a_terminal(group: Comparison, peers: list[Peer]) -> None:
    assert longest(report_of(group, peers, group.scenarios)) <= WIDTH


def test_ratios_are_made_within_the_round() -> None:
    taken = {lane: samples(times) for times, lane in enumerate(lanes(HELLO.scenarios[:1], HELLO_PEERS), 1)}
    ours, stock, _ = summarize(taken, HELLO.baselines)
    assert ours.ratios["hypercorn"].median == ours.ratios["hypercorn"].least == pytest.approx(0.5)
    assert "hypercorn" not in stock.ratios


def siege(requests: int) -> Siege:
    load = Load(requests=requests, per_second=1, p50_ms=1234.56, p99_ms=2345.67, failed=1000)
    tally = Tally()
    for count in (1, 2):
        tally.add(frames=12_345 * count, cut=True, ending="GOAWAY ENHANCE_YOUR_CALM", streams=abuse_streams())
    held = Footprint(999_999, 1000, 1000)
    return Siege(peace=load, attacked=load, before=held, after=held, peak_kib=1_500_000, tally=tally, seconds=3)


def abuse_streams() -> Any:
    return Tally.load(
        '{"connections":0,"cut":0,"frames":[],"endings":{},"streams":{"reset STREAM_CLOSED":99999,"408":99999}}'
    ).streams


def test_attacks_fit_a_terminal() -> None:
    said = abuse.text({attack: [siege(1000), siege(1100)] for attack in ATTACKS}, rounds=2, seconds=3)
    assert longest(said) <= WIDTH
    assert "reset STREAM_CLOSED x 399996" in said


def test_latencies_are_infinite_where_nothing_was_answered() -> None:
    said = abuse.text({ATTACKS[0]: [siege(0)]}, rounds=1, seconds=3)
    (row,) = (line for line in said.splitlines() if "< 100 missed" in line and "inf" in line)
    assert "0%" in row


def test_growth_is_from_before_to_the_peak() -> None:
    assert siege(1).growth_mb == pytest.approx((1_500_000 - 999_999) * 1024 / 1e6)


def test_connections_fit_a_terminal() -> None:
    held = Footprint(1_999_999, 12_345, 12_345)
    said = connections.text(
        {"phasegate": Stay(10_000, held, held, held)}, {"phasegate": Coming(50_000, held, held, 1234.5, 12_345)}
    )
    assert longest(said) <= WIDTH


def test_a_connection_costs_what_it_adds_by_its_share() -> None:
    before, during = Footprint(1000, 10, 0), Footprint(5000, 410, 400)
    assert Stay(400, before, during, before).kib_each == 10


def test_nothing_is_said_of_what_was_not_measured() -> None:
    held = Footprint(1, 1, 1)
    assert "come" not in connections.text({"phasegate": Stay(1, held, held, held)}, {})
