"""Phasegate: an API gateway for serverless functions. These names are what a plugin is written with."""

from .errors import (
    BadRequest,
    ConfigError,
    Finding,
    PayloadTooLarge,
    PhasegateError,
    RequestError,
    ServiceUnavailable,
    Unauthorized,
)
from .exchange import Exchange, UpstreamFacts
from .http.body import Body
from .http.headers import Headers
from .http.message import Request, Response
from .http.query import Query
from .model import Consumer, Credential, Route
from .plugin import Clock, ConsumerDirectory, Outcome, Plugin, Services, hookimpl
from .secret import Secret

__all__ = [
    "BadRequest",
    "Body",
    "Clock",
    "ConfigError",
    "Consumer",
    "ConsumerDirectory",
    "Credential",
    "Exchange",
    "Finding",
    "Headers",
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
    "UpstreamFacts",
    "hookimpl",
]
