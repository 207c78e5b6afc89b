import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from phasegate import Consumer, Exchange, Route, UpstreamFacts
from phasegate.access_log import AccessLog, _blocks, _lines
from phasegate.errors import UpstreamTimeout
from phasegate.logs import timestamp
from phasegate.testing import make_exchange, make_request


class Pipe:
    """A log that writes to a pipe, and what comes out at the other end."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.log = AccessLog(self._writer)

    def lines(self) -> list[dict[str, object]]:
        try:
            return [json.loads(line) for line in os.read(self.reader, 1 << 20).splitlines()]
        except BlockingIOError:
            return []

    def close(self) -> None:
        os.close(self.reader)
        os.close(self._writer)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


def finished() -> Exchange:
    exchange = make_exchange(make_request(target="/a%2Fb?apikey=s3cret", headers={"apikey": "s3cret"}))
    exchange.bytes_sent = 5
    return exchange


async def test_a_line_says_who_asked_for_what_and_what_came_of_it(pipe: Pipe) -> None:
    pipe.log.record(finished(), 200)
    pipe.log.flush()
    (line,) = pipe.lines()
    assert line["event"] == "access"
    assert (line["client"], line["method"], line["host"], line["path"]) == (
        "192.0.2.1",
        "GET",
        "gateway.test",
        "/a%2Fb",
    )
    assert (line["status"], line["bytes"], line["protocol"]) == (200, 5, "HTTP/1.1")
    assert line["request_id"] == "test-request-id"
    assert (line["route"], line["consumer"]) == (None, None)
    assert "upstream" not in line


async def test_a_line_holds_no_secret_of_query_or_headers(pipe: Pipe) -> None:
    pipe.log.record(finished(), 200)
    pipe.log.flush()
    assert "s3cret" not in str(pipe.lines())


async def test_a_line_names_route_consumer_upstream_and_error(pipe: Pipe) -> None:
    exchange = finished()
    exchange.route = Route(id="r", uris=("/",))
    exchange.consumer = Consumer("jack")
    exchange.upstream = UpstreamFacts("10.0.0.1:80", 200, 0.0125)
    exchange.error = UpstreamTimeout("10.0.0.1:80 stopped")
    pipe.log.record(exchange, 200)
    pipe.log.flush()
    (line,) = pipe.lines()
    assert (line["route"], line["consumer"], line["error"]) == ("r", "jack", "upstream_timeout")
    assert (line["upstream"], line["upstream_status"], line["upstream_ms"]) == ("10.0.0.1:80", 200, 12.5)


async def test_a_line_has_what_a_plugin_knows_of_the_functions_run(pipe: Pipe) -> None:
    exchange = finished()
    exchange.upstream = UpstreamFacts("10.0.0.1:80", 200, 0.0125, {"billed_ms": 2, "cold_start": False})
    pipe.log.record(exchange, 200)
    pipe.log.flush()
    assert pipe.lines()[0]["function"] == {"billed_ms": 2, "cold_start": False}


async def test_lines_are_written_soon_and_together(pipe: Pipe) -> None:
    for _ in range(100):
        pipe.log.record(finished(), 200)
    assert pipe.lines() == []
    async with asyncio.timeout(5):
        while not (lines := pipe.lines()):
            await asyncio.sleep(0.01)
    assert len(lines) == 100


async def test_a_reader_that_is_gone_does_no_harm() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    log = AccessLog(writer)
    log.record(finished(), 200)
    log.flush()
    os.close(writer)


@pytest.mark.parametrize(
    ("sizes", "blocks"),
    [([], []), ([3], [3]), ([3, 3, 3], [6, 3]), ([8], [8]), ([2, 9, 2], [2, 9, 2]), ([6, 1, 5], [6, 6])],
)
def test_blocks_are_whole_lines_and_no_longer_than_they_may_be(sizes: list[int], blocks: list[int]) -> None:
    lines = b"".join(b"x" * (size - 1) + b"\n" for size in sizes)
    assert [len(block) for block in _blocks(lines, 6)] == blocks


async def test_a_file_gets_all_lines(tmp_path: Path) -> None:
    with (tmp_path / "access.log").open("wb") as file:
        log = AccessLog(file.fileno())
        for _ in range(5000):
            log.record(finished(), 200)
        log.flush()
    lines = (tmp_path / "access.log").read_bytes().splitlines()
    assert len(lines) == 5000
    assert {json.loads(line)["path"] for line in lines} == {"/a%2Fb"}


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
async def test_every_exchange_has_its_line_in_order(pipe: Pipe, count: int) -> None:
    for number in range(count):
        exchange = finished()
        exchange.bytes_sent = number
        pipe.log.record(exchange, 200)
    pipe.log.flush()
    assert [line["bytes"] for line in pipe.lines()] == list(range(count))


async def test_what_changes_after_the_end_is_not_told(pipe: Pipe) -> None:
    exchange = finished()
    pipe.log.record(exchange, 200)
    exchange.bytes_sent, exchange.error = 7, UpstreamTimeout("late")
    pipe.log.flush()
    (line,) = pipe.lines()
    assert line["bytes"] == 5
    assert "error" not in line


async def test_facts_that_json_has_no_form_for_take_no_line_with_them(
    pipe: Pipe, caplog: pytest.LogCaptureFixture
) -> None:
    odd: Any = {"version": object()}
    for facts in (None, odd, None):
        exchange = finished()
        exchange.upstream = UpstreamFacts("10.0.0.1:80", 200, 0.0125, facts)
        pipe.log.record(exchange, 200)
    pipe.log.flush()
    assert [line["upstream"] for line in pipe.lines()] == ["10.0.0.1:80"] * 3
    (record,) = caplog.records
    assert record.getMessage() == "facts left out of the access log"
    assert vars(record)["request_id"] == "test-request-id"
    assert "version" in vars(record)["function"]
    assert "not JSON serializable" in vars(record)["cause"]


# Surrogates are among the characters.
TEXT = st.text(st.characters(), max_size=6) | st.sampled_from(
    ['"', "\\", "\n", "\x00", "\x7f", "\u2028", '},{"time":"', ""]
)
WHOLE = st.integers() | st.sampled_from([2**53, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1])
SECONDS = st.floats(0, 1e6) | st.integers(0, 10)
FACTS = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats() | TEXT | st.builds(object),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["time", "a"]) | TEXT | st.integers(), inner, max_size=2)
    ),
    max_leaves=5,
)
UPSTREAMS = st.builds(UpstreamFacts, TEXT, st.none() | WHOLE, st.none() | SECONDS, st.none() | FACTS)
NOTED = st.tuples(
    *(st.floats(0, 4e9), SECONDS, TEXT, st.tuples(*[TEXT] * 6), WHOLE, WHOLE),
    *(st.none() | TEXT, st.none() | TEXT, st.none() | UPSTREAMS, st.none() | TEXT),
)


def alone(noted: tuple[Any, ...]) -> bytes:
    """Return what a line is by its definition: an object made into JSON, without facts that have no such form."""
    ended, seconds, request_id, (client, method, host, target, path, version), status, size, *rest = noted
    route, consumer, upstream, error = rest
    line = {"time": timestamp(ended), "event": "access", "request_id": request_id, "client": client, "method": method}
    line |= {"host": host, "path": target.split("?")[0] or path, "protocol": "HTTP/" + version, "status": status}
    line |= {"bytes": size, "duration_ms": int(seconds * 1e6) / 1000, "route": route, "consumer": consumer}
    if upstream is not None:
        taken = None if upstream.seconds is None else int(upstream.seconds * 1e6) / 1000
        line |= {"upstream": upstream.address, "upstream_status": upstream.status, "upstream_ms": taken}
    facts = {} if upstream is None or upstream.function is None else {"function": upstream.function}
    last = {} if error is None else {"error": error}
    try:
        return orjson.dumps(line | facts | last) + b"\n"
    except TypeError:
        return json.dumps(line | last).encode() + b"\n"


def of_facts(facts: Any, ended: float = 1.5) -> tuple[Any, ...]:
    upstream = UpstreamFacts("u", 200, 0.5, facts)
    return (ended, 0.25, "i", ("c", "GET", "h", "/", "/", "1.1"), 200, 1, "r", None, upstream, None)


@given(st.lists(NOTED, min_size=1, max_size=5))
@example([of_facts({"runs": [{"a": 1}, {"time": "x"}]}), of_facts(None)])
@example([of_facts(None, 1_700_000_000.123), of_facts(None, 1_700_000_000.1229999)])
@example([of_facts({"version": '},{"time":"'}), of_facts({"version": '\n{"time":"'})])
@example([of_facts(orjson.Fragment(b'"a"')), of_facts({"version": "\ud800"}), of_facts({"version": 2**64})])
def test_lines_made_together_are_what_they_are_alone(noted: list[tuple[Any, ...]]) -> None:
    lines = _lines(noted)
    assert lines == b"".join(map(alone, noted))
    assert [json.loads(line)["event"] for line in lines.splitlines()] == ["access"] * len(noted)


class Unspeakable:
    """What can't be told of, and can't tell why."""

    def __repr__(self) -> str:
        raise RuntimeError("no word")

    __str__ = __repr__


class Unspeakably(Exception):
    __str__ = Unspeakable.__repr__


class Worse:
    def __mul__(self, other: object) -> object:
        raise Unspeakably


@pytest.mark.parametrize(
    "facts", [{"seconds": float("inf")}, {"seconds": "soon"}, {"seconds": Worse()}, {"status": Unspeakable()}]
)
async def test_facts_that_no_line_can_tell_take_no_other_line_with_them(
    pipe: Pipe, facts: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    odd = finished()
    odd.upstream = UpstreamFacts("up:80", **facts)
    for exchange in (finished(), odd, finished()):
        pipe.log.record(exchange, 200)
    pipe.log.flush()
    assert [line["status"] for line in pipe.lines()] == [200, 200, 200]
    told = caplog.records[-1]
    assert told.message == "facts left out of the access log"
    assert vars(told)["request_id"] == odd.request_id
    assert "leave numbers and text in the facts" in vars(told)["cause"]


async def test_what_two_plugins_left_is_told_of_once_each(pipe: Pipe, caplog: pytest.LogCaptureFixture) -> None:
    unknown, untold = finished(), finished()
    odd: Any = {"version": object()}
    worse: Any = []
    unknown.upstream, untold.upstream = UpstreamFacts("10.0.0.1:80", 200, 0.5, odd), UpstreamFacts("up:80", 200, worse)
    for exchange in (unknown, finished(), untold):
        pipe.log.record(exchange, 200)
    pipe.log.flush()
    assert [line.get("upstream") for line in pipe.lines()] == ["10.0.0.1:80", None, None]
    assert [record.message for record in caplog.records] == ["facts left out of the access log"] * 2


def test_no_lines_are_nothing() -> None:
    assert _lines([]) == b""
