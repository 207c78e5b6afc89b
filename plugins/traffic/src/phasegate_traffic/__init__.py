"""Plugins for Phasegate that shape requests and answers."""

from .proxy_rewrite import ProxyRewrite
from .redirect import Redirect
from .response_rewrite import ResponseRewrite

__all__ = ["ProxyRewrite", "Redirect", "ResponseRewrite"]
