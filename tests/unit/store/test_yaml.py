import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from phasegate import ConfigError
from phasegate.store.yaml import read_yaml

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def parsed(tmp_path: Path, text: str) -> object:
    path = tmp_path / "f.yaml"
    path.write_text(text)
    return read_yaml(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1\n", "f.yaml:2:1: is not valid YAML"),
        ("a: 1\na: 2\n", "f.yaml:2:1: is not valid YAML: key 'a' is repeated"),
        ("b:\n  a: 1\n  a: 2\n", "f.yaml:3:3: is not valid YAML: key 'a' is repeated"),
        ("1: x\n", "f.yaml:1:1: is not valid YAML: key 1 is no text: quote it"),
        ("- a\n", "f.yaml: must hold an object at its top"),
        ("text", "f.yaml: must hold an object at its top"),
        ("a: !!python/object/apply:os.system [x]\n", "f.yaml:1:4: is not valid YAML"),
        ("a: \t- x\n", "f.yaml:"),
        ("a: &a [*a]\n", "f.yaml:1:8: is not valid YAML: holds itself, by the alias *a"),
        ("a: &a 1\nb: &a 2\n", "f.yaml:2:4: is not valid YAML: anchor &a is repeated"),
        ("a: *b\n", "f.yaml:1:4: is not valid YAML: no anchor &b stands before this alias"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: is not valid YAML: begins a second document"),
        ("a: !!set {b, c}\n", "f.yaml:1:4: is not valid YAML: tag tag:yaml.org,2002:set is not known here"),
        ("? [a]\n: 1\n", "f.yaml:1:3: is not valid YAML: key ['a'] is no text: quote it"),
        ("a: {<<: b}\n", "f.yaml:1:9: is not valid YAML: can't be merged"),
        ("a: !!int b\n", "f.yaml: is not valid YAML: invalid literal"),
        ("a: " + "[" * 60 + "]" * 60 + "\n", "f.yaml:1:53: is not valid YAML: is nested more than 50 deep"),
    ],
)
def test_a_file_that_is_none_is_refused_with_the_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parsed(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"a: \xff\xfe\x00")
    with pytest.raises(ConfigError, match="is not valid YAML"):
        read_yaml(tmp_path / "f.yaml")


def test_anchors_and_merges_work(tmp_path: Path) -> None:
    assert parsed(tmp_path, "a: &a {x: 1}\nb: {<<: *a, y: 2}\n") == {"a": {"x": 1}, "b": {"x": 1, "y": 2}}


def test_of_many_merged_the_first_counts_most(tmp_path: Path) -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {<<: [*a, *b], z: 3}\nd: {'<<': *a, e: <<}\n"
    found = parsed(tmp_path, text)
    assert isinstance(found, dict)
    assert (found["c"], found["d"]) == ({"x": 1, "y": 1, "z": 3}, {"<<": {"x": 1, "y": 1}, "e": "<<"})


def test_numbers_and_texts_are_what_they_look_like_or_are_said_to_be(tmp_path: Path) -> None:
    text = "a: [1, -0x1F, 1.5, .inf, ~, null, '', '1', !!str 1, !!float 1, \"null\", x y]"
    assert parsed(tmp_path, text) == {"a": [1, -31, 1.5, float("inf"), None, None, "", "1", "1", 1.0, "null", "x y"]}


@given(st.dictionaries(st.text(), JSON))
def test_what_is_written_as_yaml_is_read_as_it_was(document: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for flow in (True, False):
            path = Path(folder) / "f.yaml"
            path.write_text(yaml.safe_dump(document, default_flow_style=flow))
            assert read_yaml(path) == document


def test_dates_stay_text(tmp_path: Path) -> None:
    assert parsed(tmp_path, "a: 2024-01-01\n") == {"a": "2024-01-01"}


def test_an_empty_file_is_an_empty_document(tmp_path: Path) -> None:
    assert parsed(tmp_path, "# nothing\n") == {}


def test_a_few_lines_that_stand_for_billions_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, 12)]
    with pytest.raises(ConfigError, match="has more than 5000000 values once its aliases are filled in"):
        parsed(tmp_path, "\n".join(lines))


def test_only_true_and_false_are_booleans(tmp_path: Path) -> None:
    text = "a: off\nb: yes\nc: true\nd: False\nno: 1\n"
    assert parsed(tmp_path, text) == {"a": "off", "b": "yes", "c": True, "d": False, "no": 1}


def test_a_key_may_stand_over_a_merged_one(tmp_path: Path) -> None:
    assert parsed(tmp_path, "a: &a {x: 1}\nb:\n  x: 2\n  <<: *a\n") == {"a": {"x": 1}, "b": {"x": 2}}
