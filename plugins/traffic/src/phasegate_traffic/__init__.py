"""Plugins for Phasegate that shape requests and answers."""

from .brotli_coding import Brotli
from .client_control import ClientControl
from .echo import Echo
from .fault_injection import FaultInjection
from .gzip_coding import Gzip
from .mocking import Mocking
from .proxy_rewrite import ProxyRewrite
from .real_ip import RealIp
from .redirect import Redirect
from .request_id import RequestId
from .request_validation import RequestValidation
from .response_rewrite import ResponseRewrite

__all__ = [
    "Brotli",
    "ClientControl",
    "Echo",
    "FaultInjection",
    "Gzip",
    "Mocking",
    "ProxyRewrite",
    "RealIp",
    "Redirect",
    "RequestId",
    "RequestValidation",
    "ResponseRewrite",
]
