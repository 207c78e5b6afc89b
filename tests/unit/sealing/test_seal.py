from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phasegate.sealing import KeyRing, SealBroken, forgeries
from phasegate.sealing.places import Place
from phasegate.sealing.seal import opened, sealed, sealed_texts
from phasegate.store.records import Write

KEY = ("routes", "1")
TEXT = st.text(st.characters(exclude_categories=["Cs"])).filter(lambda text: not text.startswith("$sealed:"))
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return KeyRing.make(tmp_path_factory.mktemp("ring") / "keyring")


def leaves(value: Any, place: Place = ()) -> list[Place]:
    """Return places of a value, of which none is inside of another."""
    if isinstance(value, dict) and value:
        return [inner for key, item in value.items() for inner in leaves(item, (*place, key))]
    if isinstance(value, list) and value:
        return [inner for index, item in enumerate(value) for inner in leaves(item, (*place, index))]
    return [place]


@given(st.dictionaries(TEXT, JSON, min_size=1, max_size=4), st.data())
def test_what_was_sealed_opens_to_what_it_was(kept: KeyRing, value: dict[str, Any], data: st.DataObject) -> None:
    places = data.draw(st.lists(st.sampled_from(leaves(value)), unique=True))
    hidden = sealed(KEY, value, places, kept)
    assert len(sealed_texts(hidden)) == len(places)
    assert opened(KEY, hidden, kept) == value


def test_no_secret_is_left_in_what_is_sealed(kept: KeyRing) -> None:
    value = {"a": "s3cret", "b": ["s3cret", "plain"]}
    hidden = sealed(KEY, value, [("a",), ("b", 0)], kept)
    assert "s3cret" not in str(hidden)
    assert hidden["b"][1] == "plain"
    assert value["a"] == "s3cret"


def test_what_holds_nothing_sealed_stays_the_same_object(kept: KeyRing) -> None:
    value = {"a": ["b"]}
    assert opened(KEY, value, kept) is value


@pytest.mark.parametrize(
    ("key", "place"), [(("routes", "2"), "a"), (("services", "1"), "a"), (("routes", "1"), "b"), (("route", "s1"), "a")]
)
def test_a_sealed_value_opens_nowhere_else(kept: KeyRing, key: tuple[str, str], place: str) -> None:
    text = sealed(KEY, {"a": "s3cret"}, [("a",)], kept)["a"]
    with pytest.raises(SealBroken, match=f"{key[0]}/{key[1]}.{place} does not open with key {kept.newest}"):
        opened(key, {place: text}, kept)


def test_a_place_is_no_longer_name(kept: KeyRing) -> None:
    text = sealed(KEY, {"a": {"b": "s3cret"}}, [("a", "b")], kept)["a"]["b"]
    for value in ({"a.b": text}, {"a": [text]}):
        with pytest.raises(SealBroken):
            opened(KEY, value, kept)


def test_nobody_may_send_what_looks_sealed() -> None:
    writes = [
        Write("routes", "1", {"desc": "$sealed:x", "plugins": {"x": {"keys": ["a", "$sealed:00000000:AAAA"]}}}),
        Write("routes", "2", {"desc": "it is $sealed:"}),
        Write("routes", "3", None),
    ]
    assert [str(finding) for finding in forgeries(writes)] == [
        "routes/1.desc: must not begin with $sealed:: send the value itself",
        "routes/1.plugins.x.keys[1]: must not begin with $sealed:: send the value itself",
    ]
