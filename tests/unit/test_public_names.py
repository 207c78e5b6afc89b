"""The public names are complete, documented, and what plugins use."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PUBLIC = ["phasegate", "phasegate.commands", "phasegate.faas", "phasegate.testing", "phasegate.testing.conformance"]


@pytest.mark.parametrize("name", PUBLIC)
def test_all_is_sorted_and_everything_in_it_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__all__ == sorted(module.__all__, key=lambda text: (text[0].islower(), text))
    assert all(hasattr(module, public) for public in module.__all__)


@pytest.mark.parametrize("name", PUBLIC)
def test_nothing_is_public_that_is_not_in_all(name: str) -> None:
    module = importlib.import_module(name)
    imported = {
        public
        for public, value in vars(module).items()
        if not public.startswith("_") and not inspect.ismodule(value) and getattr(value, "__module__", "") != "typing"
    }
    assert imported - set(module.__all__) == set()


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_documented(name: str) -> None:
    module = importlib.import_module(name)
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), public
            own = (
                [method for key, method in vars(value).items() if not key.startswith("_")]
                if inspect.isclass(value)
                else []
            )
            assert all(inspect.getdoc(method) for method in own if inspect.isfunction(method)), public


def test_bundled_plugins_import_nothing_else_of_core() -> None:
    pattern = re.compile(r"^\s*(?:from|import) (phasegate(?:\.\w+)*)", re.MULTILINE)
    used = {
        found
        for path in (ROOT / "plugins").glob("*/src/**/*.py")
        for found in pattern.findall(path.read_text())
        if found.split(".")[0] == "phasegate"
    }
    assert used <= set(PUBLIC)
