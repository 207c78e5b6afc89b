"""The programs and packages that a run needs."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError, MissingTools

_DEBIAN_PACKAGES = {
    "nginx": "nginx-light",
    "nginx_lua": "libnginx-mod-http-lua",
    "wrk": "wrk",
    "h2load": "nghttp2-client",
    "etcd": "etcd-server",
}
# Where Debian puts nginx; an ordinary user's PATH leaves these out.
_SYSTEM_FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"
# nginx's module for Lua is no program: it lies where Debian puts modules.
_MODULES = {"nginx_lua": Path("/usr/lib/nginx/modules/ngx_http_lua_module.so")}


@dataclass(frozen=True, slots=True)
class Tools:
    """Where each program, or module, is; empty where it is not installed."""

    nginx: str = ""
    nginx_lua: str = ""
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
    programs = {name: shutil.which(name, path=path) or "" for name in _DEBIAN_PACKAGES if name not in _MODULES}
    return Tools(**programs, **{name: str(place) if place.exists() else "" for name, place in _MODULES.items()})


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
    if lacking:
        raise MissingTools(f"the benchmark needs {', '.join(lacking)}: {remedy(lacking)}")


def remedy(lacking: Iterable[str]) -> str:
    """Return how what is missing is installed."""
    lacking = list(lacking)
    debian = [_DEBIAN_PACKAGES[need] for need in lacking if need in _DEBIAN_PACKAGES]
    ways = [f"on Debian, `apt-get install {' '.join(debian)}`"] if debian else []
    if len(debian) < len(lacking):
        ways.append("`pip install -r requirements-dev.txt`")
    return " and ".join(ways)
