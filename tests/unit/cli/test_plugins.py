import json
from pathlib import Path
from typing import Any

import pytest

from phasegate.cli import main
from tests.process import write_conf

DOCUMENT: dict[str, Any] = {
    "routes": [
        {"id": "a", "uri": "/a", "plugins": {"key-auth": {}, "cors": {}}},
        {"id": "b", "uri": "/b", "plugins": {"multi-auth": {"auth_plugins": [{"key-auth": {}}]}}},
    ],
    "consumers": [{"username": "jack", "plugins": {"key-auth": {"key": "sesame"}}}],
    "global_rules": [{"id": "g", "plugins": {"cors": {}}}],
}


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert not ended.value.code
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.fixture
def folder(tmp_path: Path) -> str:
    return str(write_conf(tmp_path, DOCUMENT, plugins=["key-auth", "cors", "multi-auth"]))


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in json.loads(said(capsys, "plugins", "--json", *arguments)[0])}


def test_everything_about_a_plugin_is_in_the_json(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    key_auth = listed(capsys, "--conf", folder)["key-auth"]
    schemas = key_auth.pop("schemas")
    assert key_auth == {
        "name": "key-auth",
        "distribution": "phasegate-auth",
        "version": "0.1.0",
        "enabled": True,
        "priority": 2500,
        "phases": ["authenticate"],
        "used_by": ["consumers/jack", "routes/a", "routes/b"],
        "error": None,
    }
    assert set(schemas) == {"main", "consumer"}
    assert schemas["consumer"]["properties"]["key"]["x-secret"] is True


def test_what_is_not_used_says_so(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    found = listed(capsys, "--conf", folder)
    assert found["cors"]["used_by"] == ["global_rules/g", "routes/a"]
    assert (found["csrf"]["enabled"], found["csrf"]["used_by"]) == (False, [])


def test_without_a_folder_nobody_knows_who_uses_what(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert listed(capsys)["csrf"]["used_by"] is None
    assert "USED BY" not in said(capsys, "plugins")[0]


def test_the_table_names_what_must_be_given_and_who_uses_it(capsys: pytest.CaptureFixture[str], folder: str) -> None:
    lines = said(capsys, "plugins", "--conf", folder)[0].splitlines()
    rows = {line.split()[0].lower(): line for line in lines}
    assert rows["name"].endswith("  USED BY")
    assert " key, 2 optional " in rows["csrf"]
    assert rows["key-auth"].endswith("  consumers/jack, routes/a, routes/b")


def test_a_folder_that_can_not_be_served_still_says_what_it_enables(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = str(write_conf(tmp_path, {"routes": [{"id": "a", "uri": "a"}]}, plugins=["cors"]))
    output, errors = said(capsys, "plugins", "--conf", folder)
    assert f"`phasegate check {folder}` says why" in errors
    assert "USED BY" not in output
    assert "yes" in next(line for line in output.splitlines() if line.startswith("cors"))
