"""HTTP request to event, as an API Gateway REST API with Lambda proxy integration does it: payload format 1.0.

Sources: https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html, and for
what that page leaves open the events that LocalStack's project recorded on AWS (test_apigateway_lambda.snapshot.json).
By those, `path` and `pathParameters` keep their escapes, a trailing slash stays in `path` alone, names of headers stay
as sent, and of repeated names the last value is the single one. `version` and `authorizer` are fields of format 1.0
that HTTP APIs fill and REST APIs leave out; handlers written for either find what they look for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .events import event_body, event_fields, host_name, log_time, query_pairs
from .function import ACCOUNT_ID
from .received import Received

_LEFT_OUT = frozenset({"content-length"})
_ABSENT_IDENTITY = (
    *("accessKey", "accountId", "caller", "cognitoAuthenticationProvider", "cognitoAuthenticationType"),
    *("cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn"),
)

# "Stage names can only contain alphanumeric characters, hyphens, and underscores. Maximum length is 128 characters."
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_STAGE = re.compile(r"[A-Za-z0-9_-]{1,128}")


@dataclass(frozen=True, slots=True)
class RestCall:
    """What the front end knows of one call: its ids, and the API key that it was made with, if one is asked for."""

    request_id: str
    extended_request_id: str
    trace_id: str
    api_key: str | None = None


def stage_of(request: Received) -> tuple[str, str] | None:
    """Return a path's stage and what follows it, None when it names no stage. Slashes before the stage are skipped."""
    stage, slash, rest = request.path.decode("latin-1").lstrip("/").partition("/")
    return (stage, slash + rest) if _STAGE.fullmatch(stage) else None


def rest_event(request: Received, stage: str, path: str, call: RestCall) -> dict[str, Any]:
    """Return the event for a request below a stage."""
    proxy = path.strip("/")
    fields = [field for field in event_fields(request, call.trace_id) if field[0].lower() not in _LEFT_OUT]
    pairs = query_pairs(request)
    body, is_base64 = event_body(request)
    return {
        "version": "1.0",
        "resource": "/{proxy+}" if proxy else "/",
        "path": path or "/",
        "httpMethod": request.method,
        "headers": dict(fields) or None,
        "multiValueHeaders": _grouped(fields),
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": _grouped(pairs),
        "pathParameters": {"proxy": proxy} if proxy else None,
        "stageVariables": None,
        "requestContext": _context(request, stage, call, "/{proxy+}" if proxy else "/"),
        "body": body,
        "isBase64Encoded": is_base64,
    }


def _context(request: Received, stage: str, call: RestCall, resource: str) -> dict[str, Any]:
    host = host_name(request)
    prefix = host.partition(".")[0]
    return {
        "accountId": ACCOUNT_ID,
        "apiId": prefix,
        "authorizer": None,
        "deploymentId": "local",
        "domainName": host,
        "domainPrefix": prefix,
        "extendedRequestId": call.extended_request_id,
        "httpMethod": request.method,
        "identity": _identity(request, call),
        "path": request.path.decode("latin-1"),
        "protocol": request.protocol,
        "requestId": call.request_id,
        "requestTime": log_time(request.time),
        "requestTimeEpoch": int(request.time * 1000),
        "resourceId": "proxy" if resource != "/" else "root",
        "resourcePath": resource,
        "stage": stage,
    }


def _identity(request: Received, call: RestCall) -> dict[str, str | None]:
    absent: dict[str, str | None] = dict.fromkeys(_ABSENT_IDENTITY)
    key = {"apiKey": call.api_key, "apiKeyId": "local" if call.api_key else None}
    return absent | key | {"sourceIp": request.peer, "userAgent": request.header("user-agent") or None}


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]] | None:
    """Return every value by its name, None when there is none."""
    groups: dict[str, list[str]] = {}
    for name, value in pairs:
        groups.setdefault(name, []).append(value)
    return groups or None
