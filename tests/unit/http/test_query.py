from phasegate import Query


def test_pairs_are_decoded_in_order() -> None:
    assert Query("b=2&a=%C3%A9&b=x+y&flag&=").pairs() == [("b", "2"), ("a", "é"), ("b", "x y"), ("flag", ""), ("", "")]


def test_first_value_counts_and_all_can_be_had() -> None:
    query = Query("a=1&a=2")
    assert query.get("a") == "1"
    assert query.get_all("a") == ["1", "2"]
    assert query.get("b", "none") == "none"


def test_removing_a_name_leaves_the_other_pairs_as_they_were() -> None:
    assert Query("x=%2f&api%6bey=1&&y=+").without("apikey").raw == "x=%2f&&y=+"


def test_repr_shows_no_value() -> None:
    assert "sesame" not in repr(Query("key=sesame"))
