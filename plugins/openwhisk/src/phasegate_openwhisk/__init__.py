"""Apache OpenWhisk behind Phasegate."""

from .plugin import OpenWhisk

__all__ = ["OpenWhisk"]
