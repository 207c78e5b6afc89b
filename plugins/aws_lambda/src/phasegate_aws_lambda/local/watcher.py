"""Reload on save: tells of changed Python files in the handler's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from watchfiles import PythonFilter, awatch

_STEP_MS = 20
_DEBOUNCE_MS = 100


async def watch(folder: Path, changed: Callable[[list[Path]], None]) -> None:
    """Call `changed` with the files whenever some are saved, until cancelled.

    What is saved together is told together. Folders such as `.venv` and `__pycache__` are left out.
    """
    async for changes in awatch(
        folder,
        watch_filter=PythonFilter(),
        step=_STEP_MS,
        debounce=_DEBOUNCE_MS,
        ignore_permission_denied=True,
    ):
        changed(sorted(Path(path) for _, path in changes))
