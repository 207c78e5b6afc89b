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

from .request import (
    BadRequest,
    ClientClosed,
    ExpectationFailed,
    HeadTooLarge,
    Misdirected,
    OtherWebSocketVersion,
    Overloaded,
    PayloadTooLarge,
    PluginFailed,
    PluginTimedOut,
    RequestError,
    RequestTimeout,
    RouteNotFound,
    ServiceUnavailable,
    TargetTooLong,
    Unauthorized,
    VersionNotSupported,
)
from .root import CommandError, ConfigError, Finding, PhasegateError, StartupError, told
from .upstream import (
    FunctionFailed,
    MalformedResponse,
    Repeat,
    ResponseCut,
    UpstreamError,
    UpstreamTimeout,
    UpstreamTLSFailed,
    UpstreamUnreachable,
)

__all__ = [
    "BadRequest",
    "ClientClosed",
    "CommandError",
    "ConfigError",
    "ExpectationFailed",
    "Finding",
    "FunctionFailed",
    "HeadTooLarge",
    "MalformedResponse",
    "Misdirected",
    "OtherWebSocketVersion",
    "Overloaded",
    "PayloadTooLarge",
    "PhasegateError",
    "PluginFailed",
    "PluginTimedOut",
    "Repeat",
    "RequestError",
    "RequestTimeout",
    "ResponseCut",
    "RouteNotFound",
    "ServiceUnavailable",
    "StartupError",
    "TargetTooLong",
    "Unauthorized",
    "UpstreamError",
    "UpstreamTLSFailed",
    "UpstreamTimeout",
    "UpstreamUnreachable",
    "VersionNotSupported",
    "told",
]
