"""Reload on save: tells of changed code in the handler's folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

_STEP_MS = 20
_DEBOUNCE_MS = 100


class _Code(DefaultFilter):
    """Takes files with one of some suffixes."""

    def __init__(self, suffixes: tuple[str, ...]) -> None:
        super().__init__()
        self._suffixes = suffixes

    def __call__(self, change: Change, path: str) -> bool:
        """Tell whether a changed file is code."""
        return path.endswith(self._suffixes) and super().__call__(change, path)


async def watch(folder: Path, suffixes: tuple[str, ...], changed: Callable[[list[Path]], None]) -> None:
    """Call `changed` with the files whenever some with one of the suffixes are saved, until cancelled.

    What is saved together is told together. Folders such as `.venv` and `node_modules` are left out.
    """
    async for changes in awatch(
        folder,
        watch_filter=_Code(suffixes),
        step=_STEP_MS,
        debounce=_DEBOUNCE_MS,
        ignore_permission_denied=True,
    ):
        changed(sorted(Path(path) for _, path in changes))
