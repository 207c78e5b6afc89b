import pytest

from phasegate import BadRequest
from phasegate.http.address import is_within, parse_authority, parse_networks


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("Example.COM", ("example.com", None)),
        ("example.com.:80", ("example.com", 80)),
        ("127.0.0.1:9080", ("127.0.0.1", 9080)),
        ("[::1]:9080", ("[::1]", 9080)),
        ("[2001:DB8::1]", ("[2001:db8::1]", None)),
        ("[::ffff:192.0.2.1]", ("[::ffff:192.0.2.1]", None)),
        ("example.com:", ("example.com", None)),
    ],
)
def test_an_authority_is_a_host_and_perhaps_a_port(text: str, parsed: tuple[str, int | None]) -> None:
    assert parse_authority(text) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a b",
        "a/b",
        "user@host",
        "a,b",
        "a:b",
        "a:99999",
        "a:80:80",
        "::1",
        "[::1",
        "a\\b",
        ".",
        ".:80",
        "a%zz",
        "%61dmin.test",
        "a%2Fb",
        "a%2",
        ":80",
        "[:::::]",
        "[1.2.3.4]",
        "[::1]a",
    ],
)
def test_what_is_not_one_host_is_refused(text: str) -> None:
    with pytest.raises(BadRequest):
        parse_authority(text)


def test_addresses_lie_in_networks() -> None:
    networks = parse_networks(("10.0.0.0/8", "2001:db8::/32", "192.0.2.1"))
    assert is_within("10.1.2.3", networks)
    assert is_within("::ffff:10.1.2.3", networks)
    assert is_within("2001:db8::5", networks)
    assert not is_within("192.0.2.2", networks)
    assert not is_within("unknown", networks)
