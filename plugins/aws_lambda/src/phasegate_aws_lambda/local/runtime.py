"""The program that runs a handler: Python's or Node's, by the extension of the handler's file."""

from __future__ import annotations

import shutil
import sys
from abc import ABC, abstractmethod
from pathlib import Path

_HERE = Path(__file__).parent
_NO_NODE = "there is no `node` on the PATH: install Node.js (https://nodejs.org, version 18 or newer)"


class Runtime(ABC):
    """Runs handlers of one language. `suffixes` are those of their files, `watched` those whose change is new code."""

    suffixes: tuple[str, ...]
    watched: tuple[str, ...]
    environment: dict[str, str]

    @abstractmethod
    def program(self) -> tuple[str, ...]:
        """Return what starts a child, before its socket, file and function. Raise OSError where it is not installed."""


class Python(Runtime):
    """The Python that runs this process."""

    suffixes = (".py",)
    watched = (".py",)
    environment = {  # noqa: RUF012 (only read)
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        # A file that is saved twice within a second can have a byte code file that looks up to date and is not.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
    }

    def program(self) -> tuple[str, ...]:
        """Return the interpreter and our program for it."""
        return (sys.executable, "-P", str(_HERE / "child.py"))


class Node(Runtime):
    """The machine's Node.js; the child itself tells its version in `AWS_EXECUTION_ENV`."""

    suffixes = (".mjs", ".js", ".cjs")
    watched = (*suffixes, ".json")
    environment = {}  # noqa: RUF012 (only read)

    def program(self) -> tuple[str, ...]:
        """Return Node and our program for it. Raise OSError where there is none."""
        node = shutil.which("node")
        if node is None:
            raise FileNotFoundError(_NO_NODE)
        return (node, str(_HERE / "node" / "child.mjs"))


_RUNTIMES: tuple[Runtime, ...] = (Python(), Node())
SUFFIXES = tuple(suffix for runtime in _RUNTIMES for suffix in runtime.suffixes)


def runtime_of(path: Path) -> Runtime:
    """Return what runs a handler in this file. Raise ValueError where nothing does."""
    for runtime in _RUNTIMES:
        if path.suffix in runtime.suffixes:
            return runtime
    raise ValueError(f"{path} is no handler's file: it must end with one of {', '.join(SUFFIXES)}")
