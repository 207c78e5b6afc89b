"""The file source: `routes.yaml`, read whole and watched."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from watchfiles import awatch

from ..environment import fill
from ..errors import ConfigError, Finding
from .yaml import read_yaml

_LOOK_MS = 1000
_Signature = tuple[int, int, int] | None


class FileSource:
    """Resources out of one file. `load` gives the document with the environment filled in.

    With `may_lack` there need not be a file; once there was one, its loss is an error like any other.
    """

    def __init__(self, path: Path, environ: Mapping[str, str] | None = None, *, may_lack: bool = False) -> None:
        self.path = path
        self._may_lack = may_lack
        self._environ = os.environ if environ is None else environ
        self._loaded: _Signature = None

    def load(self) -> dict[str, Any]:
        """Read the file.

        Raise ConfigError with the line or the path to a variable that is not set. A file that holds nothing is refused
        too: editors empty files before they fill them, and no gateway should lose its routes in between.
        """
        self._loaded = self._signature()
        if self._loaded is None and self._may_lack:
            return {}
        self._may_lack = False
        parsed = read_yaml(self.path)
        if not parsed:
            raise ConfigError([Finding("", "is empty: write `routes: []` where no route is wanted")], str(self.path))
        document, findings = fill(parsed, self._environ)
        if findings:
            raise ConfigError(findings, str(self.path))
        return document  # type: ignore[no-any-return]

    async def changes(self) -> AsyncIterator[None]:
        """Yield whenever the file is another one than was loaded last.

        The folder is watched, since editors and orchestrators replace files and links; a look each second catches what
        no event tells.
        """
        async for _ in awatch(
            self.path.parent,
            watch_filter=None,
            recursive=False,
            step=20,
            debounce=100,
            rust_timeout=_LOOK_MS,
            yield_on_timeout=True,
        ):
            if self._signature() != self._loaded:
                yield

    def _signature(self) -> _Signature:
        try:
            stat = self.path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns
