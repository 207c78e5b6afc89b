"""What httptools raises, as the errors that requests are answered with."""

from __future__ import annotations

import logging

import httptools

from ...errors import BadRequest, RequestError, VersionNotSupported

_logger = logging.getLogger(__name__)


def cause_of(error: httptools.HttpParserCallbackError) -> RequestError:
    """Return what a callback raised."""
    cause = error.__context__
    if isinstance(cause, RequestError):
        return cause
    _logger.error("request can't be taken in", exc_info=cause)
    return RequestError("the request can't be taken in")


def fault_of(error: httptools.HttpParserError) -> RequestError:
    """Return what llhttp refuses."""
    if "HTTP version" in str(error):
        return VersionNotSupported("neither HTTP/1.0 nor HTTP/1.1")
    return BadRequest(f"what came is not HTTP/1.1: {error}")
