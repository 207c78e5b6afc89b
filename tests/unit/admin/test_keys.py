import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from phasegate.admin import keys
from phasegate.errors import StartupError


def test_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "var" / "admin-key"
    made = keys.ensure(path)
    assert len(made.key.value) >= 32
    assert (made.name, made.role) == ("admin", "admin")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert keys.ensure(path).key == made.key
    assert list(path.parent.iterdir()) == [path]


def test_who_makes_one_at_the_same_time_has_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(keys.ensure, [tmp_path / "var" / "admin-key"] * 32))
    assert len({key.key.value for key in made}) == 1


def test_the_log_names_the_file_and_not_the_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        made = keys.ensure(tmp_path / "admin-key")
    (record,) = caplog.records
    assert (record.message, vars(record)["file"]) == ("admin key made", str(tmp_path / "admin-key"))
    assert made.key.value not in str(vars(record))


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "admin-key"
    keys.ensure(path)
    path.chmod(0o640)
    with pytest.raises(StartupError, match="others may read it: run chmod 600"):
        keys.ensure(path)


@pytest.mark.parametrize("text", ["", "short", "with spaces in between them all"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "admin-key"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(StartupError, match="holds no admin key"):
        keys.ensure(path)


def test_a_folder_that_can_t_be_made(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")
    with pytest.raises(StartupError, match="can't be kept in"):
        keys.ensure(tmp_path / "var" / "admin-key")
