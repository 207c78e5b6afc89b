from phasegate.environment import FromEnvironment
from phasegate.snapshot.references import reference_texts, referred


def test_a_text_that_is_a_reference_becomes_its_value() -> None:
    value = {"a": ["$env://X", "$env://Y"], "b": {"c": "$env://X"}}
    replaced = referred(value, {"$env://X": "1"})
    assert replaced == {"a": ["1", "$env://Y"], "b": {"c": "1"}}
    assert isinstance(replaced["a"][0], FromEnvironment)


def test_what_holds_no_reference_stays_the_same_object() -> None:
    value = {"a": ["x", 1, None], "b": {"c": "y"}, "d": {"e": "$env://X"}}
    replaced = referred(value, {"$env://X": "1"})
    assert replaced["a"] is value["a"]
    assert referred(value, {}) is value


def test_references_are_found_wherever_they_stand() -> None:
    assert list(reference_texts({"a": ["$env://X", "$5"], "b": {"c": "$file://y"}})) == ["$env://X", "$file://y"]
