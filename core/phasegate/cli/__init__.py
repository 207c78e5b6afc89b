"""The command line: `phasegate run`, `check`, `plugins`, `routes`, and groups that distributions add."""

from .main import main

__all__ = ["main"]
