"""Authentication plugins for Phasegate."""

from .key_auth import KeyAuth

__all__ = ["KeyAuth"]
