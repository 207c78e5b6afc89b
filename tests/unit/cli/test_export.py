import os
import threading
from pathlib import Path

import pytest

from phasegate.cli.export import _save
from phasegate.errors import CommandError


def test_an_export_is_for_its_owner_alone(tmp_path: Path) -> None:
    _save(tmp_path / "out.yaml", "routes: []\n")
    assert (tmp_path / "out.yaml").stat().st_mode & 0o777 == 0o600


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    _save(pipe, "routes: []\n")
    reader.join(5)
    assert read == ["routes: []\n"]
    assert pipe.is_fifo()


def test_a_folder_is_no_place_for_it(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="can't be written: Is a directory"):
        _save(tmp_path, "routes: []\n")
