"""Medians, goals and tables."""

import math

import pytest

from bench.goal import Goal, judged
from bench.spread import Spread
from bench.tables import Table, spread_text


def test_a_spread_is_median_least_and_greatest() -> None:
    assert Spread.of([3, 1, 2, 10]) == Spread(2.5, 1, 10)


def test_a_spread_of_one_value_is_told_as_that_value() -> None:
    assert spread_text(Spread.of([2.25]), ".1f") == "2.2"


def test_a_spread_is_told_with_its_ends() -> None:
    assert spread_text(Spread.of([1, 2, 4]), ".1f") == "2.0 (1.0..4.0)"


@pytest.mark.parametrize(("figure", "said"), [(29.9, "< 30 met"), (30, "< 30 missed"), (math.inf, "< 30 missed")])
def test_a_goal_is_met_below_its_bound(figure: float, said: str) -> None:
    assert Goal(30).judge(figure) == said


def test_what_is_expected_of_others_is_not_judged() -> None:
    assert Goal(230, least=190).judge(500) == "(190..230)"


def test_columns_are_aligned() -> None:
    assert Table("title", ["a", "b"], [["long", "1"], ["x", "2"]]).text() == "title\na     b\nlong  1\nx     2"


@pytest.mark.parametrize(
    ("bound", "figure", "said"),
    [
        (1.0, 1.0, "<= 1 reached"),
        (0.75, 0.751, "<= 0.75 missed"),
        (1 / 7, 0.14, "<= 1/7 reached"),
        (1 / 60, 0.02, "<= 1/60 missed"),
        (None, 5, "-"),
    ],
)
def test_a_ratio_is_judged_by_its_bound(bound: float | None, figure: float, said: str) -> None:
    assert judged(bound, figure) == said


def test_a_table_in_markdown_shows_the_same_cells() -> None:
    text = Table("title", ["a", "b"], [["< 3", "x|y"]]).markdown()
    assert text == "**title**\n\n| a | b |\n| --- | --- |\n| &lt; 3 | x\\|y |"
