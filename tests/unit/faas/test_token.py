from phasegate import Secret
from phasegate.faas import Token, basic, bearer


def test_tokens_are_carried_as_the_rfcs_say() -> None:
    assert bearer(Secret("abc")) == b"Bearer abc"
    assert basic(Secret("user:pässword")) == b"Basic dXNlcjpww6Rzc3dvcmQ="


def test_a_token_does_not_show() -> None:
    assert "abc" not in repr(Token(Secret("abc"), 1.0))
