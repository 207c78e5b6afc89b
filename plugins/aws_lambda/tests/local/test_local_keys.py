"""Keys from the environment."""

from __future__ import annotations

import pytest

from phasegate_aws_lambda.local.keys import Credentials, Keys, KeysError, keys_from

PREFIX = "PHASEGATE_LAMBDA_"


def test_nothing_set_asks_for_nothing() -> None:
    assert keys_from({}) == Keys(None, None)


def test_all_keys_are_read() -> None:
    names = ("API_KEY", "ACCESS_KEY", "SECRET_KEY", "SESSION_TOKEN")
    environ = {PREFIX + name: name.lower() for name in names}
    assert keys_from(environ) == Keys("api_key", Credentials("access_key", "secret_key", "session_token"))


@pytest.mark.parametrize("name", ["API_KEY", "ACCESS_KEY", "SECRET_KEY", "SESSION_TOKEN"])
def test_empty_key_is_refused(name: str) -> None:
    with pytest.raises(KeysError, match=f"{PREFIX}{name} is empty"):
        keys_from({PREFIX + name: ""})


def test_key_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(KeysError, match=f"{PREFIX}API_KEY is not ASCII"):
        keys_from({PREFIX + "API_KEY": "schlüssel"})


@pytest.mark.parametrize(
    ("given", "missing"), [("ACCESS_KEY", "SECRET_KEY"), ("SECRET_KEY", "ACCESS_KEY"), ("SESSION_TOKEN", "SECRET_KEY")]
)
def test_half_a_pair_is_refused_without_its_value(given: str, missing: str) -> None:
    with pytest.raises(KeysError, match=f"{PREFIX}{missing} is not set") as caught:
        keys_from({PREFIX + given: "the-value"})
    assert "the-value" not in str(caught.value)


def test_repr_shows_no_secret() -> None:
    keys = Keys("api-key-value", Credentials("AKID", "secret-value", "token-value"))
    assert not any(value in repr(keys) for value in ("api-key-value", "secret-value", "token-value"))
