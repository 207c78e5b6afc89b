from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest

from phasegate import Exchange, Plugin, Response, Secret, hookimpl
from phasegate.cli import main
from phasegate.cli.reference import reference
from phasegate.registry import Installed

SOURCE = Installed("told", "phasegate-told", "1.2", EntryPoint("told", "m:Told", "phasegate.plugins"))


@dataclass(kw_only=True)
class Told(Plugin):
    """Tells of itself.

    At some length.
    """

    name: ClassVar[str] = "told"
    priority: ClassVar[int] = 7
    schema: ClassVar[dict[str, Any]] = {
        "limit": {"type": "integer", "min": 1, "max": 9, "default": 3, "about": "How many."},
        "limits": {"type": "integer", "alias_of": "limit"},
        "token": {"type": "string", "required": True, "empty": False, "secret": True},
        "shape": {"type": "string", "allowed": ["round", "square"], "regex": "a|b"},
        "inner": {"type": "dict", "schema": {"key": {"type": ["string", "integer"]}}, "default": {}},
        "several": {"type": "list", "schema": {"type": "dict", "schema": {"one": {"type": "string"}}}},
        "names": {"type": "list", "schema": {"type": "string"}, "default": []},
    }
    metadata_schema: ClassVar[dict[str, Any]] = {"region": {"type": "string", "format": "url"}}
    limit: int
    token: Secret

    @hookimpl
    async def access(self, exchange: Exchange) -> Response | None:
        """Let nobody through.

        Or somebody.
        """
        return None


@dataclass(kw_only=True)
class Silent(Plugin):
    name: ClassVar[str] = "silent"

    @hookimpl
    async def log(self, exchange: Exchange) -> None:
        return None


def test_a_reference_has_everything_that_schema_and_docstrings_say() -> None:
    text = reference(Told, SOURCE)
    assert text.startswith("# told\n\nTells of itself.\n\nAt some length.\n\nFrom phasegate-told 1.2. Priority 7.\n\n")
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert rows == [
        "| `limit` | integer | `3` | at least 1, at most 9 |  | How many. |",
        "| `limits` | integer | none |  |  | another spelling of `limit` |",
        "| `token` | string | required | not empty | yes |  |",
        "| `shape` | string | none | one of `round`, `square`, like `a\\|b` |  |  |",
        "| `inner` | dict | `{}` |  |  |  |",
        "| `inner.key` | string or integer | none |  |  |  |",
        "| `several` | list of dict | none |  |  |  |",
        "| `several[].one` | string | none |  |  |  |",
        "| `names` | list of string | `[]` |  |  |  |",
        "| `region` | string | none | url |  |  |",
        "| `access` | Let nobody through. |",
    ]


def test_a_plugin_that_says_nothing_of_itself_has_no_signature_for_it() -> None:
    text = reference(Silent, SOURCE)
    assert "Silent(" not in text
    assert "It has no keys." in text


@pytest.mark.parametrize("name", ["aws-lambda", "key-auth", "multi-auth"])
def test_bundled_plugins_have_a_reference(capsys: pytest.CaptureFixture[str], name: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plugin", "docs", name])
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"# {name}\n\n")


def test_a_plugin_that_is_not_installed_has_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["plugin", "docs", "key-auht"])
    assert ended.value.code == 1
    assert "plugin 'key-auht' is not installed; did you mean 'key-auth'?" in capsys.readouterr().err
