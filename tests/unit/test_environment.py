from phasegate.environment import FromEnvironment, fill


def test_references_are_filled_in_everywhere() -> None:
    document = {"a": "${X}", "b": ["pre-${X}-post"], "c": {"d": "${Y:-fallback}"}, "e": 3, "f": "$X ${}"}
    filled, findings = fill(document, {"X": "1"})
    assert filled == {"a": "1", "b": ["pre-1-post"], "c": {"d": "fallback"}, "e": 3, "f": "$X ${}"}
    assert not findings


def test_a_default_holds_for_an_empty_variable_and_may_be_empty() -> None:
    assert fill({"a": "${X:-y}", "b": "${X:-}"}, {"X": ""})[0] == {"a": "y", "b": ""}


def test_a_variable_that_is_not_set_is_an_error_with_its_path() -> None:
    _, findings = fill({"routes": [{"uri": "${NOWHERE}"}]}, {})
    assert str(findings[0]) == (
        "routes[0].uri: environment variable NOWHERE is not set: set it, or write ${NOWHERE:-default}"
    )


def test_keys_are_left_alone() -> None:
    assert fill({"${X}": 1}, {"X": "1"})[0] == {"${X}": 1}


def test_filled_text_is_marked() -> None:
    filled, _ = fill({"a": "${X}", "b": "plain"}, {"X": "1"})
    assert isinstance(filled["a"], FromEnvironment)
    assert not isinstance(filled["b"], FromEnvironment)
