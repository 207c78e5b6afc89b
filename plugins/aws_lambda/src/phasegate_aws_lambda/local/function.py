"""What is served: one handler in one file, and the settings that a Lambda function has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .runtime import Runtime, runtime_of

ACCOUNT_ID = "123456789012"
VERSION = "$LATEST"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function as Lambda would hold it. `path` is absolute, `timeout_seconds` bounds one invocation."""

    path: Path
    handler: str
    name: str
    region: str = "us-east-1"
    timeout_seconds: float = 3.0
    memory_mb: int = 128

    @property
    def runtime(self) -> Runtime:
        """What runs the handler."""
        return runtime_of(self.path)

    @property
    def arn(self) -> str:
        """The function's ARN, with the account of AWS's own examples."""
        return f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:function:{self.name}"
