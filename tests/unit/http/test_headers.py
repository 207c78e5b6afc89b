import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import Headers

names = st.from_regex(r"[A-Za-z0-9-]{1,12}", fullmatch=True)
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12)


def test_names_compare_without_case() -> None:
    headers = Headers({"Content-Type": "text/plain"})
    assert headers.get("CONTENT-TYPE") == "text/plain"
    assert "content-type" in headers


def test_repeated_fields_keep_their_order() -> None:
    headers = Headers([("set-cookie", "a=1"), ("x", "y"), ("Set-Cookie", "b=2")])
    assert headers.get_all("set-cookie") == ["a=1", "b=2"]


def test_setting_replaces_every_field_of_the_name() -> None:
    headers = Headers([("x", "1"), ("X", "2"), ("y", "3")])
    headers["X"] = "4"
    assert list(headers) == [("y", "3"), ("x", "4")]


def test_a_copy_changes_apart() -> None:
    headers = Headers({"x": "1"})
    twin = headers.copy()
    twin.add("x", "2")
    del headers["x"]
    assert twin.get_all("x") == ["1", "2"]
    assert len(headers) == 0


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "nul\0"])
def test_values_that_would_split_a_message_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        Headers({"x": value})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\n", "ü"])
def test_names_that_are_no_tokens_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="not an HTTP token"):
        Headers().add(name, "x")


def test_values_outside_latin_1_are_refused() -> None:
    with pytest.raises(ValueError, match="ISO 8859-1"):
        Headers({"x": "→"})


def test_repr_shows_no_value() -> None:
    assert "sesame" not in repr(Headers({"authorization": "sesame"}))


@given(st.lists(st.tuples(names, values)))
def test_what_goes_in_comes_out(pairs: list[tuple[str, str]]) -> None:
    assert list(Headers(pairs)) == [(name.lower(), value) for name, value in pairs]
