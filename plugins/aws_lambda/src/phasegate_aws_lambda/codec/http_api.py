"""Payload format 2.0: what an HTTP API and a function URL hand to a function.

Sources: "Create AWS Lambda proxy integrations for HTTP APIs" (API Gateway developer guide) and "Invoking Lambda function
URLs" (Lambda developer guide). What has no value is left out, as there.
"""

from __future__ import annotations

from typing import Any

from .incoming import Incoming
from .parts import Binary, body_of, decoded_pairs, joined, log_time

_ROUTE = "$default"


def http_api_event(incoming: Incoming, binary: Binary) -> dict[str, Any]:
    """Return a request as an event. `rawPath` and `rawQueryString` keep their escapes. Raise NotTextError."""
    body, is_base64 = body_of(incoming, binary)
    present: dict[str, Any] = {
        "cookies": [cookie for name, value in incoming.fields if name == "cookie" for cookie in _cookies(value)],
        "queryStringParameters": joined(decoded_pairs(incoming.query)),
        "pathParameters": dict(incoming.params),
        "body": body,
    }
    return {
        "version": "2.0",
        "routeKey": _ROUTE,
        "rawPath": incoming.path,
        "rawQueryString": incoming.query,
        "headers": joined(field for field in incoming.fields if field[0] != "cookie"),
        "requestContext": _context(incoming),
        "isBase64Encoded": is_base64,
    } | {name: value for name, value in present.items() if value}


def _context(incoming: Incoming) -> dict[str, Any]:
    context: dict[str, Any] = {
        "accountId": "anonymous",
        "apiId": incoming.prefix,
        "domainName": incoming.domain,
        "domainPrefix": incoming.prefix,
        "http": {
            "method": incoming.method,
            "path": incoming.path,
            "protocol": incoming.protocol,
            "sourceIp": incoming.source_ip,
            "userAgent": incoming.header("user-agent"),
        },
        "requestId": incoming.request_id,
        "routeKey": _ROUTE,
        "stage": _ROUTE,
        "time": log_time(incoming.time),
        "timeEpoch": int(incoming.time * 1000),
    }
    if incoming.authorizer is not None:
        context["authorizer"] = incoming.authorizer
    return context


def _cookies(value: str) -> list[str]:
    return [cookie for cookie in (part.strip() for part in value.split(";")) if cookie]
