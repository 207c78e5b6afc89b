"""What was measured takes the place of what stood between its marks, and nothing else."""

from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.group import Section
from bench.publish import between_marks, publish

PAGE = """\
Before.
<!-- bench: machine -->
<!-- bench: end of machine -->
<!-- bench: proxy -->
old
<!-- bench: end of proxy -->
After.
"""


def test_a_block_is_replaced_and_the_marks_stay() -> None:
    text = between_marks(PAGE, "proxy", r"new \1")
    assert text == PAGE.replace("old", r"new \1")
    assert between_marks(text, "proxy", "old") == PAGE


def test_a_page_without_marks_stays_as_it_is() -> None:
    assert between_marks(PAGE, "hello", "new") == PAGE


def test_sections_and_pictures_are_written(tmp_path: Path) -> None:
    (tmp_path / "performance.md").write_text(PAGE)
    section = Section("text", {}, blocks={"proxy": "| new |"}, pictures={"performance.svg": "<svg/>"})
    publish(tmp_path, "AMD", {"proxy": section, "abuse": Section("text", {})})
    text = (tmp_path / "performance.md").read_text()
    assert "```text\nAMD\n```" in text
    assert "| new |\n<!-- bench: end of proxy -->\nAfter." in text
    assert (tmp_path / "images" / "performance.svg").read_text() == "<svg/>"


def test_a_folder_without_the_page_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"performance\.md is not there"):
        publish(tmp_path, "", {})
