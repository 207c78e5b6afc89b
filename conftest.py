"""What all tests share, core's and the plugins'."""

import functools
import os
import ssl
from importlib import import_module
from typing import Any

from hypothesis import settings

# How long an example takes says something of the machine alone.
settings.register_profile("tests", deadline=None, max_examples=10)
settings.register_profile("thorough", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "tests"))

_transport: Any = import_module("httpx._transports.default")
_make = _transport.create_ssl_context


@functools.cache
def _trusting() -> ssl.SSLContext:
    made: ssl.SSLContext = _make()
    return made


def _context(**options: Any) -> ssl.SSLContext:
    if options.get("verify") is True and options.get("cert") is None:
        return _trusting()
    made: ssl.SSLContext = _make(**options)
    return made


# httpx reads all authorities for each client, for 20 ms: the same for all will do.
_transport.create_ssl_context = _context
