"""The programs and packages that a run needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError, MissingTools

_DEBIAN_PACKAGES = {"nginx": "nginx-light", "wrk": "wrk", "h2load": "nghttp2-client", "etcd": "etcd-server"}
# Where Debian puts nginx; an ordinary user's PATH leaves these out.
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Tools:
    """Where each program is; empty where it is not installed."""

    nginx: str = ""
    wrk: str = ""
    h2load: str = ""
    etcd: str = ""

    @property
    def found(self) -> dict[str, str]:
        """The programs that are there."""
        places = {name: getattr(self, name) for name in _DEBIAN_PACKAGES}
        return {name: place for name, place in places.items() if place}


def find_tools() -> Tools:
    """Return where the programs are."""
    if not Path("/proc/self/stat").exists():
        raise BenchError("the benchmark reads CPU times from /proc: it needs Linux")
    path = f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM_FOLDERS}"
    return Tools(**{name: shutil.which(name, path=path) or "" for name in _DEBIAN_PACKAGES})


def missing(needs: Iterable[str], tools: Tools) -> list[str]:
    """Return which of these programs and Python packages are not installed."""
    return sorted(
        need
        for need in needs
        if need not in tools.found and (need in _DEBIAN_PACKAGES or importlib.util.find_spec(need) is None)
    )


def require(needs: Iterable[str], tools: Tools) -> None:
    """Raise MissingTools naming what is not installed, and how it is."""
    lacking = missing(needs, tools)
    if not lacking:
        return
    debian = [_DEBIAN_PACKAGES[need] for need in lacking if need in _DEBIAN_PACKAGES]
    ways = [f"on Debian, `apt-get install {' '.join(debian)}`"] if debian else []
    if len(debian) < len(lacking):
        ways.append("`pip install -r requirements-dev.txt`")
    raise MissingTools(f"the benchmark needs {', '.join(lacking)}: {' and '.join(ways)}")
