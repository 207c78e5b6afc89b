from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from phasegate.cli.yaml_text import yaml_text
from phasegate.store.yaml import read_yaml

PEM = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def test_a_certificate_stands_as_it_is() -> None:
    assert yaml_text({"ssls": [{"id": "1", "cert": PEM}]}) == (
        "ssls:\n"
        "  - id: '1'\n"
        "    cert: |\n"
        "      -----BEGIN CERTIFICATE-----\n"
        "      MIIB\n"
        "      AAAA\n"
        "      -----END CERTIFICATE-----\n"
    )


def test_long_text_is_not_folded_and_equal_values_are_written_twice() -> None:
    shared = {"greeting": "word " * 100}
    text = yaml_text({"routes": [{"id": "a", "x": shared, "y": shared}]})
    assert text.count("word " * 99) == 2
    assert "&" not in text


def test_an_empty_list_is_one() -> None:
    assert yaml_text({"routes": []}) == "routes: []\n"


@settings(deadline=None)
@given(items=st.lists(st.dictionaries(TEXT, VALUES, min_size=1, max_size=3), max_size=3))
def test_it_is_read_as_it_was(items: list[dict[str, object]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "routes.yaml"
        path.write_text(yaml_text({"routes": items}), encoding="utf-8", newline="")
        assert read_yaml(path) == {"routes": items}
