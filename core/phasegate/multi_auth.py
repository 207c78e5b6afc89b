"""`multi-auth`: several auth plugins as one, any of which will do, or all of which must."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from .errors import Finding
from .plugin import Plugin


@dataclass(kw_only=True)
class MultiAuth(Plugin):
    """Says how the auth plugins of a chain answer for a request together.

    Those in `auth_plugins` (objects of one plugin's name and its configuration, as APISIX has them) join the chain. Without
    them it speaks of those that stand there by themselves. It has no phase: `authentication` reads it.
    """

    name: ClassVar[str] = "multi-auth"
    priority: ClassVar[int] = 2600
    schema: ClassVar = {
        "auth_plugins": {
            "type": "list",
            "minlength": 1,
            "about": "Objects of one auth plugin's name and its configuration; they join the chain.",
            "schema": {"type": "dict", "minlength": 1, "maxlength": 1, "valuesrules": {"type": "dict"}},
        },
        "policy": {
            "type": "string",
            "allowed": ["any", "all"],
            "default": "any",
            "about": "Whether one of them has to know the caller, or each.",
        },
        "try_next": {
            "type": "boolean",
            "default": False,
            "about": "Ask the others, too, when a credential does not hold.",
        },
    }

    auth_plugins: tuple[Mapping[str, Any], ...] = ()
    policy: Literal["any", "all"]
    try_next: bool

    def check(self) -> Iterable[Finding]:
        """Refuse a plugin that stands there twice, and `try_next` where nobody is left to try."""
        names = [name for _, name, _ in inside({"auth_plugins": self.auth_plugins})]
        for index, name in enumerate(names):
            if name in names[:index]:
                yield Finding(f"auth_plugins[{index}].{name}", "stands there twice: a chain has one of each plugin")
        if self.try_next and self.policy == "all":
            yield Finding("try_next", "has no meaning with the policy all: remove it")


def inside(config: Mapping[str, Any]) -> Iterator[tuple[int, str, Any]]:
    """Yield the plugins inside of a multi-auth's configuration: index, name, configuration. What is none is left out."""
    listed = config.get("auth_plugins")
    for index, item in enumerate(listed if isinstance(listed, (list, tuple)) else ()):
        for name, inner in item.items() if isinstance(item, Mapping) else ():
            yield index, name, inner
