import pytest

from phasegate.router.pattern import parse_uri


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("", "slash"),
        ("x", "slash"),
        ("/a*", "whole last segment"),
        ("/*/b", "whole last segment"),
        ("/a/:", "letters"),
        ("/a/:1", "letters"),
        ("/a/:x-y", "letters"),
        ("/:a/:a", "twice"),
        ("/a?b=1", "vars"),
        ("/a#b", "vars"),
        ("/%zz", "hexadecimal"),
    ],
)
def test_a_uri_that_is_none_is_refused_with_the_reason(uri: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_uri(uri)


def test_a_pattern_knows_its_parameters() -> None:
    pattern = parse_uri("/user/:id/files/*")
    assert pattern.segments == ("user", None, "files")
    assert pattern.names == ("id",)
    assert pattern.is_prefix
    assert not pattern.is_exact
