"""OpenFunction, and any other function that answers HTTP, behind Phasegate."""

from .plugin import OpenFunction

__all__ = ["OpenFunction"]
