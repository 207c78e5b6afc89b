"""The admin address: health, and the Admin API in APISIX's shape."""

from .application import Admin, Shared

__all__ = ["Admin", "Shared"]
