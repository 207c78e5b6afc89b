"""What ends one request, beside what its upstream does."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import ClassVar

from .root import PhasegateError


class RequestError(PhasegateError):
    """One request fails: `status` and `code` go to the client, the message to the log, at `log_level`."""

    status: int = 500
    code: str = "internal_error"
    log_level: ClassVar[int] = logging.WARNING
    members: Mapping[str, str] = MappingProxyType({})
    """What the client's problem says beyond the usual."""
    headers: Mapping[str, str] = MappingProxyType({})
    """The fields that the answer has for this error."""
    instead: tuple[str, bytes] | None = None
    """The content type and body that the answer has in place of the problem's, where the configuration says so."""

    @property
    def title(self) -> str:
        """The status in words (RFC 9110 section 15; 499 is nginx's), of one that nobody knows those of its class."""
        if self.status == 499:
            return "Client Closed Request"
        try:
            return HTTPStatus(self.status).phrase
        except ValueError:
            return "Client Error" if self.status < 500 else "Server Error"


class BadRequest(RequestError):
    """What the client sent can't be understood (RFC 9110 section 15.5.1)."""

    status = 400
    code = "bad_request"
    log_level = logging.INFO


class OtherWebSocketVersion(RequestError):
    """A handshake asks for a version of WebSocket that is not 13, which the answer names (RFC 6455 section 4.2.2)."""

    status = 400
    code = "websocket_version"
    log_level = logging.INFO


class Unauthorized(RequestError):
    """The request lacks a credential, or has one that does not hold (RFC 9110 section 15.5.2).

    `public` is the sentence the client reads, `challenges` the values of WWW-Authenticate.
    """

    status = 401
    code = "unauthorized"
    log_level = logging.INFO

    def __init__(self, message: str, *, public: str, challenges: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.public = public
        self.challenges = challenges


class RouteNotFound(RequestError):
    """No route matches the request."""

    status = 404
    code = "route_not_found"
    log_level = logging.DEBUG


class RequestTimeout(RequestError):
    """The client took too long to send its request (RFC 9110 section 15.5.9)."""

    status = 408
    code = "request_timeout"
    log_level = logging.INFO


class PayloadTooLarge(RequestError):
    """A request's body is over the limit that holds for it (RFC 9110 section 15.5.14)."""

    status = 413
    code = "payload_too_large"
    log_level = logging.INFO


class TargetTooLong(RequestError):
    """A request's target is over the limit (RFC 9110 section 15.5.15)."""

    status = 414
    code = "target_too_long"
    log_level = logging.INFO


class ExpectationFailed(RequestError):
    """A request expects what nobody can give (RFC 9110 section 10.1.1)."""

    status = 417
    code = "expectation_failed"
    log_level = logging.INFO


class Misdirected(RequestError):
    """A request is for a host whose client certificates its connection was not judged by (RFC 9110 section 15.5.20)."""

    status = 421
    code = "misdirected"
    log_level = logging.INFO


class HeadTooLarge(RequestError):
    """A request's fields are over their limits, in bytes or in number (RFC 6585 section 5)."""

    status = 431
    code = "head_too_large"
    log_level = logging.INFO


class ClientClosed(RequestError):
    """The client went away before its answer was complete."""

    status = 499
    code = "client_closed"
    log_level = logging.DEBUG


class PluginFailed(RequestError):
    """A plugin raised an exception, or answered with something that is no answer."""

    status = 500
    code = "plugin_failed"
    log_level = logging.ERROR

    def __init__(self, message: str, *, plugin: str, phase: str) -> None:
        super().__init__(message)
        self.plugin = plugin
        self.phase = phase


class PluginTimedOut(PluginFailed):
    """A plugin took longer over a phase than `limits.phase_timeout`."""

    status = 504
    code = "plugin_timeout"


class ServiceUnavailable(RequestError):
    """Nothing can answer this request at the moment (RFC 9110 section 15.6.4)."""

    status = 503
    code = "no_upstream"


class Overloaded(RequestError):
    """There are as many connections, bodies on disk, or calls of a function, as there may be."""

    status = 503
    code = "overloaded"

    def __init__(self, message: str, *, retry_after_seconds: int | None = None) -> None:
        super().__init__(message)
        if retry_after_seconds is not None:
            self.headers = {"retry-after": str(retry_after_seconds)}


class VersionNotSupported(RequestError):
    """A request line names another version of HTTP than the protocol speaks (RFC 9110 section 15.6.6)."""

    status = 505
    code = "version_not_supported"
    log_level = logging.INFO
