"""The admin key that is made where none is configured, and the file that keeps it."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
from dataclasses import replace
from pathlib import Path

from ..errors import StartupError
from ..secret import Secret
from ..settings import AdminKey, Settings

_logger = logging.getLogger(__name__)

NAME = "admin"
"""What revisions and logs call the key that was made."""
_KEY = re.compile(r"[!-~]{16,256}")
_OTHERS = 0o077


def ensure(path: Path) -> AdminKey:
    """Return the key in the file; where there is no file, make it, whole or not at all, for its owner's eyes only.

    Raise StartupError when it can't be read or written, when others may read it, or when it holds no key.
    """
    try:
        if not path.exists():
            _make(path)
        return read(path)
    except OSError as error:
        raise StartupError(f"the admin key can't be kept in {path}: {error.strerror}") from error


def with_admin_key(settings: Settings) -> Settings:
    """Return settings that let somebody in: where they name no admin key, the one that is made. Raise StartupError."""
    if settings.admin.keys:
        return settings
    return replace(settings, admin=replace(settings.admin, keys=(ensure(settings.admin_key_file),)))


def read(path: Path) -> AdminKey:
    """Return the key in the file. Raise StartupError as `ensure` does, FileNotFoundError where there is none."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _OTHERS:
            raise StartupError(f"{path} holds the admin key and others may read it: run chmod 600 {path}")
        text = file.read(1024).decode("ascii", "replace").strip()
    if not _KEY.fullmatch(text):
        raise StartupError(f"{path} holds no admin key (16 to 256 visible characters): delete it to have one made")
    return AdminKey(NAME, Secret(text))


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        # A link takes the place of nothing: of two processes that make a key at once, one has it and both read it.
        with contextlib.suppress(FileExistsError):
            os.link(beside, path)
            _logger.info("admin key made", extra={"file": str(path)})
    finally:
        beside.unlink()
