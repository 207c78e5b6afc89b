import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate import BadRequest
from phasegate.http.path import canonical_path, parse_target

pieces = st.lists(
    st.sampled_from(
        ["a", "Z", "/", "//", ".", "..", "%2e", "%2E", "%2f", "%41", "%c3%a9", "~", ":", "@", "{", "é", "%5c"]
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("given_path", "canonical"),
    [
        ("/", "/"),
        ("/plain/path", "/plain/path"),
        ("/%41%7e", "/A~"),
        ("/%c3%a9", "/%C3%A9"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/%2e%2e/b", "/b"),
        ("/a/%2E%2e/%2e/b", "/b"),
        ("/../../etc", "/etc"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/.", "/a/"),
        ("/a//b/", "/a//b/"),
        ("/a%2Fb", "/a%2Fb"),
        ("/a%2fb", "/a%2Fb"),
        ("/a;v=1,2/@x:y", "/a;v=1,2/@x:y"),
        ("/a b", "/a%20b"),
        ('/"<>\\^`{|}', "/%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("/größe", "/gr%C3%B6%C3%9Fe"),
        ("/...", "/..."),
        ("/.hidden", "/.hidden"),
    ],
)
def test_one_path_has_one_spelling(given_path: str, canonical: str) -> None:
    assert canonical_path(given_path) == canonical


@pytest.mark.parametrize(
    "path", ["", "a", "/%", "/%4", "/%zz", "/%00", "/a%0", "/..%2Fb", "/a%2f..", "/a%2F.%2Fb", "/x%5c..%5cy", "/\0"]
)
def test_paths_that_are_none_or_hide_something_are_refused(path: str) -> None:
    with pytest.raises(BadRequest):
        canonical_path(path)


@given(pieces)
def test_the_canonical_form_is_stable_and_without_dot_segments(parts: list[str]) -> None:
    try:
        path = canonical_path("/" + "".join(parts))
    except BadRequest:
        return
    assert canonical_path(path) == path
    assert path.isascii()
    assert not re.search(r"(^|/|%2F|%5C)\.\.?(/|%2F|%5C|$)", path)


def test_a_target_is_taken_apart() -> None:
    assert parse_target(b"/a%2Fb?x=%20&y") == ("/a%2Fb", "x=%20&y", None)


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (b"http://example.com/x?y=1", ("/x", "y=1", "example.com")),
        (b"HTTPS://example.com:8443", ("/", "", "example.com:8443")),
        (b"http://example.com?q", ("/", "q", "example.com")),
    ],
)
def test_absolute_form_gives_its_authority(target: bytes, parts: tuple[str, str, str]) -> None:
    assert parse_target(target) == parts


@pytest.mark.parametrize(
    "target",
    [b"*", b"x", b"", b"/a b", b"/\xc3\xa9", b"/a#b", b"ftp://x/", b"http:///x", b"/\x7f", b"/\t", b"example.com:443"],
)
def test_targets_of_another_form_are_refused(target: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_target(target)
