import pytest

from phasegate.faas import FunctionTarget


def parsed(uri: str, **options: str) -> FunctionTarget:
    return FunctionTarget.parse(uri, **options)


@pytest.mark.parametrize(
    ("uri", "scheme", "address", "host", "path", "query"),
    [
        ("https://h.test", "https", "h.test", "h.test", "/", ""),
        ("https://h.test:443/a", "https", "h.test", "h.test", "/a", ""),
        ("http://h.test:80/a", "http", "h.test", "h.test", "/a", ""),
        ("http://h.test:443/a", "http", "h.test:443", "h.test:443", "/a", ""),
        ("https://H.Test:8443/A%7e?q=1&q=2", "https", "h.test:8443", "h.test:8443", "/A~", "q=1&q=2"),
        ("http://[::1]:9000/", "http", "[::1]:9000", "[::1]:9000", "/", ""),
        ("http://[2001:DB8::1]/x", "http", "[2001:db8::1]", "[2001:db8::1]", "/x", ""),
        ("https://bücher.test/größe", "https", "xn--bcher-kva.test", "xn--bcher-kva.test", "/gr%C3%B6%C3%9Fe", ""),
        ("https://h.test/a/../b", "https", "h.test", "h.test", "/b", ""),
    ],
)
def test_a_url_is_taken_apart(uri: str, scheme: str, address: str, host: str, path: str, query: str) -> None:
    target = parsed(uri)
    assert (target.scheme, target.address, target.host) == (scheme, address, host)
    assert (target.path, target.query, target.tls_name) == (path, query, None)


def test_an_endpoint_says_where_to_connect_and_tls_still_wants_the_functions_name() -> None:
    target = parsed("https://h.test/fn", endpoint="https://10.0.0.1:8443")
    assert (target.address, target.host, target.tls_name) == ("10.0.0.1:8443", "h.test", "h.test")


def test_an_emulators_endpoint_may_be_plain() -> None:
    target = parsed("https://h.test/fn", endpoint="http://127.0.0.1:4566")
    assert (target.scheme, target.address) == ("http", "127.0.0.1:4566")


def test_a_host_of_its_own_is_sent_and_names_the_endpoint() -> None:
    target = parsed("https://vpce-1.test/fn", host="id.execute-api.eu-west-1.amazonaws.com")
    assert (target.address, target.host) == ("vpce-1.test", "id.execute-api.eu-west-1.amazonaws.com")
    assert target.hostname == "id.execute-api.eu-west-1.amazonaws.com"


@pytest.mark.parametrize("uri", ["https://h/%zz", "https://h/a%00", "https://h/?ü", "https://h/..%2fx"])
def test_what_can_not_be_sent_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match=r"path|query"):
        parsed(uri)


@pytest.mark.parametrize(
    ("path", "suffix", "joined"),
    [
        ("/f", None, "/f"),
        ("/f", "", "/f/"),
        ("/f", "a", "/f/a"),
        ("/f/", "a/", "/f/a/"),
        ("/", "a", "/a"),
        ("/", None, "/"),
    ],
)
def test_a_suffix_is_joined_with_one_slash(path: str, suffix: str | None, joined: str) -> None:
    assert parsed(f"https://h{path}").path_with(suffix) == joined


@pytest.mark.parametrize(
    ("own", "sent", "joined"), [("", "", ""), ("a=1", "", "a=1"), ("", "b", "b"), ("a=1", "a=2", "a=1&a=2")]
)
def test_own_pairs_come_first(own: str, sent: str, joined: str) -> None:
    assert parsed(f"https://h/?{own}").query_with(sent) == joined
