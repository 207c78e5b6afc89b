from typing import Any

import pytest

from phasegate.admin.differences import alike, differing


@pytest.mark.parametrize(
    ("before", "after", "places"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 2, "b": {}}, [("a",), ("b",)]),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {}}}, [("a", "b", "c")]),
        ({"a": [1, {"x": 1}]}, {"a": [1, {"x": 2}]}, [("a", 1, "x")]),
        ({"a": [1]}, {"a": [1, 2]}, [("a",)]),
        ({"a": {}}, {"a": []}, [("a",)]),
        ({"a": 1}, {"a": True}, [("a",)]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": None}, {}, [("a",)]),
    ],
)
def test_places_are_as_deep_as_they_can_be_told(before: Any, after: Any, places: list[Any]) -> None:
    assert list(differing(before, after)) == places


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, True, False),
        ({"a": [0]}, {"a": [False]}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        (None, {}, False),
        (None, None, True),
    ],
)
def test_what_is_alike(one: object, other: object, same: bool) -> None:
    assert alike(one, other) is same
