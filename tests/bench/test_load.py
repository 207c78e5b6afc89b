"""What the load generators print, as they printed it, and what is read out of it."""

import math

import pytest

from bench import h2load, wrk
from bench.errors import UnreadableLoad
from bench.scenario import Scenario
from bench.units import count, milliseconds

WRK = """\
Running 2s test @ http://127.0.0.1:18081/x
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   592.24us  674.10us  13.02ms   96.26%
    Req/Sec    90.17k    14.12k  114.58k    70.00%
  Latency Distribution
     50%  492.00us
     75%  679.00us
     90%  841.00us
     99%    3.14ms
  179167 requests in 2.00s, 29.73MB read
Requests/sec:  89405.72
Transfer/sec:     14.84MB
"""
WRK_SLOW = """\
Running 8s test @ http://127.0.0.1:18300/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.10s     1.96ms   1.11s    53.37%
    Req/Sec    57.45     47.76   116.00     27.27%
  Latency Distribution
     50%    1.10s 
     75%    1.11s 
     90%    1.11s 
     99%    1.11s 
  422 requests in 8.04s, 16.48KB read
  Socket errors: connect 0, read 0, write 0, timeout 6
Requests/sec:     52.51
Transfer/sec:      2.05KB
"""  # noqa: W291 (wrk puts a blank behind seconds)
WRK_REFUSED = """\
Running 2s test @ http://127.0.0.1:18181/500
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   136.05us  353.42us   6.59ms   96.20%
    Req/Sec    84.99k    14.95k  102.94k    70.00%
  Latency Distribution
     50%   74.00us
     75%   91.00us
     90%  122.00us
     99%    1.89ms
  168957 requests in 2.00s, 50.59MB read
  Non-2xx or 3xx responses: 168957
Requests/sec:  84412.87
Transfer/sec:     25.28MB
"""
WRK_CUT = """\
Running 2s test @ http://127.0.0.1:18181/cut
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.00us    0.00us   0.00us    -nan%
    Req/Sec     0.00      0.00     0.00      -nan%
  Latency Distribution
     50%    0.00us
     75%    0.00us
     90%    0.00us
     99%    0.00us
  0 requests in 2.00s, 0.00B read
  Socket errors: connect 0, read 26697, write 0, timeout 0
Requests/sec:      0.00
Transfer/sec:       0.00B
"""
H2LOAD = """\
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 2.01s, 42310.00 req/s, 3.67MB/s
requests: 84620 total, 84684 started, 84620 done, 84620 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 84620 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 7.35MB (7703556) total, 4.28MB (4484860) headers (space savings 49.52%), 1.61MB (1692400) data
                     min         max         mean         sd        +/- sd
time for request:      314us      9.97ms       950us       661us    91.80%
"""
H2LOAD_IN_FLIGHT = """\
finished in 3.01s, 974.33 req/s, 53.20KB/s
requests: 2923 total, 2987 started, 2923 done, 2923 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 2940 2xx, 0 3xx, 0 4xx, 0 5xx
"""
H2LOAD_REFUSED = """\
finished in 1.00s, 25902.00 req/s, 5.66MB/s
requests: 25902 total, 25906 started, 25902 done, 0 succeeded, 25902 failed, 0 errored, 0 timeout
status codes: 0 2xx, 0 3xx, 0 4xx, 25902 5xx
"""
H2LOAD_CUT = """\
finished in 1.00s, 0.00 req/s, 539.09KB/s
requests: 42449 total, 42453 started, 42449 done, 0 succeeded, 42449 failed, 42449 errored, 0 timeout
status codes: 0 2xx, 0 3xx, 0 4xx, 0 5xx
"""
H2LOAD_LOG = ["1795345181559568\t200\t1162\n", "1795345181559622\t200\t1159\n", "1795345181559638\t200\t3152\n"]


def test_wrk_figures_are_read_in_milliseconds_and_requests() -> None:
    load = wrk.parse(WRK)
    assert (load.requests, load.per_second, load.p50_ms, load.p99_ms) == (179167, 89405.72, 0.492, 3.14)
    assert load.problems == ()


def test_wrk_latencies_in_seconds_are_read_too() -> None:
    assert wrk.parse(WRK_SLOW).p99_ms == 1110


def test_wrk_timeouts_are_problems() -> None:
    assert wrk.parse(WRK_SLOW).problems == ("Socket errors: connect 0, read 0, write 0, timeout 6",)


def test_wrk_answers_that_are_no_success_are_problems() -> None:
    assert wrk.parse(WRK_REFUSED).problems == ("Non-2xx or 3xx responses: 168957",)


def test_wrk_broken_connections_are_problems() -> None:
    load = wrk.parse(WRK_CUT)
    assert load.requests == 0
    assert load.problems == ("Socket errors: connect 0, read 26697, write 0, timeout 0",)


def test_wrk_output_without_a_figure_is_refused_whole() -> None:
    with pytest.raises(UnreadableLoad, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:1 Connection refused")


def test_h2load_figures_are_read() -> None:
    load = h2load.parse(H2LOAD, H2LOAD_LOG)
    assert (load.requests, load.per_second, load.problems) == (84620, 42310.0, ())


def test_h2load_percentiles_come_from_its_log() -> None:
    load = h2load.parse(H2LOAD, H2LOAD_LOG)
    assert (load.p50_ms, load.p99_ms) == (1.162, 3.152)


def test_h2load_percentiles_are_of_nearest_rank() -> None:
    load = h2load.parse(H2LOAD, [f"0\t200\t{microseconds}\n" for microseconds in range(1000, 0, -1)])
    assert (load.p50_ms, load.p99_ms) == (0.5, 0.99)


def test_h2load_without_a_log_has_no_percentiles() -> None:
    assert math.isnan(h2load.parse(H2LOAD, []).p99_ms)


def test_h2load_requests_in_flight_at_the_end_do_not_count() -> None:
    assert h2load.parse(H2LOAD_IN_FLIGHT, []).requests == 2923


def test_h2load_answers_that_are_no_success_are_problems() -> None:
    load = h2load.parse(H2LOAD_REFUSED, [])
    assert load.requests == 0
    assert load.problems == ("25902 requests failed", "25902 requests answered with 5xx")


def test_h2load_broken_streams_are_problems() -> None:
    assert h2load.parse(H2LOAD_CUT, []).problems == ("42449 requests failed", "42449 requests errored")


def test_h2load_failed_requests_are_counted_once() -> None:
    assert h2load.parse(H2LOAD_CUT, []).failed == 42449


def test_wrk_failed_requests_are_counted() -> None:
    assert (wrk.parse(WRK_REFUSED).failed, wrk.parse(WRK_CUT).failed, wrk.parse(WRK).failed) == (168957, 26697, 0)


def test_h2load_is_given_a_rate_where_there_is_one() -> None:
    steady, free = Scenario(name="a", protocol="h2c", rate=50), Scenario(name="b", protocol="h2c")
    arguments = [h2load.command("h2load", each, "/", seconds=1, body=None, log="log") for each in (steady, free)]
    assert ["--rps" in each for each in arguments] == [True, False]


def test_h2load_output_without_a_figure_is_refused_whole() -> None:
    with pytest.raises(UnreadableLoad, match="h2load printed nothing like"):
        h2load.parse("starting benchmark...", [])


@pytest.mark.parametrize(
    ("text", "expected"), [("0.00us", 0), ("592us", 0.592), ("3.14ms", 3.14), ("1.02s", 1020), ("1.10m", 66_000)]
)
def test_times_are_read_with_every_unit(text: str, expected: float) -> None:
    assert milliseconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(("text", "expected"), [("52.51", 52.51), ("90.17k", 90_170), ("1.20M", 1_200_000)])
def test_counts_are_read_with_every_unit(text: str, expected: float) -> None:
    assert count(text) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "-nan%", "12", "12 parsecs"])
def test_an_unknown_unit_is_refused(text: str) -> None:
    with pytest.raises(UnreadableLoad, match="can't read"):
        milliseconds(text)
