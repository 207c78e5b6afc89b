"""Puts what was measured into the documentation: between marks, which stay, and pictures beside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from .errors import BenchError
from .group import Section

PAGE = "performance.md"
PICTURES = "images"


def publish(folder: Path, machine: str, sections: Mapping[str, Section]) -> None:
    """Write the facts of the machine and what was measured where its marks are. Raise BenchError without the page."""
    page = folder / PAGE
    if not page.exists():
        raise BenchError(f"{page} is not there: name the folder of the documentation")
    text = page.read_text()
    text = between_marks(text, "machine", f"```text\n{machine}\n```")
    for section in sections.values():
        for name, block in section.blocks.items():
            text = between_marks(text, name, block)
    page.write_text(text)
    (folder / PICTURES).mkdir(exist_ok=True)
    for section in sections.values():
        for name, picture in section.pictures.items():
            (folder / PICTURES / name).write_text(picture)


def between_marks(text: str, name: str, block: str) -> str:
    """Return the text with what stands between a name's marks replaced; as it is where there are none."""
    begin, end = f"<!-- bench: {name} -->\n", f"<!-- bench: end of {name} -->"
    return re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: f"{begin}{block}\n{end}", text, flags=re.DOTALL)
