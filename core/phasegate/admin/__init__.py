"""The admin address: health, and the Admin API in APISIX's shape."""

from .application import Admin, Shared
from .explaining import Explaining

__all__ = ["Admin", "Explaining", "Shared"]
