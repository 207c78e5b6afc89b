"""Attacks on the gateway, and what they do to others and to the worker."""
