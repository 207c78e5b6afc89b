"""What became of attackers, counted and told."""

from collections import Counter

from bench.abuse.tally import Tally


def tally() -> Tally:
    found = Tally()
    found.add(frames=1000, cut=True, ending="GOAWAY ENHANCE_YOUR_CALM", streams=Counter({"200": 3}))
    found.add(frames=1200, cut=True, ending="GOAWAY ENHANCE_YOUR_CALM", streams=Counter())
    found.add(frames=7, cut=False, ending="closed", streams=Counter({"200": 1}))
    return found


def test_only_what_the_server_ended_counts_as_cut() -> None:
    found = tally()
    assert (found.connections, found.cut, found.frames) == (3, 2, [1000, 1200])
    assert found.endings == Counter({"GOAWAY ENHANCE_YOUR_CALM": 2})


def test_a_tally_survives_its_way_between_processes() -> None:
    assert Tally.load(tally().dump()) == tally()


def test_rounds_add_up() -> None:
    both = tally().merged(tally())
    assert (both.connections, both.cut, both.streams["200"]) == (6, 4, 8)


def test_the_fate_names_endings_and_answers() -> None:
    assert tally().fate == "GOAWAY ENHANCE_YOUR_CALM x 2, 200 x 4"


def test_the_same_is_not_said_twice() -> None:
    found = Tally()
    found.add(frames=9, cut=True, ending="408", streams=Counter({"408": 1}))
    assert found.fate == "408 x 1"


def test_frames_are_told_by_median_and_most() -> None:
    assert tally().frames_text == "1100 (..1200)"


def test_attackers_to_whom_nothing_happened_are_told_of_too() -> None:
    found = Tally()
    found.add(frames=1, cut=False, ending="closed", streams=Counter())
    assert (found.fate, found.frames_text) == ("nothing happened", "-")
