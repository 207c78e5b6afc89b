"""The site: it is built without a warning, every page of the docs is in it, and it fetches nothing from elsewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from phasegate.registry import installed

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    command = (sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_of_the_docs_is_in_the_menu() -> None:
    menu = yaml.safe_dump(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert pages <= set(re.findall(r"[\w-]+\.md", menu))


def test_the_reference_has_a_page_for_every_plugin(site: Path) -> None:
    pages = {path.stem for path in (site / "reference" / "plugins").glob("*.html")}
    assert pages == set(installed())
    assert "keepalive_pool" in (site / "reference" / "plugins" / "aws-lambda.html").read_text()
    assert "graceful_timeout" in (site / "reference" / "gateway.html").read_text()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        fetched = re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?:[^\" >]+)", page.read_text())
        assert [url for url in fetched if "canonical" not in url] == [], page.name


def test_no_link_leads_out_of_the_site_into_the_repository(site: Path) -> None:
    for page in site.glob("*.html"):
        assert 'href="../' not in page.read_text(), page.name
