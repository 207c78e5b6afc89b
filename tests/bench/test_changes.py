"""What is written, and what is said of how soon it was served."""

import json

import pytest

from bench.changes.bulk import Bulk, Start
from bench.changes.measure import Series
from bench.changes.report import percentile, text
from bench.changes.watch import Sight
from bench.changes.writes import CHANGED, ROUTES, among_many, path_of, routes, small

SERIES = Series([Sight(10, 12, 7, 1), Sight(20, 15, 4, 0)], [5.0, 6.0])
BULK = Bulk(2.0, [Start(1.0, 1024, 2048)], SERIES, [Start(5.0, 1024, 2048)], 3.0)


def test_a_percentile_is_of_nearest_rank() -> None:
    assert [percentile(range(1, 201), share) for share in (0.5, 0.99, 1.0)] == [100, 198, 200]


def test_what_was_served_before_it_was_acknowledged_is_not_behind() -> None:
    assert [sight.behind_ms for sight in SERIES.sights] == [2, 0]


def test_a_lag_is_what_an_answer_takes_longer_than_in_peace() -> None:
    assert SERIES.lags_ms == [2.0, 0.0]


def rows(text: str) -> list[str]:
    """Return the lines with their columns one blank apart."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_times_are_judged_by_the_last_worker() -> None:
    said = rows(text({"distribution-node": SERIES}, None))
    assert "distribution-node 2 10.0 20.0 12.0 15.0 0.0 2.0 < 100 met" in said


def test_lags_are_judged_by_what_is_beyond_peace() -> None:
    said = rows(text({"routes-10000": SERIES}, None))
    assert "routes-10000 5.0 6.0 4.0 7.0 0.0 2.0 < 10 met 0.0 1.0" in said


def test_starts_are_judged_and_told_with_what_is_held() -> None:
    said = rows(text({"routes-10000": SERIES}, BULK))
    assert "start out of the store 1.00 < 3 met 1.0 2.0" in said
    assert "start out of routes.yaml 5.00 < 3 missed 1.0 2.0" in said


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert "start out of" not in text({"distribution-node": SERIES}, None)


def test_all_routes_are_different_and_have_three_plugins() -> None:
    made = routes()
    assert len(made) == len({json.dumps(each["plugins"]) for each in made}) == ROUTES
    assert {len(each["plugins"]) for each in made} == {3}


def test_the_changed_route_is_one_of_them() -> None:
    assert CHANGED in {each["id"] for each in routes()}


@pytest.mark.parametrize("write", [small, among_many])
def test_each_write_gives_its_route_a_path_of_its_own(write: object) -> None:
    assert callable(write)
    assert json.loads(write(7).partition(b"\r\n\r\n")[2])["uri"] == path_of(7)
