"""The static settings: `gateway.yaml`, read once at start."""

from .definition import DEFINITION
from .loading import FILE_NAME, load_settings
from .values import TLS, AdminKey, AdminSettings, Listen, Settings

__all__ = ["DEFINITION", "FILE_NAME", "TLS", "AdminKey", "AdminSettings", "Listen", "Settings", "load_settings"]
