"""The suite of function plugins passes one that does as it should, and fails each one that does not, where it does not."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

VENDORS = Path(__file__).with_name("vendors.py")
# Where a vendor gets one thing wrong, and a part of the names of the tests that have to say so.
WRONG = {
    "AddsItsCredential": "own_credentials_do_not_arrive",
    "LogsItsCredential": "no_log_and_no_answer_shows",
    "ShowsItsCredential": "configuration_shows_no_credentials",
    "ReadsTheAnswerFirst": "first_byte_comes_before_the_last",
    "JoinsCookies": "test_headers_come_through",
    "TakesErrorsForFailures": "own_status_comes_through",
    "HidesFailures": "function_that_is_not_there_is_a_502",
    "LooksAtTheOriginal": "a_rewrite_changes_what_the_function_sees",
    "SortsTheQuery": "the_query_arrives",
    "HandsEverythingOn": "fields_of_the_connection_stay_behind",
    "TrustsEverybody": "certificate_that_nobody_knows",
    "TakesAnyBody": "body_over_the_limit_never_arrives",
    "WaitsForEver": "function_that_hangs_is_a_504",
}
# The good one is asked everything, the others what they get wrong.
_ASKED = " or ".join(["TestGood", *(f"(Test{vendor} and {part})" for vendor, part in WRONG.items())])
SETTINGS = """
[pytest]
asyncio_mode = strict
addopts = --import-mode=importlib -p phasegate.testing.fixtures -p no:schemathesis -p no:cacheprovider --timeout 5
python_files = vendors.py
"""


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Which tests each vendor failed."""
    folder = tmp_path_factory.mktemp("stranger")
    (folder / "pytest.ini").write_text(SETTINGS)
    (folder / "vendors.py").write_text(VENDORS.read_text())
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rfE", "--tb=no", "-k", _ASKED, str(folder)],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=300,
        check=False,
    )
    assert re.search(r"\d+ failed, \d+ passed", ran.stdout), ran.stdout + ran.stderr
    found: dict[str, list[str]] = {}
    for vendor, test in re.findall(r"^(?:FAILED|ERROR) vendors\.py::Test(\w+)::(\S+)", ran.stdout, re.MULTILINE):
        found.setdefault(vendor, []).append(test)
    return found


@pytest.mark.timeout(300)
@pytest.mark.long
def test_who_does_as_asked_passes(failures: dict[str, list[str]]) -> None:
    assert "Good" not in failures


@pytest.mark.timeout(300)
@pytest.mark.long
@pytest.mark.parametrize("vendor", WRONG)
def test_who_does_not_fails_there(failures: dict[str, list[str]], vendor: str) -> None:
    assert any(WRONG[vendor] in test for test in failures.get(vendor, [])), failures.get(vendor)


@pytest.mark.timeout(300)
@pytest.mark.long
def test_nobody_else_fails(failures: dict[str, list[str]]) -> None:
    assert failures.keys() == WRONG.keys()
