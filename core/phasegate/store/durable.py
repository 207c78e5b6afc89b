"""Files that are whole after a crash, and for their owner alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# A file system takes 255 bytes.
_LONGEST_NAME = 50


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, finds the old one or the new. Its folder is made. Raise OSError.

    Of a link the file is written that it leads to.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file, name = tempfile.mkstemp(prefix=f".{path.name[:_LONGEST_NAME]}-", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(file)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have a folder's entries on the disk. Raise OSError."""
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
