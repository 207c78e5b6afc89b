"""`${VAR}` and `${VAR:-default}` in configuration files, filled in after parsing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .errors import Finding

# A name as POSIX shells have it (IEEE 1003.1 section 8.1), braces required.
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_SHOWN_LENGTH = 60


class FromEnvironment(str):
    """Text that the environment filled in: it may stand for a number, and no message shows it."""

    __slots__ = ()


def shown(value: object) -> str:
    """Return a value as a message may show it: nothing that the environment filled in, and no more than a line of it."""
    if holds_environment(value):
        return "a value from the environment"
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH else f"{text[:_SHOWN_LENGTH]}..."


def holds_environment(value: object) -> bool:
    """Tell whether anything in a value came from the environment."""
    if isinstance(value, (list, tuple)):
        return any(holds_environment(item) for item in value)
    if isinstance(value, dict):
        return any(holds_environment(item) for item in value.values())
    return isinstance(value, FromEnvironment)


def fill(document: Any, environ: Mapping[str, str], path: str = "") -> tuple[Any, list[Finding]]:
    """Return the document with every reference replaced, and an error for each variable that is not set.

    Keys are left alone. A default holds where the variable is unset or empty.
    """
    findings: list[Finding] = []
    return _fill(document, environ, path, findings), findings


def _fill(value: Any, environ: Mapping[str, str], path: str, findings: list[Finding]) -> Any:
    if isinstance(value, str):
        return _fill_text(value, environ, path, findings) if "${" in value else value
    if isinstance(value, dict):
        joint = "." if path else ""
        return {key: _fill(item, environ, f"{path}{joint}{key}", findings) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, environ, f"{path}[{index}]", findings) for index, item in enumerate(value)]
    return value


def _fill_text(text: str, environ: Mapping[str, str], path: str, findings: list[Finding]) -> str:
    def replace(match: re.Match[str]) -> str:
        name, default = match.groups()
        value = environ.get(name) or default
        if value is None:
            findings.append(
                Finding(path, f"environment variable {name} is not set: set it, or write ${{{name}:-default}}")
            )
            return ""
        return value

    return FromEnvironment(_REFERENCE.sub(replace, text))
