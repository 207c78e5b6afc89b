"""Payload format 1.0: what an API Gateway REST API with Lambda proxy integration hands to a function.

Source: "Lambda proxy integrations in API Gateway" (API Gateway developer guide). What has no value is null, as there; of
repeated names the last value is the single one.
"""

from __future__ import annotations

from typing import Any

from .incoming import Incoming
from .parts import Binary, body_of, decoded_pairs, grouped, log_time

_STAGE = "$default"
_ABSENT_IDENTITY = (
    *("accessKey", "accountId", "apiKey", "apiKeyId", "caller", "cognitoAuthenticationProvider"),
    *("cognitoAuthenticationType", "cognitoIdentityId", "cognitoIdentityPoolId", "principalOrgId", "user", "userArn"),
)


def rest_api_event(incoming: Incoming, binary: Binary) -> dict[str, Any]:
    """Return a request as an event. `path` and `pathParameters` keep their escapes. Raise NotTextError."""
    pairs = decoded_pairs(incoming.query)
    body, is_base64 = body_of(incoming, binary)
    return {
        "version": "1.0",
        "resource": incoming.resource,
        "path": incoming.path,
        "httpMethod": incoming.method,
        "headers": dict(incoming.fields) or None,
        "multiValueHeaders": grouped(incoming.fields) or None,
        "queryStringParameters": dict(pairs) or None,
        "multiValueQueryStringParameters": grouped(pairs) or None,
        "pathParameters": dict(incoming.params) or None,
        "stageVariables": None,
        "requestContext": _context(incoming),
        "body": body or None,
        "isBase64Encoded": is_base64,
    }


def _context(incoming: Incoming) -> dict[str, Any]:
    return {
        "accountId": "anonymous",
        "apiId": incoming.prefix,
        "authorizer": incoming.authorizer,
        "domainName": incoming.domain,
        "domainPrefix": incoming.prefix,
        "extendedRequestId": incoming.request_id,
        "httpMethod": incoming.method,
        "identity": {
            **dict.fromkeys(_ABSENT_IDENTITY),
            "sourceIp": incoming.source_ip,
            "userAgent": incoming.header("user-agent") or None,
        },
        "path": incoming.path,
        "protocol": incoming.protocol,
        "requestId": incoming.request_id,
        "requestTime": log_time(incoming.time),
        "requestTimeEpoch": int(incoming.time * 1000),
        "resourceId": "route",
        "resourcePath": incoming.resource,
        "stage": _STAGE,
    }
