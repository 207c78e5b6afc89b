"""Azure Functions behind Phasegate."""

from .plugin import AzureFunctions

__all__ = ["AzureFunctions"]
