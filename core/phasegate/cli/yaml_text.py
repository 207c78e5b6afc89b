"""Documents of lists as YAML that people read: two spaces deep, text of several lines as it stands."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_NEVER_FOLDED = 2**31 - 1
# Lines that are not empty and have no spaces around them: such text needs no hint how deep it is.
_BLOCK = re.compile(r"(?:[!-~](?:[ -~]*[!-~])?\n)+(?:[!-~](?:[ -~]*[!-~])?)?")


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Writes what is equal twice rather than once with an alias to it."""

    def ignore_aliases(self, data: object) -> bool:
        """Tell that there are none."""
        return True


def _text(dumper: Any, value: str) -> Any:
    style = "|" if _BLOCK.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(document: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the document as YAML."""
    return "".join(_list(name, items) for name, items in document.items())


def _list(name: str, items: Sequence[Mapping[str, Any]]) -> str:
    if not items:
        return f"{name}: []\n"
    return f"{name}:\n" + "".join(_item(item) for item in items)


def _item(item: Mapping[str, Any]) -> str:
    text = yaml.dump(item, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_NEVER_FOLDED)
    # The emitter's own line breaks alone: others are part of quoted text.
    return "  - " + text.rstrip("\n").replace("\n", "\n    ") + "\n"
