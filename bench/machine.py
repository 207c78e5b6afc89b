"""The facts of the machine and the versions of what runs on it."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from .tools import Tools

_PACKAGES = (
    "phasegate",
    "hypercorn",
    "uvicorn",
    "h2",
    "httptools",
    "aiohttp",
    "uvloop",
    "fastapi",
    "httpx",
    "botocore",
)
_VERSION_OPTIONS = {"nginx": "-v", "wrk": "-v", "h2load": "--version", "etcd": "--version"}


def machine() -> dict[str, str]:
    """Return the processor, the number of cores that may be used, the kernel and the Python."""
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
    }


def versions(tools: Tools) -> dict[str, str]:
    """Return the versions of packages and programs that are installed, by name."""
    places = {name: place for name, place in tools.found.items() if name in _VERSION_OPTIONS}
    programs = {name: _printed([place, _VERSION_OPTIONS[name]]) for name, place in places.items()}
    packages = {name: version(name) for name in _PACKAGES if importlib.util.find_spec(name)}
    return {**packages, **programs}


def _processor() -> str:
    match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return match[1] if match else platform.machine()


def _printed(arguments: list[str]) -> str:
    """Return the first version number that a program prints, wherever it does, whatever its exit code."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=10, check=False)
    match = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
    return match[0] if match else "unknown"
