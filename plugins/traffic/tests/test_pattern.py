import pytest

from phasegate_traffic.pattern import Substitution, doubts, nests_repeats, repeats_of_any


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "first"),
    [
        ("^/a/(.*)$", "/b/$1", "/a/c", "/b/c"),
        ("^/a/(.*)$", "/b/$1", "/x", None),
        ("/(a)/(b)?", "/${1}1$2", "/a/x", "/a1x"),
        ("a", "$$1", "a a", "$1 a"),
        ("(a)", "$0$0", "xa", "xaa"),
        ("a", r"\1", "a", r"\1"),
        ("a", "$", "a", "$"),
    ],
)
def test_the_first_find_is_replaced(pattern: str, replacement: str, text: str, first: str | None) -> None:
    assert Substitution(pattern, replacement).first(text) == first


def test_every_find_is_replaced_with_options() -> None:
    assert Substitution("^A(.)", "<$1>", "imjo").replaced("ab\naC", once=False) == "<b>\n<C>"


@pytest.mark.parametrize(
    ("pattern", "replacement", "options", "message"),
    [
        ("(", "", "", "is no regular expression"),
        ("a", "$1", "", r"has \$1, and its pattern 0 groups"),
        ("(a)", "${2}", "", r"has \$2, and its pattern 1 groups"),
        ("a", "", "g", "has the option 'g'"),
    ],
)
def test_what_is_none_is_refused(pattern: str, replacement: str, options: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Substitution(pattern, replacement, options)


@pytest.mark.parametrize(
    ("pattern", "nests"),
    [
        ("^/a/(.*)$", False),
        ("(a+)+$", True),
        ("(a*)*", True),
        ("(?:a+b?)+", True),
        ("((a+)b)*", True),
        ("(a{2,})+", True),
        ("(a{2,5})+", True),
        ("(a{2})+", False),
        ("(ab)+c+", False),
        ("(a|b)*", False),
        (r"(a\+)+", False),
        ("(a[+*])+", False),
        ("([]+*])+", False),
        (r"\(a+\)+", False),
        ("(a+)(b+)", False),
        ("(a+)?", False),
    ],
)
def test_a_repeat_in_a_repeat_is_seen(pattern: str, *, nests: bool) -> None:
    assert nests_repeats(pattern) is nests
    assert [finding.level for finding in doubts(pattern, "x")] == ["warning"] * nests


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("^/a/(.*)/(.+)/(.*?)/end$", 3),
        ("^/a/(.*)/(.*)$", 2),
        (r"^/a/([^/]*)/([^/]+)/(\.*)$", 0),
        ("^/a/[.]*b[.]*c[.]*$", 0),
        (".*.*.{2,}x", 3),
        (".?.{3}.x", 0),
    ],
)
def test_repeats_of_any_character_are_counted(pattern: str, count: int) -> None:
    assert repeats_of_any(pattern) == count
    assert [finding.level for finding in doubts(pattern, "x")] == ["warning"] * (count >= 3)
