import pickle

from phasegate import Secret


def test_a_secret_never_shows() -> None:
    secret = Secret("sesame")
    shown = (repr(secret), str(secret), f"{secret}", f"{secret!r}", repr([secret]), repr({"k": secret}))
    assert all("sesame" not in text for text in shown)


def test_its_value_is_there_for_who_asks() -> None:
    assert Secret("sesame").value == "sesame"


def test_equal_secrets_are_equal() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert hash(Secret("a")) == hash(Secret("a"))


def test_it_survives_the_way_to_a_worker() -> None:
    assert pickle.loads(pickle.dumps(Secret("a"))) == Secret("a")
