from pathlib import Path

import pytest

from phasegate import ConfigError
from phasegate.store.yaml import read_yaml


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
