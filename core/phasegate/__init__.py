"""Phasegate: an API gateway for serverless functions. These names are what a plugin is written with."""

from .authentication import goes_on_as_preflight, is_preflight
from .diagnosis import Diagnosis, in_thread
from .errors import (
    BadRequest,
    ConfigError,
    Finding,
    FunctionFailed,
    PayloadTooLarge,
    PhasegateError,
    RequestError,
    ServiceUnavailable,
    Unauthorized,
    UpstreamError,
)
from .exchange import Exchange, FunctionFacts, UpstreamFacts
from .http.body import Body
from .http.headers import Headers
from .http.message import Request, Response
from .http.query import Query
from .model import Consumer, Credential, Route, UpstreamTLS
from .passwords import check_password, hash_password
from .plugin import Clock, ConsumerDirectory, Outcome, Plugin, Services, at_once, hookimpl
from .router.expression import Conditions
from .router.variables import variable
from .secret import Secret
from .upstream.answers import Answer
from .upstream.call import Call, CallTimeouts, ConnectionOptions, Origin
from .upstream.client import UpstreamClient

__all__ = [
    "Answer",
    "BadRequest",
    "Body",
    "Call",
    "CallTimeouts",
    "Clock",
    "Conditions",
    "ConfigError",
    "ConnectionOptions",
    "Consumer",
    "ConsumerDirectory",
    "Credential",
    "Diagnosis",
    "Exchange",
    "Finding",
    "FunctionFacts",
    "FunctionFailed",
    "Headers",
    "Origin",
    "Outcome",
    "PayloadTooLarge",
    "PhasegateError",
    "Plugin",
    "Query",
    "Request",
    "RequestError",
    "Response",
    "Route",
    "Secret",
    "ServiceUnavailable",
    "Services",
    "Unauthorized",
    "UpstreamClient",
    "UpstreamError",
    "UpstreamFacts",
    "UpstreamTLS",
    "at_once",
    "check_password",
    "goes_on_as_preflight",
    "hash_password",
    "hookimpl",
    "in_thread",
    "is_preflight",
    "variable",
]
