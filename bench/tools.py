"""The programs of the system that a run needs."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError, MissingTools

_DEBIAN_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "h2load": "nghttp2-client"}
# Where Debian puts nginx; an ordinary user's PATH leaves these out.
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Tools:
    """Where each program is."""

    nginx: str
    wrk: str
    h2load: str


def find_tools() -> Tools:
    """Return where the programs are. Raise MissingTools naming the Debian packages of those that are not there."""
    if not Path("/proc/self/stat").exists():
        raise BenchError("the benchmark reads CPU times from /proc: it needs Linux")
    path = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}"
    found = {name: shutil.which(name, path=path) or "" for name in _DEBIAN_PACKAGES}
    missing = [name for name, place in found.items() if not place]
    if missing:
        packages = " ".join(_DEBIAN_PACKAGES[name] for name in missing)
        raise MissingTools(f"the benchmark needs {', '.join(missing)}: on Debian, `apt-get install {packages}`")
    return Tools(**found)
