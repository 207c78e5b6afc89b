"""Configuration rules: cerberus with our types, errors as findings, and values bound to dataclasses."""

from .validator import Schema

__all__ = ["Schema"]
