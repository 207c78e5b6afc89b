"""What an author can get wrong, as whoever runs the gateway is told of it: `check` and `run` say what is wrong and what to do."""

import itertools
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from phasegate.cli import main
from tests.process import write_conf

HEAD = """
from dataclasses import dataclass
from typing import ClassVar
from phasegate import Exchange, Outcome, Plugin, Response, Secret, hookimpl
from phasegate.faas import FunctionPlugin

@dataclass(kw_only=True)
class Base(Plugin):
    name: ClassVar[str] = "base"

    @hookimpl
    async def access(self, exchange): ...

"""
ACCESS = "@hookimpl\n    async def access(self, exchange): ..."


def plugin(*body: str, decorator: str = "@dataclass(kw_only=True)", base: str = "Plugin", named: str = "odd") -> str:
    lines = "\n".join(f"    {line}" for line in (f'name: ClassVar[str] = "{named}"', *body))
    return f"{decorator}\nclass Odd({base}):\n{lines}\n"


MISUSES = {
    "a synchronous phase": (
        plugin("@hookimpl", "def access(self, exchange): ..."),
        "Odd: access is not a coroutine: write `async def access`",
    ),
    "a forgotten mark": (
        plugin("async def access(self, exchange): ..."),
        "Odd: access is not marked, so it would never run: put @hookimpl above it",
    ),
    "an unmarked override of a marked phase": (
        plugin("async def access(self, exchange): ...", base="Base"),
        "Odd: access is not marked, so it would never run: put @hookimpl above it",
    ),
    "a phase without the exchange": (
        plugin("@hookimpl", "async def access(self): ..."),
        "Odd: access(self) must be access(self, exchange)",
    ),
    "a phase with an argument too many": (
        plugin("@hookimpl", "async def access(self, exchange, services): ..."),
        "Odd: access(self, exchange, services) must be access(self, exchange)",
    ),
    "an argument of another name": (
        plugin("@hookimpl", "async def access(self, ctx): ..."),
        "Odd: access(self, ctx) must be access(self, exchange)",
    ),
    "a misspelt phase, marked": (
        plugin(ACCESS, "@hookimpl", "async def acces(self, exchange): ..."),
        "Odd: acces is marked as a phase and is none: did you mean 'access'?",
    ),
    "a misspelt phase, unmarked": (
        plugin(ACCESS, "async def respones(self, exchange, response): ..."),
        "Odd: respones is no phase, so it would never run: did you mean 'response'?",
    ),
    "no phase at all": (
        plugin("greeting: str = ''"),
        "Odd: has no phase: implement one of rewrite, authenticate, access, proxy, response, log",
    ),
    "a hook wrapper": (
        plugin("@hookimpl(wrapper=True)", "async def access(self, exchange): yield"),
        "Odd: access is a hook wrapper, which async phases can't be: use the response phase instead",
    ),
    "a key without a field": (
        plugin('schema: ClassVar = {"most": {"type": "integer", "default": 1}}', ACCESS),
        "Odd.schema.most: has no field: add `most: int` to Odd",
    ),
    "a field without a key": (
        plugin("most: int", ACCESS),
        "Odd.schema: field 'most' has no key in the schema and no default: add either",
    ),
    "a key that may be left out": (
        plugin('schema: ClassVar = {"most": {"type": "integer"}}', "most: int", ACCESS),
        "Odd.schema.most: may be left out: give it a default here, or the field 'most' one",
    ),
    "a field of another type": (
        plugin('schema: ClassVar = {"most": {"type": "integer", "required": True}}', "most: str", ACCESS),
        "Odd.schema.most: does not agree with its field: write `most: int`",
    ),
    "a secret in the clear": (
        plugin('schema: ClassVar = {"key": {"type": "string", "required": True, "secret": True}}', "key: str", ACCESS),
        "Odd.schema.key: does not agree with its field: write `key: Secret`",
    ),
    "a Secret that the schema does not know of": (
        plugin('schema: ClassVar = {"key": {"type": "string", "required": True}}', "key: Secret", ACCESS),
        "Odd.schema.key: does not agree with its field: write `key: str`",
    ),
    "a rule that there is not": (
        plugin('schema: ClassVar = {"most": {"tpye": "integer", "default": 1}}', "most: int", ACCESS),
        "Odd: the schema is not valid: 'most' has 'tpye', which is no rule: did you mean 'type'?",
    ),
    "a rule that can't be published": (
        plugin('schema: ClassVar = {"a": {"type": "string", "default": "", "dependencies": "b"}}', "a: str", ACCESS),
        "Odd: a has the rule 'dependencies', for which JSON Schema has no word: leave it out",
    ),
    "a schema that is none": (
        plugin('schema: ClassVar = ["most"]', ACCESS),
        "Odd: schema is a list: make it a dict of keys and their rules",
    ),
    "a field with the name of a method": (
        plugin("open: bool = False", ACCESS),
        "Odd: field 'open' has the name of something in Plugin: call it open_",
    ),
    "a schema that is a field": (
        plugin("schema: dict[str, object] = {}", ACCESS),
        "what belongs to the class and not to its configuration is annotated with ClassVar",
    ),
    "a priority that is a field": (
        plugin("priority: int = 5", ACCESS),
        "Odd: priority is a field, and has to be the class's own: write `priority: ClassVar`",
    ),
    "a priority that is no number": (
        plugin("priority: ClassVar = 'high'", ACCESS),
        "Odd: has the priority 'high': give it a whole number",
    ),
    "no dataclass": (
        plugin(ACCESS, decorator=""),
        "Odd: is no dataclass: put @dataclass(kw_only=True) above it",
    ),
    "slots": (
        plugin(ACCESS, decorator="@dataclass(kw_only=True, slots=True)"),
        "Odd: has slots, in which super() fails on Python 3.11: leave slots=True out",
    ),
    "no plugin at all": (
        "class Odd:\n    name = 'odd'\n",
        "Odd: is no subclass of phasegate.Plugin: derive it from Plugin",
    ),
    "another version of the contract": (
        plugin("api_version: ClassVar[int] = 2", ACCESS),
        "Odd: is written for plugin API 2, this is 1: install a matching version",
    ),
    "another name than the entry point's": (
        plugin(ACCESS, named="other"),
        "entry point 'odd' holds a plugin that calls itself 'other': give both one name",
    ),
    "a name that is none": (
        plugin(ACCESS, named="Odd One"),
        'Odd: needs `name: ClassVar = "..."`: lower-case words joined by -',
    ),
    "a synchronous open": (
        plugin(ACCESS, "def open(self, services): ..."),
        "Odd: open is no coroutine: write `async def open`",
    ),
    "an open without services": (
        plugin(ACCESS, "async def open(self): ..."),
        "Odd: open(self) must be open(self, services)",
    ),
    "an asynchronous check": (
        plugin(ACCESS, "async def check(self): ..."),
        "Odd: check is a coroutine: write `def check`",
    ),
    "no rules for credentials": (
        plugin("@hookimpl", "async def authenticate(self, exchange): ..."),
        "Odd: authenticates and has no consumer_schema: say what its entry on a consumer holds",
    ),
    "an import that fails": (
        "import no_such_module_anywhere\n",
        "can't be imported: ModuleNotFoundError: No module named 'no_such_module_anywhere' (phasegate_odd_",
    ),
    "a class that is not there": (
        "class Other: ...\n",
        "can't be imported: AttributeError: module 'phasegate_odd_",
    ),
}
_numbers = itertools.count()


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed distributions, which is forgotten after the test."""
    folder = tmp_path / "lib"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    yield folder
    for name in [name for name in sys.modules if name.startswith("phasegate_odd_")]:
        del sys.modules[name]


def install(library: Path, source: str) -> None:
    module = f"phasegate_odd_{next(_numbers)}"
    (library / f"{module}.py").write_text(textwrap.dedent(HEAD) + source)
    metadata = library / f"{module}-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[phasegate.plugins]\nodd = {module}:Odd\n")


def said(command: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main([command, str(folder)] if command == "check" else [command, "--conf", str(folder)])
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(("source", "remedy"), MISUSES.values(), ids=MISUSES)
def test_misuse_is_refused_with_the_remedy(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str], command: str, source: str, remedy: str
) -> None:
    install(library, source)
    told = said(command, write_conf(tmp_path, {"routes": []}, plugins=["odd"]), capsys)
    assert told.startswith(f"error: {tmp_path}/gateway.yaml: ")
    assert remedy in told


def test_two_distributions_with_one_plugin_are_both_named(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        install(library, plugin(ACCESS))
    told = said("check", write_conf(tmp_path, {"routes": []}, plugins=["odd"]), capsys)
    assert "plugins[0]: plugin 'odd' comes from phasegate-odd-" in told
    assert told.endswith(": uninstall all but one\n")


def test_everything_that_is_wrong_is_told_at_once(
    tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(library, plugin("most: int", "@hookimpl", "def access(self): ..."))
    told = said("check", write_conf(tmp_path, {"routes": []}, plugins=["odd", "nowhere"]), capsys)
    assert len(told.splitlines()) == 3


def test_a_plugin_without_misuse_is_fine(tmp_path: Path, library: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(library, plugin(ACCESS))
    with pytest.raises(SystemExit) as ended:
        main(["check", str(write_conf(tmp_path, {"routes": []}, plugins=["odd"]))])
    assert (ended.value.code or 0, capsys.readouterr().err) == (0, "")
