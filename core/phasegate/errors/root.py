"""The root of the error tree, and what goes wrong before there are requests: a configuration, a start, a command."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


class PhasegateError(Exception):
    """The root of every error that Phasegate raises on purpose."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell about a configuration: where it is, what it is and what to do.

    `path` leads from the document to the key (`routes[3].plugins.aws-lambda.timeout`), empty for the whole document.
    """

    path: str
    message: str
    level: Literal["error", "warning"] = "error"

    def under(self, prefix: str) -> Finding:
        """Return the same finding with `prefix` put before its path."""
        joint = "" if not prefix or not self.path or self.path.startswith("[") else "."
        return Finding(f"{prefix}{joint}{self.path}", self.message, self.level)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(PhasegateError):
    """A configuration is refused; `findings` holds every error, never only the first, and `source` names the file."""

    def __init__(self, findings: Iterable[Finding], source: str = "") -> None:
        self.findings = tuple(findings)
        self.source = source
        super().__init__(self.findings, source)

    def of(self, source: str) -> ConfigError:
        """Return the same error with its source named, unless it has one."""
        return ConfigError(self.findings, self.source or source)

    def __str__(self) -> str:
        prefix = f"{self.source}: " if self.source else ""
        return "\n".join(f"{prefix}{finding}" for finding in self.findings)


def told(error: BaseException) -> str:
    """Return what was raised in somebody else's code, and where: for whoever has to mend it."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    places = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else text


class StartupError(PhasegateError):
    """The server can't start, and nothing of it is left running."""


class CommandError(PhasegateError):
    """A command can't do what it was asked to; each line of the message is one reason."""
