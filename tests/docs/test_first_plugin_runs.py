"""The page on the first plugin, done as it says: begun, its files written, installed and tested, its route loaded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "first-plugin.md").read_text()
FILES: list[tuple[str, str]] = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package as the page has it, installed into a folder of its own beside this environment."""
    parent = tmp_path_factory.mktemp("first")
    (begin,) = re.findall(r"^phasegate (plugin new .*)$", PAGE, re.MULTILINE)
    run(parent, "-m", "phasegate", *begin.split())
    (folder,) = parent.iterdir()
    for name, text in FILES:
        assert (folder / name).exists(), f"{name} is none of the files that were begun"
        (folder / name).write_text(text)
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
    run(folder, "-m", "pip", "install", *quiet, "--target", str(folder / "installed"), str(folder))
    return folder


def run(folder: Path, *arguments: str) -> str:
    """Run Python in the folder, with the package installed, and return what it prints."""
    paths = f"{folder / 'installed'}:{ROOT / 'core'}"
    environment = {"PYTHONPATH": paths, "PATH": "", "ACME_SECRET": "s3cret"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_tests_pass(folder: Path) -> None:
    assert re.search(r"\d{2} passed", run(folder, "-m", "pytest", "-q"))


def test_it_is_typed_and_written_as_its_settings_want(folder: Path) -> None:
    run(folder, "-m", "mypy", "--cache-dir", str(folder / "cache"))
    run(folder, "-m", "ruff", "check", "--no-cache", "src", "tests")
    run(folder, "-m", "ruff", "format", "--check", "--no-cache", "src", "tests")


def test_it_is_listed_and_its_route_loads(folder: Path) -> None:
    listed = run(folder, "-m", "phasegate", "plugins", "--conf", "conf")
    assert re.search(r"^acme-functions +yes +phasegate-acme-functions 0\.1\.0 .*routes/acme", listed, re.MULTILINE)
    assert "ok (1 route, 1 plugin" in run(folder, "-m", "phasegate", "check", "conf")
