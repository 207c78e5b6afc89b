from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.admin.patching import merged, replaced

VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
OBJECTS: Any = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@pytest.mark.parametrize(
    ("value", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7396(value: Any, patch: Any, result: Any) -> None:
    assert merged(value, patch) == result


@given(OBJECTS, OBJECTS)
def test_merging_twice_is_merging_once(value: Any, patch: Any) -> None:
    once = merged(value, patch)
    assert merged(once, patch) == once


@pytest.mark.parametrize(
    ("path", "new", "result"),
    [
        (["a"], 1, {"a": 1, "l": [1, {"x": 2}]}),
        (["n", "m"], 1, {"a": {"b": 0}, "l": [1, {"x": 2}], "n": {"m": 1}}),
        (["a", "b"], None, {"a": {}, "l": [1, {"x": 2}]}),
        (["l", "1", "x"], 3, {"a": {"b": 0}, "l": [1, {"x": 3}]}),
        (["l", "0"], None, {"a": {"b": 0}, "l": [{"x": 2}]}),
    ],
)
def test_a_path_leads_to_what_is_replaced(path: list[str], new: Any, result: Any) -> None:
    assert replaced({"a": {"b": 0}, "l": [1, {"x": 2}]}, path, new) == result


@pytest.mark.parametrize("path", [["a", "b", "c"], ["l", "2"], ["l", "x"], ["l", "0", "y"]])
def test_a_path_that_leads_nowhere(path: list[str]) -> None:
    with pytest.raises(ValueError):
        replaced({"a": {"b": 0}, "l": [1, {"x": 2}]}, path, 1)
