"""What references read on this machine: variables and files, and no others than the settings allow."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .parts import parsed, picked
from .syntax import File, Unresolved, Variable

_MOST_BYTES = 65_536
# Linux tells there where an open file really is.
_OPEN_FILES = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Reach:
    """How far references reach: variables by the beginnings of their names, files by folders; `folder` is where a
    relative path begins.
    """

    env_prefixes: tuple[str, ...] = ("PHASEGATE_",)
    file_roots: tuple[Path, ...] = ()
    folder: Path = field(default_factory=Path)


def read_variable(variable: Variable, reach: Reach, environ: Mapping[str, str]) -> str:
    """Return what an environment variable holds. Raise Unresolved."""
    if not variable.name.startswith(reach.env_prefixes):
        allowed = ", ".join(reach.env_prefixes) or "nothing"
        raise Unresolved(
            f"names a variable that no reference may read: names begin with {allowed} (secrets.env_prefixes)"
        )
    text = environ.get(variable.name)
    if not text:
        raise Unresolved(f"environment variable {variable.name} is not set: set it for the gateway")
    return picked(parsed(text), variable.keys) if variable.keys else text


def read_file(file: File, reach: Reach) -> str:
    """Return what a file holds, without its last line's end. Raise Unresolved.

    Links are followed before the file's place is judged. It is judged again once the file is open, for a folder on the way
    may have become a link in between.
    """
    try:
        path = os.path.realpath(reach.folder / file.path)
        roots = [os.path.realpath(root) for root in reach.file_roots]
        _judge(path, roots)
        data = _read(path, roots)
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise Unresolved(f"leads to a file that can't be read: {error.strerror}") from error
    except UnicodeError as error:
        raise Unresolved("leads to a file that is no UTF-8 text") from error
    if not text:
        raise Unresolved("leads to an empty file: write the value into it")
    return text


def _judge(path: str, roots: Sequence[str]) -> None:
    if not any(Path(path).is_relative_to(root) for root in roots):
        raise Unresolved("leads to a file that no reference may read: add its folder to secrets.file_roots")


def _read(path: str, roots: Sequence[str]) -> bytes:
    # A pipe in the file's place would block without O_NONBLOCK.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as stream:  # noqa: PTH123 (a descriptor has no path)
        if _OPEN_FILES.is_dir():
            _judge(os.readlink(_OPEN_FILES / str(descriptor)), roots)  # noqa: PTH115 (it is text that is judged)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unresolved("leads to something that is no file")
        data = stream.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise Unresolved(f"leads to a file of more than {_MOST_BYTES} bytes")
    return data
