"""What `make docs` does to the pages on their way into the site."""

from __future__ import annotations

import re
from typing import Any

_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./[^)]+\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Leave links to the repository's other files out: the site has the docs alone."""
    return _OUTSIDE.sub(r"\1", markdown)
