"""The page on the first plugin, done as it says: its files written, installed and tested, and its route loaded."""

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
    folder = tmp_path_factory.mktemp("phasegate-acme")
    for name, text in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation")
    run(folder, "-m", "pip", "install", *quiet, "--target", str(folder / "installed"), str(folder))
    return folder


def run(folder: Path, *arguments: str) -> str:
    """Run Python in the folder, with the package installed, and return what it prints."""
    environment = {"PYTHONPATH": f"{folder / 'installed'}:{ROOT / 'core'}", "PATH": ""}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_its_test_passes(folder: Path) -> None:
    assert "1 passed" in run(folder, "-m", "pytest")


def test_it_is_typed_as_strictly_as_we_are(folder: Path) -> None:
    run(folder, "-m", "mypy", "--strict", "--cache-dir", str(folder / "cache"), "src")


def test_it_is_listed_and_its_route_loads(folder: Path) -> None:
    assert re.search(
        r"^acme-functions +no +phasegate-acme 0\.1\.0 ", run(folder, "-m", "phasegate", "plugins"), re.MULTILINE
    )
    routes = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
    (folder / "routes.yaml").write_text(routes.replace("${ACME_SECRET}", "s3cret"))
    (folder / "gateway.yaml").write_text("plugins: [acme-functions]\nresources: {store: none}\n")
    assert "ok (1 route, 1 plugin" in run(folder, "-m", "phasegate", "check", ".")
