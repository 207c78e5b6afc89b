from phasegate import Headers
from phasegate.http.cookies import cookie, joined_crumbs


def test_the_first_cookie_of_a_name_is_found() -> None:
    headers = Headers([("cookie", "a=1; b=x=y"), ("cookie", "a=2")])
    assert cookie(headers, "a") == "1"
    assert cookie(headers, "b") == "x=y"
    assert cookie(headers, "c") is None


def test_crumbs_are_joined() -> None:
    raw = [(b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")]
    assert joined_crumbs(raw) == [(b"x", b"y"), (b"cookie", b"a=1; b=2")]
