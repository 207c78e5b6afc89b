from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.environment import FromEnvironment, holds_environment
from phasegate.references import Unresolved, Use, filled, used

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def test_every_use_is_told_with_its_path() -> None:
    value = {"plugins": {"x": {"keys": ["a", "$env://A"], "key": "$file://f"}}, "$env://K": 1}
    assert used(value, "routes/1") == [
        Use("routes/1.plugins.x.keys[1]", "$env://A"),
        Use("routes/1.plugins.x.key", "$file://f"),
    ]
    assert used("$env://A") == [Use("", "$env://A")]


def test_values_take_their_places_and_are_marked() -> None:
    value = {"a": ["x", "$env://A"], "b": {"c": "$env://A"}, "d": 1}
    result = filled(value, {"$env://A": "s3cret"})
    assert result == {"a": ["x", "s3cret"], "b": {"c": "s3cret"}, "d": 1}
    assert isinstance(result["a"][1], FromEnvironment)
    assert value["b"] == {"c": "$env://A"}


def test_what_holds_no_reference_stays_the_same_object() -> None:
    inner = {"c": [1, 2]}
    value = {"a": "$env://A", "b": inner}
    assert filled(inner, {}) is inner
    assert filled(value, {"$env://A": "1"})["b"] is inner


def test_a_value_is_not_looked_into_again() -> None:
    assert filled("$env://A", {"$env://A": "$env://B"}) == "$env://B"


def test_a_reference_without_a_value_is_never_taken_for_one() -> None:
    with pytest.raises(Unresolved, match="reference \\$env://A has not been resolved"):
        filled({"key": "$env://A"}, {})


@given(JSON)
def test_any_value_without_references_is_left_alone(value: Any) -> None:
    if not used(value):
        assert filled(value, {}) is value


@given(JSON, st.text())
def test_after_filling_nothing_is_left_to_fill(value: Any, text: str) -> None:
    uses = used({"extra": "$env://A", "value": value})
    result = filled({"extra": "$env://A", "value": value}, {use.text: f"value {text}" for use in uses})
    assert used(result) == []
    assert holds_environment(result)
