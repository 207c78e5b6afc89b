"""What may be shown of an exchange, and what never."""

import pytest

from phasegate.explain.veil import Veil

SECRET = "pl4nted-s3cret"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqYWNrIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "proxy-authorization", "cookie", "set-cookie", "apikey", "x-api-key", "x-apikey", "api_key"),
        *(
            "x-auth-token",
            "access_token",
            "accessToken",
            "id_token",
            "token",
            "x-csrf-token",
            "x-xsrf",
            "client_secret",
        ),
        *(
            "password",
            "passwd",
            "x-amz-security-token",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "x-functions-key",
            "key",
        ),
        *("code", "sig", "sid", "session_id", "PHPSESSION", "jwt", "client_assertion", "private-id", "x-door"),
    ],
)
def test_what_these_names_hold_is_hidden(name: str) -> None:
    veil = Veil(["X-Door"])
    assert veil.value(name, SECRET) == "***"
    assert veil.received(name, SECRET) == "***"
    assert SECRET not in veil.query(f"a=b&{name}={SECRET}")
    assert SECRET not in veil.text(f"https://h.test/x?a=b&{name}={SECRET}#f")


@pytest.mark.parametrize("name", ["content-type", "x-version", "monkey", "keyboard", "x-code-name-x", "design", "host"])
def test_what_others_hold_is_shown(name: str) -> None:
    hidden = name == "x-code-name-x"
    assert Veil().value(name, "v1") == ("***" if hidden else "v1")


def test_a_client_s_field_that_only_a_plugin_may_know_is_hidden() -> None:
    assert Veil().received("x-version", "1") == "***"
    assert Veil().received("accept-language", "de") == "de"


@pytest.mark.parametrize(
    "text",
    [
        *(f"said {SECRET}.", SECRET, f"Bearer {SECRET}", f"x={SECRET}&y=1", "said pl4nted%2Ds3cret", f"<{SECRET}>"),
        *(f"Basic {SECRET}", f"https://jack:{SECRET}@h.test/", f"a {JWT} b", "AKIAIOSFODNN7EXAMPLE"),
    ],
)
def test_no_text_shows_one(text: str) -> None:
    shown = Veil(secrets=[SECRET, "pl4nted%2Ds3cret"]).text(text)
    assert "***" in shown
    for part in (SECRET, JWT, "pl4nted", "AKIA"):
        assert part not in shown


def test_an_escaped_secret_is_known_again() -> None:
    assert Veil(secrets=["a b/c+d"]).text("/x/a%20b%2Fc%2Bd") == "/x/***"


@pytest.mark.parametrize("text", [f"Bearer {SECRET}", f"https://jack:{SECRET}@h.test/", JWT, "AKIAIOSFODNN7EXAMPLE"])
def test_what_looks_like_a_credential_is_one(text: str) -> None:
    assert Veil().text(text) in ("***", "https://***@h.test/")


def test_a_short_secret_hides_only_what_it_is_all_of() -> None:
    veil = Veil(secrets=["ab"])
    assert (veil.text("ab"), veil.text("absolute")) == ("***", "absolute")


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    assert Veil(secrets=["secret", "secret-too"]).text("secret-too") == "***"


def test_without_a_route_no_argument_is_shown() -> None:
    assert Veil(all_arguments=True).query(f"a={SECRET}&b={SECRET}&{SECRET}") == "a=***&b=***&***"


def test_a_long_text_is_cut() -> None:
    assert len(Veil().text("x" * 5000)) < 300


def test_more_names_hide_more_and_no_less() -> None:
    veil = Veil(["a"], [SECRET]).with_names(["b"])
    assert [veil.value("a", "1"), veil.value("b", "1"), veil.value("c", SECRET)] == ["***", "***", "***"]
