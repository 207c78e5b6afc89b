"""The admin address: health now, the Admin API later."""

from .application import Admin, Shared

__all__ = ["Admin", "Shared"]
