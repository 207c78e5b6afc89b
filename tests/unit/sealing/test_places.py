from phasegate.sealing.places import MISSING, at, shown, texts, with_value

VALUE = {"a": {"b": ["x", {"c": "y"}]}, "d": "z"}


def test_what_stands_at_a_place() -> None:
    assert at(VALUE, ("a", "b", 1, "c")) == "y"
    assert at(VALUE, ()) is VALUE
    for place in (("x",), ("a", 0), ("a", "b", 2), ("a", "b", "c"), ("d", "e"), ("d", 0)):
        assert at(VALUE, place) is MISSING


def test_a_change_copies_no_more_than_the_way_to_it() -> None:
    changed = with_value(VALUE, ("a", "b", 0), 7)
    assert changed == {"a": {"b": [7, {"c": "y"}]}, "d": "z"}
    assert changed["a"]["b"][1] is VALUE["a"]["b"][1]  # type: ignore[index]
    assert VALUE["a"]["b"][0] == "x"  # type: ignore[index]


def test_a_place_is_shown_as_findings_have_it() -> None:
    assert shown(("plugins", "x", "keys", 0, "k")) == "plugins.x.keys[0].k"
    assert shown(()) == ""


def test_wanted_texts_are_found_with_their_places() -> None:
    assert list(texts(VALUE, lambda text: text != "x")) == [(("a", "b", 1, "c"), "y"), (("d",), "z")]
