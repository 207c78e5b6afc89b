import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate import check_password, hash_password, passwords
from phasegate.passwords import LONGEST, is_password, looks_hashed

ARGON = "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$"
KEY = "A" * 43
# Made by hashlib alone: ln=10, r=8, p=1.
SCRYPT_KEY = hashlib.scrypt(b"sesame", salt=b"saltsaltsalt", n=1024, r=8, p=1, dklen=32)


def scrypt(cost: str = "ln=10,r=8,p=1") -> str:
    return f"$scrypt${cost}$c2FsdHNhbHRzYWx0${passwords._text(SCRYPT_KEY)}"


def test_a_hash_holds_its_password_alone() -> None:
    made = hash_password("p\u00e4ss:word")
    assert check_password(made, "p\u00e4ss:word")
    assert not check_password(made, "p\u00e4ss:worD")
    assert not check_password(made, "")


def test_two_hashes_of_one_password_differ_and_neither_shows_it() -> None:
    one, other = hash_password("sesame"), hash_password("sesame")
    assert one != other
    assert "sesame" not in one
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_hashes_by_scrypt_are_checked() -> None:
    assert check_password(scrypt(), "sesame")
    assert not check_password(scrypt(), "Sesame")


def test_passwords_in_the_clear_are_checked() -> None:
    assert check_password("sesame", "sesame")
    assert not check_password("sesame", "sesamo")


def test_nobody_has_no_password() -> None:
    assert not any(check_password(None, given) for given in ("", "None", "sesame"))


@pytest.mark.parametrize("kept", [None, "in the clear", hash_password("x")], ids=["none", "clear", "hash"])
@pytest.mark.parametrize("given", ["x", "in the clear", "wrong"])
def test_one_key_is_derived_whatever_there_is(monkeypatch: pytest.MonkeyPatch, kept: str | None, given: str) -> None:
    derived: list[tuple[int, int, int]] = []
    derive = passwords._derived

    def counted(of: passwords._Hash, password: str) -> bytes:
        derived.append(of.cost)
        return derive(of, password)

    monkeypatch.setattr(passwords, "_derived", counted)
    check_password(kept, given)
    assert derived == [(19_456, 2, 1)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * (LONGEST + 1),
        "$argon2i$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$" + KEY,
        "$argon2id$v=16$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$" + KEY,
        "$argon2id$v=19$m=1048576,t=1,p=1$c2FsdHNhbHRzYWx0$" + KEY,
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHRzYWx0$" + KEY,
        "$argon2id$v=19$m=1024,t=99,p=1$c2FsdHNhbHRzYWx0$" + KEY,
        "$argon2id$v=19$m=1024,t=0,p=1$c2FsdHNhbHRzYWx0$" + KEY,
        "$argon2id$v=19$m=1024,t=1,p=1$$" + KEY,
        "$argon2id$v=19$m=1024,t=1,p=1$c2FsdHNhbHRzYWx0$",
        ARGON + KEY + "\n",
        ARGON + "A",
        scrypt("ln=30,r=8,p=1"),
        scrypt("ln=0,r=8,p=1"),
        scrypt("ln=10,r=8,p=99"),
        "$2b$12$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuuabcdefghijk",
    ],
)
def test_what_can_not_be_kept(text: str) -> None:
    assert not is_password(text)


@pytest.mark.parametrize("text", ["x", "a:b", "x" * LONGEST, "$100", ARGON + KEY, scrypt()])
def test_what_can_be_kept(text: str) -> None:
    assert is_password(text)


@given(st.text())
@settings(deadline=None)
def test_any_text_can_be_judged(text: str) -> None:
    assert not (is_password(text) and looks_hashed(text)) or text.startswith("$")


def test_scrypt_takes_the_place_of_argon2id_where_that_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = hash_password("sesame")
    monkeypatch.setattr(passwords, "_offers_argon2id", lambda: False)
    made = hash_password("sesame")
    assert made.startswith("$scrypt$ln=14,r=8,p=5$")
    assert (check_password(made, "sesame"), check_password(made, "other")) == (True, False)
    assert (is_password(made), is_password(kept)) == (True, False)
    assert not check_password(None, "sesame")
