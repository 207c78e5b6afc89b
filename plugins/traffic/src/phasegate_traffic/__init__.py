"""Plugins for Phasegate that shape requests and answers."""

from .proxy_rewrite import ProxyRewrite

__all__ = ["ProxyRewrite"]
