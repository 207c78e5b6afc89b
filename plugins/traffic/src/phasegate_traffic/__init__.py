"""Plugins for Phasegate that shape requests and answers."""

from .client_control import ClientControl
from .proxy_rewrite import ProxyRewrite
from .redirect import Redirect
from .request_id import RequestId
from .response_rewrite import ResponseRewrite

__all__ = ["ClientControl", "ProxyRewrite", "Redirect", "RequestId", "ResponseRewrite"]
