"""The error tree: what can go wrong, with the HTTP status that a client sees.

PhasegateError
 |- ConfigError                 configuration is refused, with every finding
 |- StartupError                the server can't start (a port in use, a worker that fails)
 |- CommandError                a command can't do what it was asked to
 `- RequestError                one request fails
     |- BadRequest              400   what the client sent can't be understood
     |- OtherWebSocketVersion   400   a WebSocket handshake that is not of version 13
     |- Unauthorized            401   no credential, or one that does not hold
     |- RouteNotFound           404   no route matches
     |- RequestTimeout          408   the client took too long to send its request
     |- PayloadTooLarge         413   a body over its limit
     |- TargetTooLong           414   a request target over its limit
     |- ExpectationFailed       417   an Expect that is not 100-continue
     |- Misdirected             421   a host whose client certificates the connection was not judged by
     |- HeadTooLarge            431   fields over their limit
     |- ClientClosed            499   the client went away
     |- PluginFailed            500   a plugin raised what it should not
     |   `- PluginTimedOut      504   a plugin hung in a phase
     |- ServiceUnavailable      503   nothing can answer at the moment
     |- Overloaded              503   as many connections, or bodies on disk, as there may be
     |- VersionNotSupported     505   neither HTTP/1.0 nor HTTP/1.1
     `- UpstreamError           502   the upstream failed
         |- UpstreamUnreachable 502   refused, unresolved, or closed before an answer
         |- UpstreamTLSFailed   502   its certificate or handshake is not accepted
         |- MalformedResponse   502   its answer is not HTTP
         |- ResponseCut         502   its answer broke off after its head
         |- FunctionFailed      502   a function, or the service that runs it, says that it failed
         `- UpstreamTimeout     504   connect, head or gap took too long

The message of a RequestError is for the log. Clients see status, title and code alone.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

Repeat = Literal["always", "if_idempotent", "never"]
"""When a call that failed may be made once more: always, since the function did not run; where running twice does no harm,
since nobody knows; or never.
"""


class PhasegateError(Exception):
    """The root of every error that Phasegate raises on purpose."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell about a configuration: where it is, what it is and what to do.

    `path` leads from the document to the key (`routes[3].plugins.aws-lambda.timeout`), empty for the whole document.
    """

    path: str
    message: str
    level: Literal["error", "warning"] = "error"

    def under(self, prefix: str) -> Finding:
        """Return the same finding with `prefix` put before its path."""
        joint = "" if not prefix or not self.path or self.path.startswith("[") else "."
        return Finding(f"{prefix}{joint}{self.path}", self.message, self.level)

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(PhasegateError):
    """A configuration is refused; `findings` holds every error, never only the first, and `source` names the file."""

    def __init__(self, findings: Iterable[Finding], source: str = "") -> None:
        self.findings = tuple(findings)
        self.source = source
        super().__init__(self.findings, source)

    def of(self, source: str) -> ConfigError:
        """Return the same error with its source named, unless it has one."""
        return ConfigError(self.findings, self.source or source)

    def __str__(self) -> str:
        prefix = f"{self.source}: " if self.source else ""
        return "\n".join(f"{prefix}{finding}" for finding in self.findings)


def told(error: BaseException) -> str:
    """Return what was raised in somebody else's code, and where: for whoever has to mend it."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    places = traceback.extract_tb(error.__traceback__)
    return f"{text} ({Path(places[-1].filename).name}:{places[-1].lineno})" if places else text


class StartupError(PhasegateError):
    """The server can't start, and nothing of it is left running."""


class CommandError(PhasegateError):
    """A command can't do what it was asked to; each line of the message is one reason."""


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


class UpstreamError(RequestError):
    """The upstream failed: the root of all that a call can raise."""

    status = 502
    code = "upstream_error"
    sent: bool = True
    """Whether anything of the request may have reached the upstream; False where there was no connection."""


class UpstreamUnreachable(UpstreamError):
    """No connection to the upstream, or it closed before it answered."""

    code = "upstream_unreachable"


class UpstreamTLSFailed(UpstreamError):
    """The upstream's TLS handshake failed, or its certificate is not trusted."""

    code = "upstream_tls"


class MalformedResponse(UpstreamError):
    """The upstream's answer is not HTTP."""

    code = "malformed_response"


class ResponseCut(UpstreamError):
    """The upstream's answer broke off after its head was sent on."""

    code = "stream_aborted"


class FunctionFailed(UpstreamError):
    """A function, or the service that runs it, answered that it failed: each plugin maps its vendor's answers to these.

    `members` go into the client's problem, `headers` into the answer's head. `repeat` says when the call may be made once
    more, and `wait_seconds` how long the service wants that to be put off, None where it says nothing.
    """

    code = "function_error"

    def __init__(
        self,
        message: str,
        *,
        status: int = 502,
        code: str = "function_error",
        members: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: Repeat = "never",
        wait_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.members = members or {}
        self.headers = headers or {}
        self.repeat = repeat
        self.wait_seconds = wait_seconds


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


class UpstreamTimeout(UpstreamError):
    """The upstream took longer than its timeout to connect, to answer or to go on."""

    status = 504
    code = "upstream_timeout"
