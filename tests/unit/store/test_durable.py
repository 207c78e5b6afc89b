import stat
from pathlib import Path

import pytest

from phasegate.store.durable import replace_file


def test_a_file_is_replaced_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "file"
    replace_file(path, b"old")
    with path.open("rb") as reader:
        replace_file(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"
    assert [stat.S_IMODE(file.stat().st_mode) for file in (path, path.parent)] == [0o600, 0o700]


def test_no_other_file_is_touched(tmp_path: Path) -> None:
    (tmp_path / "file.new").write_text("mine")
    replace_file(tmp_path / "file", b"whole")
    assert (tmp_path / "file.new").read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "file.new"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/file")
    replace_file(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "file").read_bytes() == b"new"


def test_a_file_that_can_not_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "file", b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
